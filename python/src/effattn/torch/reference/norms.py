# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Normalisation of rows, and positions that turn queries and keys."""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor

from effattn.reference.operands import refuse
from effattn.torch.reference.operands import wide


def rms_norm(x: Tensor, weight: Tensor, epsilon: float = 1e-6, unit_offset: bool = False) -> Tensor:
    rows = wide(x)
    scaled = rows * (_mean(rows * rows) + epsilon).rsqrt()
    return (scaled * (1.0 + wide(weight) if unit_offset else wide(weight))).to(x.dtype)


def layer_norm(x: Tensor, weight: Tensor, bias: Optional[Tensor] = None, epsilon: float = 1e-5) -> Tensor:
    rows = wide(x)
    centred = rows - _mean(rows)
    out = centred * (_mean(centred * centred) + epsilon).rsqrt() * wide(weight)
    return (out if bias is None else out + wide(bias)).to(x.dtype)


def _mean(x: Tensor) -> Tensor:
    # Rows without columns have results without columns, whatever their mean.
    return x.sum(-1, keepdim=True) / max(x.shape[-1], 1)


def rotary_embedding(
    x: Tensor,
    positions: Tensor,
    base: float = 10000.0,
    dims: Optional[int] = None,
    layout: str = "half",
    scaling: float = 1.0,
) -> Tensor:
    dims = x.shape[-1] if dims is None else dims
    if dims > x.shape[-1] or dims % 2:
        raise refuse(
            "rotary_embedding", f"expected dims to be even and at most {x.shape[-1]} (D), but got {dims}"
        )
    return rotate(wide(x), positions, base, dims, layout, scaling).to(x.dtype)


def rotate(x: Tensor, positions: Tensor, base: float, dims: int, layout: str, scaling: float = 1.0) -> Tensor:
    """The first ``dims`` columns of ``x[B, H, T, D]`` turned by ``positions[B, T]``."""
    pairs = torch.arange(dims // 2, device=x.device, dtype=torch.float64)
    # Large positions need more digits than f32 has.
    angles = (positions.double() / scaling)[:, None, :, None] * base ** (-2.0 * pairs / max(dims, 1))
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    turned, rest = x[..., :dims], x[..., dims:]
    if layout == "half":
        a, b = turned[..., : dims // 2], turned[..., dims // 2 :]
        parts = torch.cat([a * cos - b * sin, b * cos + a * sin], -1)
    else:
        a, b = turned[..., ::2], turned[..., 1::2]
        parts = torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2)
    return torch.cat([parts, rest], -1)
