# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables of 4-bit and 8-bit codes."""

from __future__ import annotations

from typing import Optional

from effattn import reference
from effattn.ir.attributes import Choice
from effattn.ops.dispatch import Array, apply, op
from effattn.ops.op import Op

_TABLE = (
    "codes4[V4 Cb] i8, codes8[V8 C] i8, row_kind[V] flag, row_index[V] int, scales[V Cg] float,"
    " residual_codes[V Cb]? i8, residual_scales[V Cg]? float, nearest[V]? int, nearest_weight[V]? float"
)
_CLAUSES = {"residual": ("residual_codes", "residual_scales"), "nearest": ("nearest", "nearest_weight")}
_RESULT = Choice("result", "f32", "bf16", "f16")

_QUANTIZED_EMBEDDING = Op(
    "quantized_embedding", f"ids[..] int, {_TABLE} -> out[.. C] float", clauses=_CLAUSES
)


@op(reference.quantized_embedding)
def quantized_embedding(
    ids: Array,
    codes4: Array,
    codes8: Array,
    row_kind: Array,
    row_index: Array,
    scales: Array,
    *,
    residual_codes: Optional[Array] = None,
    residual_scales: Optional[Array] = None,
    nearest: Optional[Array] = None,
    nearest_weight: Optional[Array] = None,
    result: str = "f32",
    lowering: str = "cpu",
) -> Array:
    operands = {
        "ids": ids,
        "codes4": codes4,
        "codes8": codes8,
        "row_kind": row_kind,
        "row_index": row_index,
        "scales": scales,
        "residual_codes": residual_codes,
        "residual_scales": residual_scales,
        "nearest": nearest,
        "nearest_weight": nearest_weight,
    }
    element = _RESULT.check("quantized_embedding", "result", result)
    return apply(_QUANTIZED_EMBEDDING.call(operands, element=element), lowering)


_QUANTIZED_MATMUL = Op(
    "quantized_matmul",
    f"x[.. C] F, {_TABLE} -> out[.. V] F",
    clauses=_CLAUSES,
    activation=Choice("precision", "f32", "i8"),
)


@op(reference.quantized_matmul)
def quantized_matmul(
    x: Array,
    codes4: Array,
    codes8: Array,
    row_kind: Array,
    row_index: Array,
    scales: Array,
    *,
    residual_codes: Optional[Array] = None,
    residual_scales: Optional[Array] = None,
    nearest: Optional[Array] = None,
    nearest_weight: Optional[Array] = None,
    activation: str = "f32",
    lowering: str = "cpu",
) -> Array:
    operands = {
        "x": x,
        "codes4": codes4,
        "codes8": codes8,
        "row_kind": row_kind,
        "row_index": row_index,
        "scales": scales,
        "residual_codes": residual_codes,
        "residual_scales": residual_scales,
        "nearest": nearest,
        "nearest_weight": nearest_weight,
    }
    return apply(_QUANTIZED_MATMUL.call(operands, activation=activation), lowering)
