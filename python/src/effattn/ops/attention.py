# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention over the keys that a mask keeps, of one stream of values or two, and its merging."""

from __future__ import annotations

from typing import Optional, Tuple, Union

from effattn import reference
from effattn.ir.attributes import REAL
from effattn.ops.dispatch import Array, apply, op
from effattn.ops.masks import Mask, check_mask
from effattn.ops.op import Op
from effattn.reference.operands import refuse

_ATTENTION = Op(
    "attention",
    "q[B H T D] F, k[B G S D] float, v[B G S E] float, lengths[B]? int, key_lengths[B]? int,"
    " key_positions[B S]? int, offset[B or scalar]? int -> out[B H T E] F, lse[B H T]? f32",
    scale=REAL,
    softcap=REAL,
)


@op(reference.attention)
def attention(
    q: Array,
    k: Array,
    v: Array,
    *,
    mask: Optional[Mask] = None,
    lengths: Optional[Array] = None,
    key_lengths: Optional[Array] = None,
    key_positions: Optional[Array] = None,
    offset: Optional[Array] = None,
    scale: Optional[float] = None,
    softcap: Optional[float] = None,
    return_lse: bool = False,
    score: Optional[str] = None,
    slopes: Optional[Array] = None,
    lowering: str = "cpu",
) -> Union[Array, Tuple[Array, Array]]:
    if score not in (None, "alibi"):
        raise refuse(
            "attention", f'expected score to be "alibi", but got {score!r}: others are written in IR'
        )
    if (score is None) != (slopes is None):
        given = "slopes without it" if score is None else "it without slopes"
        raise refuse("attention", f'expected score = "alibi" and slopes together, but got {given}')
    operands = {
        "q": q,
        "k": k,
        "v": v,
        "lengths": lengths,
        "key_lengths": key_lengths,
        "key_positions": key_positions,
        "offset": offset,
    }
    call = _ATTENTION.call(
        operands,
        mask=None if mask is None else check_mask("attention", mask),
        slopes=slopes,
        absent=() if return_lse else ("lse",),
        scale=scale,
        softcap=softcap,
    )
    return apply(call, lowering)


_MERGE_ATTENTION = Op(
    "merge_attention",
    "out1[B H T E] F, lse1[B H T] f32, out2[B H T E] float, lse2[B H T] f32 -> out[B H T E] F, lse[B H T] f32",
)


@op(reference.merge_attention)
def merge_attention(
    out1: Array, lse1: Array, out2: Array, lse2: Array, *, lowering: str = "cpu"
) -> Tuple[Array, Array]:
    operands = {"out1": out1, "lse1": lse1, "out2": out2, "lse2": lse2}
    return apply(_MERGE_ATTENTION.call(operands), lowering)


_SYSTEMATIC_ATTENTION = Op(
    "systematic_attention",
    "q[B H T D] F, k[B G S D] float, v[B G S E] float, v2[B G S E] float, relative_keys[Nr D]? float,"
    " relative_values[Nr E]? float -> out[B H T E] F, out2[B H T E] F",
    scale=REAL,
)


@op(reference.systematic_attention)
def systematic_attention(
    q: Array,
    k: Array,
    v: Array,
    v2: Array,
    *,
    mask: Optional[Mask] = None,
    relative_keys: Optional[Array] = None,
    relative_values: Optional[Array] = None,
    scale: Optional[float] = None,
    lowering: str = "cpu",
) -> Tuple[Array, Array]:
    call = _SYSTEMATIC_ATTENTION.call(
        {
            "q": q,
            "k": k,
            "v": v,
            "v2": v2,
            "relative_keys": relative_keys,
            "relative_values": relative_values,
        },
        mask=None if mask is None else check_mask("systematic_attention", mask),
        scale=scale,
    )
    return apply(call, lowering)
