# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Caches of keys and values with a length for every row."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Tuple, Union

from effattn import reference
from effattn.ir.attributes import FLAG, INTEGER, REAL, Choice
from effattn.ops.dispatch import Array, apply, op
from effattn.ops.op import Op
from effattn.ops.positions import ROPE_LAYOUT
from effattn.reference import SeparatorCache
from effattn.reference.operands import refuse

_KV_CACHE_APPEND = Op(
    "kv_cache_append",
    "keys[B G L D] float, values[B G L E] float, length[B] int, k[B G T D] float, v[B G T E] float,"
    " lengths[B]? int"
    " -> keys=keys[B G L D] float, values=values[B G L E] float, length=length[B] int",
    ring=FLAG,
)


@op(reference.kv_cache_append)
def kv_cache_append(
    keys: Array,
    values: Array,
    length: Array,
    k: Array,
    v: Array,
    *,
    lengths: Optional[Array] = None,
    ring: bool = False,
    donate: bool = False,
    lowering: str = "cpu",
) -> Tuple[Array, Array, Array]:
    operands = {"keys": keys, "values": values, "length": length, "k": k, "v": v, "lengths": lengths}
    return apply(_KV_CACHE_APPEND.call(operands, ring=ring), lowering, donate)


# --- Separator caches --------------------------------------------------------------------------------

_STATE = (
    "keys[B G L D] float, values[B G L E] float, state_flags[B L] bool, length[B] int, separator_end[B] int"
)
_NEXT_STATE = ", ".join(f"{part.partition('[')[0]}={part}" for part in _STATE.split(", "))
_LAYOUT = {
    "initial": INTEGER,
    "separators": INTEGER,
    "window": INTEGER,
    "capacity": INTEGER,
    "when": Choice("when", "after_attention", "before_attention"),
}


def _state_operands(name: str, state: Any) -> Dict[str, Array]:
    """The five arrays of a state by name."""
    try:
        arrays: Sequence[Array] = list(state)
    except TypeError:
        raise refuse(name, f"expected state to be five arrays, but got {type(state).__name__}") from None
    if len(arrays) != 5:
        names = ", ".join(SeparatorCache._fields)
        raise refuse(name, f"expected state to hold {names}, but got {len(arrays)} arrays")
    return dict(zip(("keys", "values", "state_flags", "length", "separator_end"), arrays))


_SEPARATOR_CACHE_APPEND = Op(
    "separator_cache_append",
    f"{_STATE}, k[B G T D] float, v[B G T E] float, flags[B T] bool, lengths[B]? int -> {_NEXT_STATE}",
    **_LAYOUT,
)


@op(reference.separator_cache_append)
def separator_cache_append(
    state: Sequence[Array],
    k: Array,
    v: Array,
    flags: Array,
    *,
    initial: int,
    separators: int,
    window: int,
    capacity: int,
    when: str,
    lengths: Optional[Array] = None,
    donate: bool = False,
    lowering: str = "cpu",
) -> SeparatorCache:
    operands = {"k": k, "v": v, "flags": flags, "lengths": lengths}
    call = _SEPARATOR_CACHE_APPEND.call(
        {**_state_operands("separator_cache_append", state), **operands},
        initial=initial,
        separators=separators,
        window=window,
        capacity=capacity,
        when=when,
    )
    return SeparatorCache(*apply(call, lowering, donate))


_SEPARATOR_CACHE_COMPACT = Op("separator_cache_compact", f"{_STATE} -> {_NEXT_STATE}", **_LAYOUT)


@op(reference.separator_cache_compact)
def separator_cache_compact(
    state: Sequence[Array],
    *,
    initial: int,
    separators: int,
    window: int,
    capacity: int,
    when: str,
    donate: bool = False,
    lowering: str = "cpu",
) -> SeparatorCache:
    call = _SEPARATOR_CACHE_COMPACT.call(
        _state_operands("separator_cache_compact", state),
        initial=initial,
        separators=separators,
        window=window,
        capacity=capacity,
        when=when,
    )
    return SeparatorCache(*apply(call, lowering, donate))


_ATTENTION = {
    "scale": REAL,
    "positions": Choice("positions", "slot", "absolute"),
    "rope_base": REAL,
    "rope_dims": INTEGER,
    "rope_layout": ROPE_LAYOUT,
}
_CACHE_ATTENTION = Op(
    "cache_attention", f"q[B H T D] F, {_STATE}, lengths[B]? int -> out[B H T E] F", **_ATTENTION
)


@op(reference.cache_attention)
def cache_attention(
    q: Array,
    state: Sequence[Array],
    *,
    lengths: Optional[Array] = None,
    scale: Optional[float] = None,
    positions: str = "slot",
    rope_base: float = 10000.0,
    rope_dims: Optional[int] = None,
    rope_layout: str = "half",
    lowering: str = "cpu",
) -> Array:
    call = _CACHE_ATTENTION.call(
        {"q": q, **_state_operands("cache_attention", state), "lengths": lengths},
        scale=scale,
        positions=positions,
        rope_base=rope_base,
        rope_dims=rope_dims,
        rope_layout=rope_layout,
    )
    return apply(call, lowering)


_UPDATED_STATE = _STATE.replace("float", "F", 1)
_SEPARATOR_CACHE_UPDATE = Op(
    "separator_cache_update",
    f"{_UPDATED_STATE}, k[B G T D] float, v[B G T E] float, flags[B T] bool, q[B H T D]? float, lengths[B]? int"
    f" -> {_NEXT_STATE}, out[B H T E]? F",
    prefill=Choice("prefill", "stepwise", "whole"),
    **_LAYOUT,
    **_ATTENTION,
)


@op(reference.separator_cache_update)
def separator_cache_update(
    state: Sequence[Array],
    k: Array,
    v: Array,
    flags: Array,
    *,
    initial: int,
    separators: int,
    window: int,
    capacity: int,
    when: str,
    q: Optional[Array] = None,
    lengths: Optional[Array] = None,
    prefill: str = "stepwise",
    scale: Optional[float] = None,
    positions: str = "slot",
    rope_base: float = 10000.0,
    rope_dims: Optional[int] = None,
    rope_layout: str = "half",
    donate: bool = False,
    lowering: str = "cpu",
) -> Union[SeparatorCache, Tuple[SeparatorCache, Array]]:
    operands = {"k": k, "v": v, "flags": flags, "q": q, "lengths": lengths}
    call = _SEPARATOR_CACHE_UPDATE.call(
        {**_state_operands("separator_cache_update", state), **operands},
        absent=("out",) if q is None else (),
        initial=initial,
        separators=separators,
        window=window,
        capacity=capacity,
        when=when,
        prefill=prefill,
        scale=scale,
        positions=positions,
        rope_base=rope_base,
        rope_dims=rope_dims,
        rope_layout=rope_layout,
    )
    results = apply(call, lowering, donate)
    cache = SeparatorCache(*results[:5])
    return cache if q is None else (cache, results[5])
