# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables of 4-bit and 8-bit codes."""

from __future__ import annotations

from typing import NamedTuple, Optional

import torch
from torch import Tensor

from effattn.reference.operands import refuse
from effattn.torch.reference.operands import below, wide

_RESULTS = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


class _Table(NamedTuple):
    codes4: Tensor
    codes8: Tensor
    row_kind: Tensor
    row_index: Tensor
    scales: Tensor
    residual_codes: Optional[Tensor]
    residual_scales: Optional[Tensor]
    nearest: Optional[Tensor]
    nearest_weight: Optional[Tensor]

    @property
    def width(self) -> int:
        return self.codes8.shape[1]


def quantized_embedding(
    ids: Tensor,
    codes4: Tensor,
    codes8: Tensor,
    row_kind: Tensor,
    row_index: Tensor,
    scales: Tensor,
    residual_codes: Optional[Tensor] = None,
    residual_scales: Optional[Tensor] = None,
    nearest: Optional[Tensor] = None,
    nearest_weight: Optional[Tensor] = None,
    result: str = "f32",
) -> Tensor:
    op = "quantized_embedding"
    table = _Table(
        codes4,
        codes8,
        row_kind,
        row_index,
        scales,
        residual_codes,
        residual_scales,
        nearest,
        nearest_weight,
    )
    places = below(op, "ids", ids, len(row_kind))
    return _rows(op, table, places).to(_RESULTS[result])


def quantized_matmul(
    x: Tensor,
    codes4: Tensor,
    codes8: Tensor,
    row_kind: Tensor,
    row_index: Tensor,
    scales: Tensor,
    residual_codes: Optional[Tensor] = None,
    residual_scales: Optional[Tensor] = None,
    nearest: Optional[Tensor] = None,
    nearest_weight: Optional[Tensor] = None,
    activation: str = "f32",
) -> Tensor:
    table = _Table(
        codes4,
        codes8,
        row_kind,
        row_index,
        scales,
        residual_codes,
        residual_scales,
        nearest,
        nearest_weight,
    )
    rows = wide(x)
    if activation == "i8" and rows.numel():
        groups = rows.unflatten(-1, (scales.shape[1], -1))
        step = groups.abs().amax(-1, keepdim=True) / 127.0
        rows = ((groups / torch.where(step == 0.0, 1.0, step)).round() * step).flatten(-2)
    everything = torch.arange(len(row_kind), device=x.device)
    return (rows @ _rows("quantized_matmul", table, everything).T).to(x.dtype)


def _rows(op: str, table: _Table, ids: Tensor) -> Tensor:
    """Compensated rows, ``[.., C]``."""
    out = _plain_rows(op, table, ids)
    if table.residual_codes is not None:
        codes = _halves(op, "residual_codes", table.residual_codes[ids], table.width)
        out = out + codes * _by_column(table, table.residual_scales[ids])
    if table.nearest is None:
        return out
    source = table.nearest.long()[ids]
    there = source != -1
    is_wide = table.row_kind.bool()
    strange = there & ((source < 0) | (source >= len(is_wide)))
    strange |= there & ~strange & ~is_wide[source.clamp(0, len(is_wide) - 1)]
    if bool(strange.any()):
        row, found = int(ids[strange][0]), int(source[strange][0])
        raise refuse(op, f"expected nearest to be -1 or the id of an 8-bit row, but got {found} at [{row}]")
    added = table.nearest_weight[ids][..., None] * _plain_rows(op, table, source, there)
    return out + torch.where(there[..., None], added, 0.0)


def _plain_rows(op: str, table: _Table, ids: Tensor, asked: Optional[Tensor] = None) -> Tensor:
    """Rows without compensation, 0 where they are not ``asked`` for."""
    asked = torch.ones_like(ids, dtype=torch.bool) if asked is None else asked
    ids = torch.where(asked, ids, 0)
    index, kind = table.row_index.long()[ids], table.row_kind.bool()[ids]
    codes = torch.zeros(*ids.shape, table.width, device=ids.device)
    for name, rows, chosen in (("codes8", table.codes8, kind), ("codes4", table.codes4, ~kind)):
        chosen = chosen & asked
        outside = chosen & ((index < 0) | (index >= len(rows)))
        if bool(outside.any()):
            row, found = int(ids[outside][0]), int(index[outside][0])
            raise refuse(
                op,
                f"expected row_index to lie in [0, {len(rows)}), the rows of {name}, "
                f"but got {found} at [{row}]",
            )
        codes[chosen] = _decode(op, name, rows[index[chosen]], table.width)
    return codes * _by_column(table, table.scales[ids])


def _decode(op: str, name: str, rows: Tensor, width: int) -> Tensor:
    if name == "codes4":
        return _halves(op, name, rows, width)
    if bool((rows == -128).any()):
        raise refuse(op, f"expected the codes of {name} to lie in [-127, 127], but got -128")
    return rows.float()


def _halves(op: str, name: str, packed: Tensor, width: int) -> Tensor:
    packed = packed.to(torch.uint8) if packed.dtype != torch.int8 else packed.view(torch.uint8)
    halves = torch.stack([packed & 15, packed >> 4], -1).flatten(-2)[..., :width].int()
    codes = torch.where(halves < 8, halves, halves - 16)
    if bool((codes == -8).any()):
        raise refuse(op, f"expected the codes of {name} to lie in [-7, 7], but got -8")
    return codes.float()


def _by_column(table: _Table, scales: Tensor) -> Tensor:
    return wide(scales).repeat_interleave(table.width // max(scales.shape[-1], 1), dim=-1)
