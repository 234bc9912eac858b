# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Positions that turn queries and keys."""

from __future__ import annotations

from typing import Optional

from effattn import reference
from effattn.ir.attributes import INTEGER, REAL, Choice
from effattn.ops.dispatch import Array, apply, op
from effattn.ops.op import Op

ROPE_LAYOUT = Choice("rope_layout", "half", "interleaved")

_ROTARY_EMBEDDING = Op(
    "rotary_embedding",
    "x[B H T D] F, positions[B T] int -> out[B H T D] F",
    base=REAL,
    dims=INTEGER,
    layout=ROPE_LAYOUT,
    scaling=REAL,
)


@op(reference.rotary_embedding)
def rotary_embedding(
    x: Array,
    positions: Array,
    *,
    base: float = 10000.0,
    dims: Optional[int] = None,
    layout: str = "half",
    scaling: float = 1.0,
    lowering: str = "cpu",
) -> Array:
    call = _ROTARY_EMBEDDING.call(
        {"x": x, "positions": positions}, base=base, dims=dims, layout=layout, scaling=scaling
    )
    return apply(call, lowering)
