# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Feed-forward layers."""

from __future__ import annotations

from typing import Tuple

from effattn import reference
from effattn.ir.attributes import FLAG, INTEGER, REAL, Choice
from effattn.ops.dispatch import Array, apply, op
from effattn.ops.op import Op
from effattn.reference.operands import at_least

_ACTIVATION = Choice("activation", "silu", "gelu", "gelu_tanh", "relu")
_GATED_FFN = Op(
    "gated_ffn",
    "x[.. C] F, gate[C F] float, up[C F] float, down[F C] float -> out[.. C] F",
    activation=_ACTIVATION,
)


@op(reference.gated_ffn)
def gated_ffn(
    x: Array, gate: Array, up: Array, down: Array, *, activation: str = "silu", lowering: str = "cpu"
) -> Array:
    call = _GATED_FFN.call({"x": x, "gate": gate, "up": up, "down": down}, activation=activation)
    return apply(call, lowering)


_PACKED_MATMUL = Op("packed_matmul", "x[.. C] F, panels[P C W] float -> out[.. N] F")


@op(reference.packed_matmul)
def packed_matmul(x: Array, panels: Array, *, columns: int, lowering: str = "cpu") -> Array:
    call = _PACKED_MATMUL.call(
        {"x": x, "panels": panels}, fixed={"N": at_least("packed_matmul", "columns", columns, 0)}
    )
    return apply(call, lowering)


_HOURGLASS_FFN = Op(
    "hourglass_ffn",
    "x[.. C] F, norm[Kb C] float, gate[Kb C Dh] float, up[Kb C Dh] float, down[Kb Dh C] float -> out[.. C] F",
    activation=_ACTIVATION,
    epsilon=REAL,
)


@op(reference.hourglass_ffn)
def hourglass_ffn(
    x: Array,
    norm: Array,
    gate: Array,
    up: Array,
    down: Array,
    *,
    activation: str = "silu",
    epsilon: float = 1e-6,
    lowering: str = "cpu",
) -> Array:
    operands = {"x": x, "norm": norm, "gate": gate, "up": up, "down": down}
    return apply(_HOURGLASS_FFN.call(operands, activation=activation, epsilon=epsilon), lowering)


_MOE_ROUTE = Op(
    "moe_route",
    "x[.. C] F, w[C X] float -> gates[.. Ke] f32, experts[.. Ke] i32, load_balance[] f32",
    k=INTEGER,
    normalize=FLAG,
)


@op(reference.moe_route)
def moe_route(
    x: Array, w: Array, *, k: int, normalize: bool = True, lowering: str = "cpu"
) -> Tuple[Array, Array, Array]:
    call = _MOE_ROUTE.call(
        {"x": x, "w": w}, fixed={"Ke": at_least("moe_route", "k", k, 0)}, k=k, normalize=normalize
    )
    return apply(call, lowering)


_MOE_FFN = Op(
    "moe_ffn",
    "x[.. C] F, gates[.. Ke] float, experts[.. Ke] int, gate[X C F] float, up[X C F] float, down[X F C] float"
    " -> out[.. C] F",
    activation=_ACTIVATION,
)


@op(reference.moe_ffn)
def moe_ffn(
    x: Array,
    gates: Array,
    experts: Array,
    gate: Array,
    up: Array,
    down: Array,
    *,
    activation: str = "silu",
    lowering: str = "cpu",
) -> Array:
    operands = {"x": x, "gates": gates, "experts": experts, "gate": gate, "up": up, "down": down}
    return apply(_MOE_FFN.call(operands, activation=activation), lowering)
