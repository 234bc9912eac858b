# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Embedding tables: plain, factored into a tensor train, adapted by low rank, and split in two."""

from __future__ import annotations

import math
from typing import Optional, Sequence

import torch
from torch import Tensor

from effattn.reference.operands import refuse
from effattn.torch.reference.operands import below, wide


def embedding(ids: Tensor, table: Tensor) -> Tensor:
    return table[below("embedding", "ids", ids, len(table))]


def tensor_train_embedding(ids: Tensor, cores: Sequence[Tensor], vocabulary: Optional[int] = None) -> Tensor:
    op, modes = "tensor_train_embedding", [core.shape[1] for core in cores]
    ranks = [core.shape[0] for core in cores] + [cores[-1].shape[3]]
    for c, core in enumerate(cores):
        if core.shape[3] != ranks[c + 1]:
            raise refuse(
                op,
                f"expected core_{c + 1} r{c} (dim 0) to equal core_{c} r{c} (dim 3), "
                f"but got {ranks[c + 1]} and {core.shape[3]}",
            )
    for rank in (ranks[0], ranks[-1]):
        if rank != 1:
            raise refuse(op, f"expected the outermost ranks to be 1, but got {rank}")
    rows = math.prod(modes)
    if vocabulary is not None and vocabulary > rows:
        raise refuse(
            op, f"expected vocabulary to be at most the product of all n, but got {vocabulary} and {rows}"
        )
    places = below(op, "ids", ids, rows if vocabulary is None else vocabulary)
    digits = []
    for mode in reversed(modes):
        digits.insert(0, places.remainder(max(mode, 1)))
        places = places.div(max(mode, 1), rounding_mode="floor")
    # A row of matrices [columns so far, rank] for each id, one digit multiplied on after another.
    out = wide(cores[0]).new_ones(*ids.shape, 1, 1)
    for core, digit in zip(cores, digits):
        picked = wide(core).permute(1, 0, 2, 3)[digit]
        out = torch.einsum("...cr,...rms->...cms", out, picked).flatten(-3, -2)
    return out[..., 0].to(cores[0].dtype)


def lora_embedding(
    ids: Tensor,
    table: Tensor,
    a: Tensor,
    b: Tensor,
    weights: Optional[Tensor] = None,
    alpha: float = 1.0,
) -> Tensor:
    places = below("lora_embedding", "ids", ids, len(table))
    change = torch.einsum("n...r,nrc->...nc", wide(a)[:, places], wide(b))
    if weights is not None:
        by_row = weights.dim() == 2
        shape = (len(weights), *[1] * (ids.dim() - 1)) if by_row else (1,) * ids.dim()
        change = change * wide(weights).reshape(*shape, weights.shape[-1], 1)
    return (wide(table)[places] + alpha / max(a.shape[2], 1) * change.sum(-2)).to(table.dtype)


def split_embedding(
    ids: Tensor,
    invariant: Tensor,
    variant: Tensor,
    invariant_map: Optional[Tensor] = None,
    variant_map: Optional[Tensor] = None,
    combine: str = "add",
) -> Tensor:
    op = "split_embedding"
    rows = len(invariant if invariant_map is None else invariant_map)
    below(op, "ids", ids, min(rows, len(variant if variant_map is None else variant_map)))
    first = _part(op, "invariant_map", ids, invariant, invariant_map)
    second = _part(op, "variant_map", ids, variant, variant_map)
    if combine == "add":
        return (wide(first) + wide(second)).to(invariant.dtype)
    return torch.cat([first, second.to(first.dtype)], -1)


def _part(op: str, name: str, ids: Tensor, table: Tensor, places: Optional[Tensor]) -> Tensor:
    rows = ids.long() if places is None else places.long()[ids.long()]
    outside = (rows < 0) | (rows >= len(table))
    if bool(outside.any()):
        token, row = int(ids[outside][0]), int(rows[outside][0])
        raise refuse(op, f"expected {name} to lie in [0, {len(table)}), but got {row} at [{token}]")
    return table[rows]
