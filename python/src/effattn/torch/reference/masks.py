# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Masks: which keys each query keeps."""

from __future__ import annotations

from typing import Callable, Dict, NamedTuple, Optional, Sequence, Union

import torch
from torch import Tensor

from effattn.ops import Mask
from effattn.reference.operands import refuse
from effattn.torch.masks import unpack
from effattn.torch.reference.operands import below


class Grid(NamedTuple):
    """The absolute positions of queries ``[B, 1, T, 1]`` and keys ``[B, 1, 1, S]``."""

    queries: Tensor
    keys: Tensor

    @staticmethod
    def create(offset: Tensor, batch: int, queries: int, key_positions: Tensor) -> "Grid":
        """Rows i at position offset + i (offset a scalar or ``[B]``), keys at ``key_positions[B, S]``."""
        rows = offset.long().expand(batch)[:, None] + torch.arange(queries, device=key_positions.device)
        return Grid(rows[:, None, :, None], key_positions[:, None, None, :])


def keep(mask: Mask, grid: Grid) -> Tensor:
    """Which keys each row keeps, in a shape that ``[B, H, T, S]`` matches."""
    return _PREDICATES[mask.op](mask, grid)


def _row(mask: Mask, name: str) -> Union[Tensor, int]:
    """A ``[B]`` operand shaped to meet positions; 0 when it is absent."""
    value = mask.operands.get(name)
    return 0 if value is None else value[:, None, None, None]


def _initial(mask: Mask, grid: Grid) -> Tensor:
    start = _row(mask, "starts")
    return (start <= grid.keys) & (grid.keys < start + mask.attributes["count"])


def _length(mask: Mask, grid: Grid) -> Tensor:
    return (_row(mask, "starts") <= grid.keys) & (grid.keys < _row(mask, "lengths"))


def _document(mask: Mask, grid: Grid) -> Tensor:
    query_ids, key_ids = mask.operands["query_ids"], mask.operands["key_ids"]
    return query_ids[:, None, :, None] == key_ids[:, None, None, :]


def _separator(mask: Mask, grid: Grid) -> Tensor:
    start = _row(mask, "starts")
    initial = (start <= grid.keys) & (grid.keys < start + mask.attributes["initial"])
    window = grid.keys > grid.queries - mask.attributes["window"]
    flags = mask.operands["is_separator"].bool()[:, None, None, :]
    kept = (grid.keys <= grid.queries) & (initial | flags | window)
    return kept & (grid.keys >= start) if "starts" in mask.operands else kept


def _and(mask: Mask, grid: Grid) -> Tensor:
    kept = keep(mask.parts[0], grid)
    for part in mask.parts[1:]:
        kept = kept & keep(part, grid)
    return kept


def _or(mask: Mask, grid: Grid) -> Tensor:
    kept = keep(mask.parts[0], grid)
    for part in mask.parts[1:]:
        kept = kept | keep(part, grid)
    return kept


_PREDICATES: Dict[str, Callable[[Mask, Grid], Tensor]] = {
    "causal_mask": lambda mask, grid: grid.keys <= grid.queries,
    "window_mask": lambda mask, grid: grid.keys > grid.queries - mask.attributes["size"],
    "initial_mask": _initial,
    "length_mask": _length,
    "document_mask": _document,
    "dense_mask": lambda mask, grid: mask.operands["keep"].bool(),
    "separator_mask": _separator,
    "mask_and": _and,
    "mask_or": _or,
    "mask_not": lambda mask, grid: ~keep(mask.parts[0], grid),
}


def materialize_mask(
    mask_operands: Sequence[Tensor],
    mask: str,
    batch: int,
    queries: int,
    keys: int,
    heads: int = 1,
    offset: Optional[Tensor] = None,
) -> Tensor:
    offset = torch.tensor(keys - queries) if offset is None else offset
    grid = Grid.create(offset, batch, queries, torch.arange(keys).expand(batch, keys))
    return keep(unpack(mask, mask_operands), grid).expand(batch, heads, queries, keys)


def separator_positions(
    ids: Tensor, separators: Optional[Sequence[int]] = None, bitmap: Optional[Tensor] = None
) -> Tensor:
    op = "separator_positions"
    if (separators is None) == (bitmap is None):
        count = "neither" if bitmap is None else "both"
        raise refuse(op, f"expected either separators or bitmap, but got {count}")
    if bitmap is None:
        return torch.isin(ids, torch.tensor(list(separators), dtype=ids.dtype, device=ids.device))
    return bitmap.bool()[below(op, "ids", ids, len(bitmap))]
