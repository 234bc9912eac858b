# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Normalisation of rows."""

from __future__ import annotations

from typing import Optional

from effattn import reference
from effattn.ir.attributes import FLAG, REAL
from effattn.ops.dispatch import Array, apply, op
from effattn.ops.op import Op

_RMS_NORM = Op("rms_norm", "x[.. C] F, weight[C] float -> out[.. C] F", epsilon=REAL, unit_offset=FLAG)


@op(reference.rms_norm)
def rms_norm(
    x: Array, weight: Array, *, epsilon: float = 1e-6, unit_offset: bool = False, lowering: str = "cpu"
) -> Array:
    return apply(
        _RMS_NORM.call({"x": x, "weight": weight}, epsilon=epsilon, unit_offset=unit_offset), lowering
    )


_LAYER_NORM = Op("layer_norm", "x[.. C] F, weight[C] float, bias[C]? float -> out[.. C] F", epsilon=REAL)


@op(reference.layer_norm)
def layer_norm(
    x: Array, weight: Array, *, bias: Optional[Array] = None, epsilon: float = 1e-5, lowering: str = "cpu"
) -> Array:
    return apply(_LAYER_NORM.call({"x": x, "weight": weight, "bias": bias}, epsilon=epsilon), lowering)
