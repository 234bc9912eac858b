# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Norms and feed-forward layers."""

from __future__ import annotations

from typing import Tuple

import torch
from torch import Tensor, nn

import effattn.torch as F


def weight(*shape: int, gain: float = 1.0) -> nn.Parameter:
    """A matrix, or a stack of them, that keeps the scale of what it multiplies."""
    return nn.Parameter(torch.randn(shape) * (gain * shape[-2] ** -0.5))


class RMSNorm(nn.Module):
    """Rows divided by their root mean square."""

    def __init__(self, width: int, epsilon: float = 1e-6):
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight, epsilon=self.epsilon)


class GatedFFN(nn.Module):
    """``(act(x gate) * (x up)) down``."""

    def __init__(self, width: int, hidden: int, activation: str = "silu"):
        super().__init__()
        self.activation = activation
        self.gate, self.up = weight(width, hidden), weight(width, hidden)
        self.down = weight(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return F.gated_ffn(x, self.gate, self.up, self.down, activation=self.activation)


class HourglassFFN(nn.Module):
    """Narrow gated layers one after another, each with its norm and its residual (arXiv 2602.06471).

    Args:
        width: columns of the rows.
        blocks: how many layers.
        hidden: columns of each, from 0.4 to 0.6 of the width in the paper.
    """

    def __init__(
        self, width: int, blocks: int, hidden: int, activation: str = "silu", epsilon: float = 1e-6
    ):
        super().__init__()
        self.activation, self.epsilon = activation, epsilon
        self.norm = nn.Parameter(torch.ones(blocks, width))
        self.gate, self.up = weight(blocks, width, hidden), weight(blocks, width, hidden)
        self.down = weight(blocks, hidden, width, gain=max(blocks, 1) ** -0.5)

    def forward(self, x: Tensor) -> Tensor:
        return F.hourglass_ffn(
            x,
            self.norm,
            self.gate,
            self.up,
            self.down,
            activation=self.activation,
            epsilon=self.epsilon,
        )


class MixtureOfExperts(nn.Module):
    """Gated layers of which each row takes the most probable (arXiv 1701.06538).

    Gives the rows, and how evenly the experts were chosen: 1 when all are alike (arXiv 2101.03961).
    """

    def __init__(self, width: int, hidden: int, experts: int, chosen: int, activation: str = "silu"):
        super().__init__()
        self.chosen, self.activation = chosen, activation
        self.router = weight(width, experts)
        self.gate, self.up = weight(experts, width, hidden), weight(experts, width, hidden)
        self.down = weight(experts, hidden, width)

    def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
        gates, experts, balance = F.moe_route(x, self.router, k=self.chosen)
        out = F.moe_ffn(x, gates, experts, self.gate, self.up, self.down, activation=self.activation)
        return out, balance
