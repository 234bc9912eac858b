# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Caches of keys and values with a length for every row."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Tuple

from effattn import reference
from effattn.ir.attributes import FLAG, INTEGER, Choice
from effattn.ops.dispatch import Array, apply, op
from effattn.ops.op import Op
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
