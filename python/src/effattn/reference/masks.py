# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Masks: predicates over (batch, head, query, key) that are combined without being materialised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Optional, Sequence, Tuple, Union

import numpy as np

from effattn.error import Error
from effattn.reference.operands import at_least, below, flags, integers, match_shapes, optional, refuse


@dataclass(frozen=True)
class Grid:
    """The rows and keys that a mask is asked about.

    ``query_positions`` is ``[B, 1, T, 1]`` and ``key_positions`` ``[B, 1, 1, S]``, both absolute;
    row and key indices are plain places in these arrays.
    """

    query_positions: np.ndarray
    key_positions: np.ndarray
    heads: int

    @property
    def batch(self) -> int:
        return self.query_positions.shape[0]

    @property
    def queries(self) -> int:
        return self.query_positions.shape[2]

    @property
    def keys(self) -> int:
        return self.key_positions.shape[3]

    @staticmethod
    def create(offset: np.ndarray, batch: int, heads: int, queries: int, key_positions: np.ndarray) -> "Grid":
        """Rows i at position offset + i (offset a scalar or ``[B]``), keys at ``key_positions[B, S]``."""
        rows = np.broadcast_to(offset, (batch,))[:, None] + np.arange(queries)
        return Grid(rows[:, None, :, None], key_positions[:, None, None, :], heads)


@dataclass(frozen=True, eq=False)
class Mask:
    """A predicate: the op that made it, its operands and attributes, and the masks it combines.

    Combine masks with ``&``, ``|`` and ``~``.
    """

    op: str
    operands: Dict[str, np.ndarray] = field(default_factory=dict)
    attributes: Dict[str, int] = field(default_factory=dict)
    parts: Tuple["Mask", ...] = ()

    def __and__(self, other: "Mask") -> "Mask":
        return mask_and(self, other)

    def __or__(self, other: "Mask") -> "Mask":
        return mask_or(self, other)

    def __invert__(self) -> "Mask":
        return mask_not(self)

    def __bool__(self) -> bool:
        raise Error("a mask has no truth value: combine masks with &, | and ~, not with and, or and not")

    def __repr__(self) -> str:
        if self.parts:
            return f"{self.op}({', '.join(map(repr, self.parts))})"
        operands = [f"{name}={list(array.shape)}" for name, array in self.operands.items()]
        attributes = [f"{name}={value}" for name, value in self.attributes.items()]
        return f"{self.op}({', '.join(operands + attributes)})"

    def keep(self, grid: Grid) -> np.ndarray:
        """Which keys each row of ``grid`` keeps, ``[B, H, T, S]`` bool."""
        kept = _PREDICATES[self.op](self, grid)
        return np.broadcast_to(kept, (grid.batch, grid.heads, grid.queries, grid.keys))

    def per_row(self, name: str, grid: Grid, default: Optional[int] = None) -> Union[np.ndarray, int, None]:
        """A ``[B]`` operand shaped to meet positions, or ``default`` when it is absent."""
        array = self.operands.get(name)
        if array is None:
            return default
        self.expect(name, array.shape, (grid.batch,))
        return array[:, None, None, None]

    def expect(self, name: str, found: Tuple[int, ...], wanted: Tuple[int, ...]) -> None:
        """Refuse an operand whose shape does not fit the rows and keys asked about."""
        if found != wanted:
            raise refuse(self.op, f"expected {name} to have shape {wanted}, but got {found}")


def _make(op: str, operands: Dict[str, Optional[np.ndarray]], **attributes: int) -> Mask:
    present = {name: array for name, array in operands.items() if array is not None}
    return Mask(op, present, attributes)


def _keep_causal(mask: Mask, grid: Grid) -> np.ndarray:
    return grid.key_positions <= grid.query_positions


def _keep_window(mask: Mask, grid: Grid) -> np.ndarray:
    return grid.key_positions > grid.query_positions - mask.attributes["size"]


def _keep_initial(mask: Mask, grid: Grid) -> np.ndarray:
    start = mask.per_row("starts", grid, 0)
    k = grid.key_positions
    return (start <= k) & (k < start + mask.attributes["count"])


def _keep_length(mask: Mask, grid: Grid) -> np.ndarray:
    k = grid.key_positions
    return (mask.per_row("starts", grid, 0) <= k) & (k < mask.per_row("lengths", grid))


def _keep_document(mask: Mask, grid: Grid) -> np.ndarray:
    query_ids, key_ids = mask.operands["query_ids"], mask.operands["key_ids"]
    mask.expect("query_ids", query_ids.shape, (grid.batch, grid.queries))
    mask.expect("key_ids", key_ids.shape, (grid.batch, grid.keys))
    return query_ids[:, None, :, None] == key_ids[:, None, None, :]


def _keep_dense(mask: Mask, grid: Grid) -> np.ndarray:
    keep = mask.operands["keep"]
    wanted = (grid.batch, grid.heads, grid.queries, grid.keys)
    fits = tuple(1 if dim < 2 and size == 1 else wanted[dim] for dim, size in enumerate(keep.shape))
    mask.expect("keep", keep.shape, fits)
    return keep


def _keep_separator(mask: Mask, grid: Grid) -> np.ndarray:
    is_separator = mask.operands["is_separator"]
    mask.expect("is_separator", is_separator.shape, (grid.batch, grid.keys))
    q, k = grid.query_positions, grid.key_positions
    start = mask.per_row("starts", grid)
    first = 0 if start is None else start
    initial = (first <= k) & (k < first + mask.attributes["initial"])
    window = k > q - mask.attributes["window"]
    kept = (k <= q) & (initial | is_separator[:, None, None, :] | window)
    return kept if start is None else kept & (k >= start)


def _keep_and(mask: Mask, grid: Grid) -> np.ndarray:
    return np.logical_and.reduce([part.keep(grid) for part in mask.parts])


def _keep_or(mask: Mask, grid: Grid) -> np.ndarray:
    return np.logical_or.reduce([part.keep(grid) for part in mask.parts])


def _keep_not(mask: Mask, grid: Grid) -> np.ndarray:
    return ~mask.parts[0].keep(grid)


_PREDICATES: Dict[str, Callable[[Mask, Grid], np.ndarray]] = {
    "causal_mask": _keep_causal,
    "window_mask": _keep_window,
    "initial_mask": _keep_initial,
    "length_mask": _keep_length,
    "document_mask": _keep_document,
    "dense_mask": _keep_dense,
    "separator_mask": _keep_separator,
    "mask_and": _keep_and,
    "mask_or": _keep_or,
    "mask_not": _keep_not,
}


def causal_mask() -> Mask:
    """Keep keys at or before the query: ``k <= q``."""
    return _make("causal_mask", {})


def window_mask(*, size: int) -> Mask:
    """Keep keys after ``q - size``; the query counts, and later keys are kept too.

    Args:
        size: positions of the window, at least 1.
    Raises:
        effattn.Error: ``size`` is below 1.
    """
    return _make("window_mask", {}, size=at_least("window_mask", "size", size, 1))


def initial_mask(*, count: int, starts: Any = None) -> Mask:
    """Keep the first positions: ``start <= k < start + count``.

    Args:
        count: positions to keep, from 0 on.
        starts: where each row starts (left padding), ``[B]``; 0 when absent.
    Raises:
        effattn.Error: ``count`` is negative.
    """
    op = "initial_mask"
    starts = optional(integers, op, "starts", starts)
    match_shapes(op, starts=(starts, "B"))
    return _make(op, {"starts": starts}, count=at_least(op, "count", count, 0))


def length_mask(lengths: Any, *, starts: Any = None) -> Mask:
    """Keep the positions of each row: ``start <= k < length``.

    Args:
        lengths: the position after each row's last, ``[B]``.
        starts: where each row starts (left padding), ``[B]``; 0 when absent.
    """
    op = "length_mask"
    lengths, starts = integers(op, "lengths", lengths), optional(integers, op, "starts", starts)
    match_shapes(op, lengths=(lengths, "B"), starts=(starts, "B"))
    return _make(op, {"lengths": lengths, "starts": starts})


def document_mask(query_ids: Any, key_ids: Any) -> Mask:
    """Keep keys of the query's document; ids are by row and key index, not by position.

    Args:
        query_ids: the document of each row, ``[B, T]``.
        key_ids: the document of each key, ``[B, S]``.
    """
    op = "document_mask"
    query_ids, key_ids = integers(op, "query_ids", query_ids), integers(op, "key_ids", key_ids)
    match_shapes(op, query_ids=(query_ids, "B T"), key_ids=(key_ids, "B S"))
    return _make(op, {"query_ids": query_ids, "key_ids": key_ids})


def dense_mask(keep: Any) -> Mask:
    """Keep what an array says, by row and key index, not by position.

    Args:
        keep: ``[B or 1, H or 1, T, S]`` bool.
    """
    op = "dense_mask"
    keep = flags(op, "keep", keep)
    match_shapes(op, keep=(keep, "B H T S"))
    return _make(op, {"keep": keep})


def separator_mask(is_separator: Any, *, initial: int, window: int, starts: Any = None) -> Mask:
    """Keep initial tokens, separators and a window, all causally.

    ``k <= q and (start <= k < start + initial or is_separator[k] or k > q - window)``; where starts
    are given also ``k >= start``, so that padding queries keep nothing.

    Args:
        is_separator: which keys are separators, ``[B, S]`` bool, by key index.
        initial: initial positions, from 0 on.
        window: positions of the window, at least 1; the query counts.
        starts: where each row starts (left padding), ``[B]``.
    Raises:
        effattn.Error: ``initial`` is negative or ``window`` below 1.
    Source: SepLLM, arXiv 2412.12094.
    """
    op = "separator_mask"
    is_separator = flags(op, "is_separator", is_separator)
    starts = optional(integers, op, "starts", starts)
    match_shapes(op, is_separator=(is_separator, "B S"), starts=(starts, "B"))
    return _make(
        op,
        {"is_separator": is_separator, "starts": starts},
        initial=at_least(op, "initial", initial, 0),
        window=at_least(op, "window", window, 1),
    )


def _combine(op: str, masks: Sequence[Mask]) -> Mask:
    if not masks:
        raise refuse(op, "expected at least one mask, but got none")
    for mask in masks:
        if not isinstance(mask, Mask):
            raise refuse(op, f"expected a mask, but got {type(mask).__name__}: give arrays to dense_mask")
    return Mask(op, parts=tuple(masks))


def mask_and(*masks: Mask) -> Mask:
    """Keep what every mask keeps."""
    return _combine("mask_and", masks)


def mask_or(*masks: Mask) -> Mask:
    """Keep what any mask keeps."""
    return _combine("mask_or", masks)


def mask_not(mask: Mask) -> Mask:
    """Keep what a mask does not keep."""
    return _combine("mask_not", (mask,))


def materialize_mask(
    mask: Mask, *, batch: int, queries: int, keys: int, heads: int = 1, offset: Any = None
) -> np.ndarray:
    """Write a mask out.

    Args:
        mask: the mask.
        batch, heads, queries, keys: B, H, T and S.
        offset: the absolute position of row 0, a scalar or ``[B]``; S - T when absent.
    Returns:
        ``[B, H, T, S]`` bool.
    Raises:
        effattn.Error: a negative size, or an operand of the mask that does not fit.
    """
    op = "materialize_mask"
    _combine(op, (mask,))
    for name, size in (("batch", batch), ("queries", queries), ("keys", keys), ("heads", heads)):
        at_least(op, name, size, 0)
    offset = row_offset(op, offset, batch, np.asarray(keys - queries))
    positions = np.broadcast_to(np.arange(keys), (batch, keys))
    return mask.keep(Grid.create(offset, batch, heads, queries, positions)).copy()


def row_offset(op: str, offset: Any, batch: int, default: np.ndarray) -> np.ndarray:
    """The absolute position of row 0, a scalar or ``[B]``."""
    if offset is None:
        return default
    offset = integers(op, "offset", offset)
    if offset.shape not in ((), (batch,)):
        raise refuse(
            op, f"expected offset to be a scalar or to have shape ({batch},), but got {offset.shape}"
        )
    return offset


def separator_positions(
    ids: Any, *, separators: Optional[Sequence[int]] = None, bitmap: Any = None
) -> np.ndarray:
    """Find the tokens that are separators.

    Args:
        ids: token ids, ``[B, S]``.
        separators: the ids of separators; an id outside the vocabulary is none.
        bitmap: or a flag for every id of the vocabulary, ``[V]`` bool.
    Returns:
        ``[B, S]`` bool.
    Raises:
        effattn.Error: neither or both are given, or an id has no flag in the bitmap.
    Source: SepLLM, arXiv 2412.12094.
    """
    op = "separator_positions"
    ids, bitmap = integers(op, "ids", ids), optional(flags, op, "bitmap", bitmap)
    match_shapes(op, ids=(ids, "B S"), bitmap=(bitmap, "V"))
    if (separators is None) == (bitmap is None):
        count = "neither" if bitmap is None else "both"
        raise refuse(op, f"expected either separators or bitmap, but got {count}")
    if bitmap is None:
        return np.isin(ids, integers(op, "separators", list(separators)))
    return bitmap[below(op, "ids", ids, bitmap.size)]
