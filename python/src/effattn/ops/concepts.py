# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Concepts: finding boundaries, merging tokens into concepts and mapping concepts back."""

from __future__ import annotations

from typing import Optional, Tuple

from effattn import reference
from effattn.ir.attributes import FLAG, REAL, Choice
from effattn.ops.dispatch import Array, apply, op
from effattn.ops.op import Op

_BOUNDARY_PROBABILITY = Op(
    "boundary_probability",
    "q[B T C] F, k[B T C] F, prev[B C]? F, started[B]? bool, sequence_ids[B T]? int, lengths[B]? int"
    " -> p[B T] f32, prev=last[B C] F",
    pairing=Choice("pairing", "current_query", "previous_query"),
)


@op(reference.boundary_probability)
def boundary_probability(
    q: Array,
    k: Array,
    *,
    prev: Optional[Array] = None,
    started: Optional[Array] = None,
    sequence_ids: Optional[Array] = None,
    lengths: Optional[Array] = None,
    pairing: str = "current_query",
    donate: bool = False,
    lowering: str = "cpu",
) -> Tuple[Array, Array]:
    # Without a neighbour it does not matter which rows would have one.
    started = started if prev is not None else None
    operands = {
        "q": q,
        "k": k,
        "prev": prev,
        "started": started,
        "sequence_ids": sequence_ids,
        "lengths": lengths,
    }
    return apply(_BOUNDARY_PROBABILITY.call(operands, pairing=pairing), lowering, donate)


_BOUNDARY_MASK = Op(
    "boundary_mask", "p[B T] f32, uniforms[B T]? f32 -> mask[B T] bool", threshold=REAL, strict=FLAG
)


@op(reference.boundary_mask)
def boundary_mask(
    p: Array,
    *,
    uniforms: Optional[Array] = None,
    threshold: float = 0.5,
    strict: bool = False,
    lowering: str = "cpu",
) -> Array:
    call = _BOUNDARY_MASK.call({"p": p, "uniforms": uniforms}, threshold=threshold, strict=strict)
    return apply(call, lowering)


_BOUNDARY_COUNT = Op("boundary_count", "mask[B T] bool, lengths[B]? int -> counts[B] i32, largest[] i32")


@op(reference.boundary_count)
def boundary_count(
    mask: Array, *, lengths: Optional[Array] = None, lowering: str = "cpu"
) -> Tuple[Array, Array]:
    return apply(_BOUNDARY_COUNT.call({"mask": mask, "lengths": lengths}), lowering)


_CHUNK = Op(
    "chunk",
    "h[B T C] F, mask[B T] bool, lengths[B]? int -> concepts[B N C] F, counts[B] i32",
    overflow=Choice("overflow", "error", "drop"),
)


@op(reference.chunk)
def chunk(
    h: Array,
    mask: Array,
    *,
    lengths: Optional[Array] = None,
    capacity: Optional[int] = None,
    overflow: str = "error",
    lowering: str = "cpu",
) -> Tuple[Array, Array]:
    if capacity is None:
        _, largest = boundary_count(mask, lengths=lengths, lowering=lowering)
        capacity = largest.item() if hasattr(largest, "item") else largest
    call = _CHUNK.call({"h": h, "mask": mask, "lengths": lengths}, sizes={"N": capacity}, overflow=overflow)
    return apply(call, lowering)


_DECHUNK = Op(
    "dechunk",
    "y[B N C] F, p[B T] f32, mask[B T] bool, state[B C]? f32, residual[B T C]? float, sequence_ids[B T]? int,"
    " lengths[B]? int -> out[B T C] F, state=state[B C] f32",
    epsilon=REAL,
)


@op(reference.dechunk)
def dechunk(
    y: Array,
    p: Array,
    mask: Array,
    *,
    state: Optional[Array] = None,
    residual: Optional[Array] = None,
    sequence_ids: Optional[Array] = None,
    lengths: Optional[Array] = None,
    epsilon: float = 0.0,
    donate: bool = False,
    lowering: str = "cpu",
) -> Tuple[Array, Array]:
    operands = {
        "y": y,
        "p": p,
        "mask": mask,
        "state": state,
        "residual": residual,
        "sequence_ids": sequence_ids,
        "lengths": lengths,
    }
    return apply(_DECHUNK.call(operands, epsilon=epsilon), lowering, donate)


_RATIO_LOSS = Op("ratio_loss", "p[B T] f32, mask[B T] bool, lengths[B]? int -> loss[] f32", ratio=REAL)


@op(reference.ratio_loss)
def ratio_loss(
    p: Array, mask: Array, *, ratio: float, lengths: Optional[Array] = None, lowering: str = "cpu"
) -> Array:
    return apply(_RATIO_LOSS.call({"p": p, "mask": mask, "lengths": lengths}, ratio=ratio), lowering)
