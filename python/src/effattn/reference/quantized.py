# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables of 4-bit and 8-bit rows with compensation: looking rows up and multiplying by them."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

import numpy as np

from effattn.reference.operands import (
    below,
    flags,
    integers,
    match_shapes,
    one_of,
    optional,
    reals,
    refuse,
)


class _Table(NamedTuple):
    codes4: np.ndarray
    codes8: np.ndarray
    row_kind: np.ndarray
    row_index: np.ndarray
    scales: np.ndarray
    residual_codes: Optional[np.ndarray]
    residual_scales: Optional[np.ndarray]
    nearest: Optional[np.ndarray]
    nearest_weight: Optional[np.ndarray]

    @property
    def size(self) -> int:
        return self.row_kind.size

    @property
    def width(self) -> int:
        return self.codes8.shape[1]

    @property
    def groups(self) -> int:
        return self.scales.shape[1]


def quantized_embedding(
    ids: Any,
    codes4: Any,
    codes8: Any,
    row_kind: Any,
    row_index: Any,
    scales: Any,
    *,
    residual_codes: Any = None,
    residual_scales: Any = None,
    nearest: Any = None,
    nearest_weight: Any = None,
    result: str = "f32",
) -> np.ndarray:
    """Look rows up in a table of 4-bit and 8-bit codes, with what compensates for their error.

    A value is ``code * scale``, plus ``residual code * residual scale``, plus
    ``nearest_weight`` times the same column of the 8-bit row ``nearest``.

    Args:
        ids: ``[..]``.
        codes4: rows of 4 bits a column, ``[V4, ceil(C / 2)]`` uint8: two's complement, the low half
            of a byte first, the last half unused when C is odd. V4 may be 0.
        codes8: rows of 8 bits a column, ``[V8, C]`` int8. V8 may be 0.
        row_kind: ``[V]``, not 0 where the row of an id has 8 bits.
        row_index: ``[V]``, the row of an id in its table.
        scales: ``[V, C / g]``, one for each g columns of a row.
        residual_codes, residual_scales: like ``codes4`` and ``scales``, but with V rows; both or
            neither.
        nearest: ``[V]``, the id whose plain row is added, or -1 for none; it must be an 8-bit row,
            and its own compensation is left out.
        nearest_weight: ``[V]``, with ``nearest``.
        result: "f32", "bf16" or "f16", the type that compiled functions give; float64 here.
    Returns:
        ``[.., C]``.
    Raises:
        effattn.Error: an id is outside [0, V), a row that it asks for is not in its table or has a
            code out of range (4 bits: [-7, 7], 8 bits: [-127, 127]), or shapes disagree. Rows that no id asks for are not looked at.
    """
    op = "quantized_embedding"
    ids = integers(op, "ids", ids)
    one_of(op, "result", result, ("f32", "bf16", "f16"))
    table = _table(
        op,
        codes4,
        codes8,
        row_kind,
        row_index,
        scales,
        residual_codes=residual_codes,
        residual_scales=residual_scales,
        nearest=nearest,
        nearest_weight=nearest_weight,
    )
    below(op, "ids", ids, table.size)
    wanted, places = np.unique(ids, return_inverse=True)
    return _rows(op, table, wanted)[places.reshape(ids.shape)]


def quantized_matmul(
    x: Any,
    codes4: Any,
    codes8: Any,
    row_kind: Any,
    row_index: Any,
    scales: Any,
    *,
    residual_codes: Any = None,
    residual_scales: Any = None,
    nearest: Any = None,
    nearest_weight: Any = None,
    activation: str = "f32",
) -> np.ndarray:
    """Multiply rows by the transpose of a quantised table, as a tied output head does.

    Args:
        x: rows, ``[.., C]``.
        codes4, codes8, row_kind, row_index, scales, residual_codes, residual_scales, nearest,
            nearest_weight: the table, as in quantized_embedding.
        activation: "f32", or "i8", which first rounds each group of g columns of a row of x (the
            groups of ``scales``) to whole multiples of its largest magnitude / 127, ties to even.
    Returns:
        ``[.., V]``.
    Raises:
        effattn.Error: a row of the table is not where it says or has a code out of range (4 bits:
            [-7, 7], 8 bits: [-127, 127]), or shapes disagree.
    """
    op = "quantized_matmul"
    x = reals(op, "x", x)
    one_of(op, "activation", activation, ("f32", "i8"))
    table = _table(
        op,
        codes4,
        codes8,
        row_kind,
        row_index,
        scales,
        residual_codes=residual_codes,
        residual_scales=residual_scales,
        nearest=nearest,
        nearest_weight=nearest_weight,
    )
    match_shapes(op, codes8=(table.codes8, "V8 C"), x=(x, ".. C"))
    if activation == "i8":
        x = _round_to_bytes(x, table.groups)
    return x @ _rows(op, table, np.arange(table.size)).T


def _table(
    op: str, codes4: Any, codes8: Any, row_kind: Any, row_index: Any, scales: Any, **rest: Any
) -> _Table:
    residual_codes, nearest = rest["residual_codes"], rest["nearest"]
    table = _Table(
        codes4=_codes(op, "codes4", codes4, np.uint8),
        codes8=_codes(op, "codes8", codes8, np.int8),
        row_kind=flags(op, "row_kind", row_kind),
        row_index=integers(op, "row_index", row_index),
        scales=reals(op, "scales", scales),
        residual_codes=None
        if residual_codes is None
        else _codes(op, "residual_codes", residual_codes, np.uint8),
        residual_scales=optional(reals, op, "residual_scales", rest["residual_scales"]),
        nearest=optional(integers, op, "nearest", nearest),
        nearest_weight=optional(reals, op, "nearest_weight", rest["nearest_weight"]),
    )
    sizes = match_shapes(
        op,
        codes4=(table.codes4, "V4 ceil(C/2)"),
        codes8=(table.codes8, "V8 C"),
        row_kind=(table.row_kind, "V"),
        row_index=(table.row_index, "V"),
        scales=(table.scales, "V C/g"),
        residual_codes=(table.residual_codes, "V ceil(C/2)"),
        residual_scales=(table.residual_scales, "V C/g"),
        nearest=(table.nearest, "V"),
        nearest_weight=(table.nearest_weight, "V"),
    )
    width, groups, halved = sizes["C"], sizes["C/g"], sizes["ceil(C/2)"]
    if halved != (width + 1) // 2:
        raise refuse(
            op,
            f"expected codes4 to have {(width + 1) // 2} bytes (dim 1) for {width} columns, but got {halved}",
        )
    if width and (groups == 0 or width % groups):
        raise refuse(op, f"expected groups of scales (dim 1) to divide the {width} columns, but got {groups}")
    for first, second in (("residual_codes", "residual_scales"), ("nearest", "nearest_weight")):
        given = [name for name in (first, second) if getattr(table, name) is not None]
        if len(given) == 1:
            raise refuse(op, f"expected {first} and {second} together, but got {given[0]} alone")
    return table


def _codes(op: str, name: str, array: Any, dtype: type) -> np.ndarray:
    codes, limits = integers(op, name, array), np.iinfo(dtype)
    if codes.size and not limits.min <= codes.min() <= codes.max() <= limits.max:
        raise refuse(
            op, f"expected {name} to hold {limits.dtype}, but got values from {codes.min()} to {codes.max()}"
        )
    return codes


def _rows(op: str, table: _Table, ids: np.ndarray) -> np.ndarray:
    """Compensated rows, ``[ids, C]``."""
    out = np.zeros((ids.size, table.width))
    for place, row in enumerate(ids):
        out[place] = _plain_row(op, table, row)
        if table.residual_codes is not None:
            codes = _row_codes(op, "residual_codes", table.residual_codes, row, table.width)
            out[place] += codes * _by_column(table, table.residual_scales[row])
        if table.nearest is not None and table.nearest[row] != -1:
            source = table.nearest[row]
            if not 0 <= source < table.size or not table.row_kind[source]:
                raise refuse(
                    op, f"expected nearest to be -1 or the id of an 8-bit row, but got {source} at [{row}]"
                )
            out[place] += table.nearest_weight[row] * _plain_row(op, table, source)
    return out


def _plain_row(op: str, table: _Table, row: int) -> np.ndarray:
    name, codes = ("codes8", table.codes8) if table.row_kind[row] else ("codes4", table.codes4)
    index = table.row_index[row]
    if not 0 <= index < len(codes):
        raise refuse(
            op,
            f"expected row_index to lie in [0, {len(codes)}), the rows of {name}, but got {index} at [{row}]",
        )
    return _row_codes(op, name, codes, index, table.width) * _by_column(table, table.scales[row])


def _row_codes(op: str, name: str, codes: np.ndarray, row: int, width: int) -> np.ndarray:
    found, most = (codes[row], 127) if name == "codes8" else (_halves(codes[row], width), 7)
    if found.min(initial=0) < -most:
        raise refuse(
            op, f"expected the codes of {name} to lie in [-{most}, {most}], but got {-most - 1} in row {row}"
        )
    return found


def _halves(packed: np.ndarray, width: int) -> np.ndarray:
    halves = np.stack([packed & 15, packed >> 4], axis=-1).ravel()[:width]
    return np.where(halves < 8, halves, halves - 16)


def _by_column(table: _Table, scales: np.ndarray) -> np.ndarray:
    return np.repeat(scales, table.width // max(table.groups, 1))


def _round_to_bytes(x: np.ndarray, groups: int) -> np.ndarray:
    parts = x.reshape((*x.shape[:-1], groups, x.shape[-1] // max(groups, 1)))
    step = np.abs(parts).max(axis=-1, keepdims=True, initial=0.0) / 127.0
    with np.errstate(invalid="ignore"):
        return (np.rint(parts / np.where(step == 0.0, 1.0, step)) * step).reshape(x.shape)
