# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables whose important rows have 8 bits a value and the others 4, with compensation of the error."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional, Tuple

import numpy as np

from effattn import reference
from effattn.compress.arrays import (
    as_table,
    at_least,
    blocks,
    one_of,
    progress_bar,
    within,
)
from effattn.compress.codes import NARROW, WIDE, Coded, encode, pack_halves, values
from effattn.compress.report import Report
from effattn.compress.result import Compressed, measured, restored_pairs
from effattn.error import Error

COMPENSATIONS = ("none", "residual", "nearest")
CLIPPINGS = ("max", "mse")
SCALE_TYPES = {"f32": np.float32, "f16": np.float16}


@dataclass
class QuantizedTable(Compressed):
    """Operands of ``quantized_embedding`` and ``quantized_matmul``.

    Attributes:
        codes4: ``[V4, ceil(C / 2)]`` uint8, two codes a byte, the low half first.
        codes8: ``[V8, C]`` int8.
        row_kind: ``[V]`` uint8, 1 for rows of 8 bits.
        row_index: ``[V]`` int32, the row of an id in its table of codes.
        scales: ``[V, C / g]``.
        residual_codes, residual_scales: what is missing from every row, 4 bits a value.
        nearest: ``[V]`` int32, the 8-bit row that is added to a 4-bit one, -1 for none.
        nearest_weight: ``[V]`` float32, how much of it.
    """

    codes4: np.ndarray
    codes8: np.ndarray
    row_kind: np.ndarray
    row_index: np.ndarray
    scales: np.ndarray
    residual_codes: Optional[np.ndarray] = None
    residual_scales: Optional[np.ndarray] = None
    nearest: Optional[np.ndarray] = None
    nearest_weight: Optional[np.ndarray] = None
    report: Optional[Report] = None

    op = "quantized_embedding"
    keywords = frozenset(("residual_codes", "residual_scales", "nearest", "nearest_weight"))

    def operands(self) -> Dict[str, np.ndarray]:
        names = ("codes4", "codes8", "row_kind", "row_index", "scales")
        optional = ("residual_codes", "residual_scales", "nearest", "nearest_weight")
        given = {name: getattr(self, name) for name in (*names, *optional)}
        return {name: array for name, array in given.items() if array is not None}

    @property
    def average_width(self) -> float:
        """Bits of the codes of a value, without scales and compensation: 4 + 4 f."""
        return 4.0 + 4.0 * len(self.codes8) / len(self.row_kind)

    def reconstruct(self, ids: Any = None) -> np.ndarray:
        return self.apply(
            reference.quantized_embedding, np.arange(len(self.row_kind)) if ids is None else ids
        )


def quantize_rows(
    table: Any,
    *,
    width: float = 5.2,
    importance: Any = None,
    group: Optional[int] = None,
    clip: str = "max",
    compensation: str = "none",
    scale_type: str = "f32",
    report: bool = True,
    progress: Optional[bool] = None,
) -> QuantizedTable:
    """Give the important rows of a table 8 bits a value and the others 4.

    Args:
        table: ``[V, C]`` real numbers.
        width: bits of a code on average, 4 to 8: as many rows have 8 bits as that allows.
        importance: ``[V]``, not negative, such as the norms of the rows' gradients or how often ids
            occur; when absent, the squared error that a row is spared by 8 bits. Of rows alike, the
            first have 8 bits.
        group: g, columns that share a scale; all C when absent.
        clip: scales of 4-bit codes: "max" reaches the largest magnitude, "mse" has the least
            squared error of a search and is never worse.
        compensation: "residual" stores what is missing in 4 more bits a value of every row;
            "nearest" adds the multiple of an 8-bit row that explains most of what a 4-bit row
            misses, by least squares.
        scale_type: "f32" or "f16".
        report: measure what is lost; without it there is no ``.report``.
        progress: show a bar for work of over a second; only on a terminal when absent.
    Returns:
        operands of ``quantized_embedding`` and ``quantized_matmul``.
    Raises:
        effattn.Error: a table that is no table of finite numbers, a width outside [4, 8], a group
            that does not divide C, importance of another length, negative or not finite, or scales
            beyond ``scale_type``.
    Source: for the search of scales, Post-Training 4-bit Quantization on Embedding Tables,
        arXiv 1911.02079.
    """
    began = time.perf_counter()
    table = as_table("table", table)
    rows, columns = table.shape
    wide_count = wide_rows(width, rows)
    group = columns if group is None else at_least("group", group, 1)
    if columns % group:
        raise Error(f"expected group to divide the {columns} columns of table, but got {group}")
    one_of("clip", clip, CLIPPINGS)
    one_of("compensation", compensation, COMPENSATIONS)
    scales_as = np.dtype(SCALE_TYPES[one_of("scale_type", scale_type, tuple(SCALE_TYPES))])
    importance = None if importance is None else _importance(importance, rows)

    def code(fetch: Callable[[slice], np.ndarray], count: int, limit: int, what: str) -> Coded:
        clipping = clip if limit == NARROW else "max"
        with progress_bar(count, what, progress) as bar:
            return encode(
                fetch,
                count,
                columns,
                limit=limit,
                group=group,
                clip=clipping,
                scale_type=scales_as,
                done=bar.update,
            )

    is_wide, narrow, wide = _split(table, wide_count, importance, code)
    row_index = np.where(is_wide, np.cumsum(is_wide) - 1, np.cumsum(~is_wide) - 1).astype(np.int32)
    scales = np.empty((rows, columns // group), scales_as)
    scales[is_wide], scales[~is_wide] = wide.scales, narrow.scales
    quantized = QuantizedTable(
        pack_halves(narrow.codes), wide.codes, is_wide.astype(np.uint8), row_index, scales
    )

    if compensation == "residual":
        residual = code(
            lambda part: _missing(table, narrow, wide, is_wide, row_index, part), rows, NARROW, "residual"
        )
        quantized.residual_codes, quantized.residual_scales = pack_halves(residual.codes), residual.scales
    elif compensation == "nearest":
        with progress_bar(rows - wide_count, "nearest rows", progress) as bar:
            nearest, weight = _nearest(table, is_wide, narrow, wide, bar.update)
        quantized.nearest, quantized.nearest_weight = nearest, weight

    if not report:
        return quantized
    details = {"average width": quantized.average_width, "8-bit rows": wide_count, "columns a scale": group}
    if quantized.nearest is not None:
        details["rows with a nearest one"] = int(np.count_nonzero(quantized.nearest >= 0))
    quantized.report = measured(
        quantized, [table], restored_pairs(quantized, table), since=began, details=details, show=progress
    )
    return quantized


def wide_rows(width: float, rows: int) -> int:
    """How many rows have 8 bits for a width on average."""
    return math.floor((within("width", width, 4.0, 8.0) - 4.0) / 4.0 * rows + 1e-6)


def _importance(importance: Any, rows: int) -> np.ndarray:
    found = np.asarray(importance)
    if found.shape != (rows,):
        raise Error(f"expected importance to have shape ({rows},), one for each row, but got {found.shape}")
    try:
        found = found.astype(np.float64)
    except (TypeError, ValueError):
        raise Error(f"expected importance to hold real numbers, but got {found.dtype}") from None
    wrong = np.flatnonzero(~((found >= 0.0) & np.isfinite(found)))
    if wrong.size:
        raise Error(
            f"expected importance to be finite and not negative, but got {found[wrong[0]]} at [{wrong[0]}]"
        )
    return found


def _split(
    table: np.ndarray,
    wide_count: int,
    importance: Optional[np.ndarray],
    code: Callable[..., Coded],
) -> Tuple[np.ndarray, Coded, Coded]:
    """Which rows have 8 bits, ``[V]``, the codes of the others and theirs, both in order of ids."""
    rows = len(table)

    def coded(ids: np.ndarray, limit: int) -> Coded:
        what = "8-bit rows" if limit == WIDE else "4-bit rows"
        return code(lambda part: table[ids[part]].astype(np.float64), len(ids), limit, what)

    if importance is not None or wide_count in (0, rows):
        is_wide = _most_important(np.zeros(rows) if importance is None else importance, wide_count)
        return is_wide, coded(np.flatnonzero(~is_wide), NARROW), coded(np.flatnonzero(is_wide), WIDE)
    every = np.arange(rows)
    narrow, wide = coded(every, NARROW), coded(every, WIDE)
    is_wide = _most_important(narrow.errors - wide.errors, wide_count)
    return is_wide, narrow.take(~is_wide), wide.take(is_wide)


def _most_important(importance: np.ndarray, count: int) -> np.ndarray:
    chosen = np.zeros(len(importance), bool)
    chosen[np.argsort(-importance, kind="stable")[:count]] = True
    return chosen


def _missing(
    table: np.ndarray, narrow: Coded, wide: Coded, is_wide: np.ndarray, row_index: np.ndarray, part: slice
) -> np.ndarray:
    """Rows less what their codes give, ``[rows, C]``."""
    out = table[part].astype(np.float64)
    for kind, coded in ((~is_wide[part], narrow), (is_wide[part], wide)):
        places = row_index[part][kind]
        out[kind] -= values(coded.codes[places], coded.scales[places])
    return out


def _nearest(
    table: np.ndarray, is_wide: np.ndarray, narrow: Coded, wide: Coded, done: Callable[[int], object]
) -> Tuple[np.ndarray, np.ndarray]:
    """For every 4-bit row the id of the 8-bit row along which most of its error lies, and its weight."""
    nearest, weight = np.full(len(table), -1, np.int32), np.zeros(len(table), np.float32)
    narrow_ids, wide_ids = np.flatnonzero(~is_wide), np.flatnonzero(is_wide)
    if not wide_ids.size:
        return nearest, weight

    # Directions in float32 halve the search; the weights below are exact again.
    directions = np.empty(wide.codes.shape, np.float32)
    for part in blocks(*directions.shape):
        plain = values(wide.codes[part], wide.scales[part])
        length = np.linalg.norm(plain, axis=1, keepdims=True)
        directions[part] = np.divide(plain, length, out=plain, where=length > 0.0)

    for part in blocks(len(narrow_ids), max(4 * table.shape[1], len(wide_ids) // 4)):
        ids = narrow_ids[part]
        missing = table[ids].astype(np.float64) - values(narrow.codes[part], narrow.scales[part])
        along = np.abs(missing.astype(np.float32) @ directions.T).argmax(axis=1)
        plain = values(wide.codes[along], wide.scales[along])
        power = np.sum(plain * plain, axis=1)
        found = np.divide(np.sum(missing * plain, axis=1), power, out=np.zeros_like(power), where=power > 0.0)
        found = found.astype(np.float32)
        rest = missing - found[:, None].astype(np.float64) * plain
        helps = np.sum(rest * rest, axis=1) < np.sum(missing * missing, axis=1)
        nearest[ids[helps]], weight[ids[helps]] = wide_ids[along[helps]], found[helps]
        done(len(ids))
    return nearest, weight
