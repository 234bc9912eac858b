# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Feed-forward layers."""

from __future__ import annotations

from effattn import reference
from effattn.ir.attributes import REAL, Choice
from effattn.ops.dispatch import Array, apply, op
from effattn.ops.op import Op

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
