# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that differ in how they recall alone: from an address memory, or by linear attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Tuple, Type

import torch
from torch import Tensor, nn

import effattn.torch as F
from effattn.error import Error
from effattn.models.mqar.examples import Task
from effattn.models.training_plan import expect_at_least, expect_finite
from effattn.torch.nn import RMSNorm


@dataclass(frozen=True)
class Config:
    """Sizes of both models.

    Attributes:
        width: columns of the rows between layers.
        digits, base: of addresses; ``base ** digits`` slots, and as many features of linear attention.
        kept: slots that a token writes, and that it reads.
        value_width: columns of a slot, and of what linear attention adds up.
        gamma: strength of the decay of slots; 0: none.
    """

    width: int = 32
    layers: int = 1
    digits: int = 2
    base: int = 16
    kept: int = 4
    value_width: int = 32
    gamma: float = 0.0

    def __post_init__(self) -> None:
        expect_at_least(1, self, "width", "layers", "digits", "base", "kept", "value_width")
        expect_finite(self, "gamma")
        if self.kept > self.slots:
            raise Error(
                f"expected kept to be at most {self.slots}, as many as there are slots, but got {self.kept}"
            )

    @property
    def slots(self) -> int:
        return self.base**self.digits


class Recall(nn.Module):
    """Each token stores its value under the address of the token before it, and looks up its own.

    Args:
        config: sizes.
        addressed: columns of the rows that say where.
    """

    def __init__(self, config: Config, addressed: int):
        super().__init__()
        self.config = config
        self.address = nn.Linear(config.width, addressed, bias=False)
        self.value = nn.Linear(config.width, config.value_width, bias=False)
        self.output = nn.Linear(config.value_width, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        asked = self.address(x)
        stored = torch.cat([torch.zeros_like(asked[:, :1]), asked[:, :-1]], 1)
        return self.output(self.recall(asked, stored, self.value(x)))

    def start(self, batch: int) -> Tuple[Tensor, Tensor]:
        """The state before the first token: slots or features times values, and how much was added."""
        slots = self.config.slots
        return torch.zeros(batch, slots, self.config.value_width), torch.zeros(batch, slots)

    def recall(self, asked: Tensor, stored: Tensor, values: Tensor) -> Tensor:
        raise NotImplementedError


class AddressMemory(Recall):
    """RAM-Net: an address is the most probable slots of a product of digits. Nothing turns addresses."""

    def __init__(self, config: Config):
        super().__init__(config, config.digits * config.base)

    def recall(self, asked: Tensor, stored: Tensor, values: Tensor) -> Tensor:
        written, read = (
            F.address_decode(x, digits=self.config.digits, k=self.config.kept, normalize=True)
            for x in (stored, asked)
        )
        state = self.start(values.shape[0])
        out, _, _ = F.address_memory(*written, values, *read, *state, gamma=self.config.gamma)
        return out


class LinearAttention(Recall):
    """With the features elu + 1, and normalised.

    Source: Katharopoulos et al., Transformers are RNNs, arXiv 2006.16236.
    """

    def __init__(self, config: Config):
        super().__init__(config, config.slots)

    def recall(self, asked: Tensor, stored: Tensor, values: Tensor) -> Tensor:
        queries, keys = (x.clamp(min=0.0) + x.clamp(max=0.0).exp() for x in (asked, stored))
        places = torch.arange(values.shape[1], device=values.device)
        scores = queries @ keys.transpose(1, 2) * (places[:, None] >= places)
        return scores @ values / (scores.sum(-1, keepdim=True) + 1e-6)


KINDS: Dict[str, Type[Recall]] = {"ram-net": AddressMemory, "linear-attention": LinearAttention}


class Model(nn.Module):
    """Which value follows each token."""

    def __init__(self, kind: str, config: Config, task: Task):
        super().__init__()
        self.config = config
        self.table = nn.Embedding(task.vocabulary, config.width)
        self.norms = nn.ModuleList(RMSNorm(config.width) for _ in range(config.layers))
        self.layers = nn.ModuleList(KINDS[kind](config) for _ in range(config.layers))
        self.norm = RMSNorm(config.width)
        self.head = nn.Linear(config.width, task.values, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits of values, ``[B, T, values]``, for tokens ``[B, T]``."""
        x = self.table(ids)
        for norm, layer in zip(self.norms, self.layers):
            x = x + layer(norm(x))
        return self.head(self.norm(x))


def state_bytes(model: Model) -> int:
    """Of a layer's state for one text."""
    return sum(part.numel() * part.element_size() for part in model.layers[0].start(1))
