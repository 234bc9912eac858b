# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Caches of keys and values with a length for every row, and attention in them."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Tuple

import numpy as np

from effattn.error import Error
from effattn.reference.attention import attention
from effattn.reference.masks import causal_mask
from effattn.reference.operands import (
    divide_heads,
    flags,
    integers,
    match_shapes,
    one_of,
    positive,
    reals,
    refuse,
    valid_lengths,
)
from effattn.reference.positions import LAYOUTS, rotate, rotated_columns


class SeparatorCache(NamedTuple):
    """The state of a separator cache; all zeros when empty, entries past ``length`` unspecified.

    A row's entries are the initial ones, the kept separators up to ``separator_end``, and then every
    later token until the next compaction.
    """

    keys: np.ndarray
    values: np.ndarray
    flags: np.ndarray
    length: np.ndarray
    separator_end: np.ndarray


def cache_state(op: str, state: Any) -> SeparatorCache:
    """A copy of the five arrays of a state, with their types and lengths checked."""
    try:
        arrays = list(state)
    except TypeError:
        raise refuse(op, f"expected state to be five arrays, but got {type(state).__name__}") from None
    if len(arrays) != 5:
        raise refuse(
            op, f"expected state to hold {', '.join(SeparatorCache._fields)}, but got {len(arrays)} arrays"
        )
    cache = SeparatorCache(
        reals(op, "keys", arrays[0]),
        reals(op, "values", arrays[1]),
        flags(op, "flags", arrays[2]),
        integers(op, "length", arrays[3]),
        integers(op, "separator_end", arrays[4]),
    )
    sizes = match_shapes(op, **state_shapes(cache))
    valid_lengths(op, "length", cache.length, sizes["B"], sizes["N"])
    return cache


def state_shapes(cache: SeparatorCache) -> dict:
    """The arrays of a state with their dimensions, for match_shapes."""
    shapes = ("B G N D", "B G N E", "B N", "B", "B")
    return {name: (array, dims) for name, array, dims in zip(cache._fields, cache, shapes)}


def over_capacity(op: str, length: int, tokens: int, capacity: int, row: int) -> Error:
    """The error of a row whose new tokens do not fit."""
    return refuse(
        op,
        f"expected length + new tokens to be at most {capacity} (N), but got "
        f"{length} + {tokens} = {length + tokens} in row {row}",
    )


def kv_cache_append(
    keys: Any, values: Any, length: Any, k: Any, v: Any, *, lengths: Any = None, ring: bool = False
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put new keys and values behind those of each row.

    Args:
        keys, values: the cache, ``[B, G, N, D]`` and ``[B, G, N, E]``.
        length: tokens of each row so far, ``[B]``.
        k, v: the new ones, ``[B, G, T, D]`` and ``[B, G, T, E]``.
        lengths: new tokens of each row, ``[B]``; later ones are not taken.
        ring: whether token j lives at ``j mod N`` and takes the place of token ``j - N``; length
            then counts all tokens seen.
    Returns:
        the next keys, values and length (int64).
    Raises:
        effattn.Error: a row would hold more than N tokens; or, in a ring, T is above N, since some of
            the new tokens would be gone before anything could attend to them.
    Source: Mistral 7B, arXiv 2310.06825, for the ring.
    """
    op = "kv_cache_append"
    keys, values, length = (
        reals(op, "keys", keys),
        reals(op, "values", values),
        integers(op, "length", length),
    )
    k, v = reals(op, "k", k), reals(op, "v", v)
    sizes = match_shapes(
        op,
        keys=(keys, "B G N D"),
        values=(values, "B G N E"),
        length=(length, "B"),
        k=(k, "B G T D"),
        v=(v, "B G T E"),
    )
    batch, capacity, tokens = sizes["B"], sizes["N"], sizes["T"]
    lengths = valid_lengths(op, "lengths", lengths, batch, tokens)
    if ring and tokens > capacity:
        raise refuse(op, f"expected new tokens T to be at most {capacity} (N) in a ring, but got {tokens}")
    for row in range(batch):
        if length[row] < 0:
            raise refuse(op, f"expected length to be at least 0, but got {length[row]} for row {row}")
        if not ring and length[row] + lengths[row] > capacity:
            raise over_capacity(op, length[row], lengths[row], capacity, row)

    for row in range(batch):
        new = np.arange(lengths[row])
        places = (length[row] + new) % capacity if ring else length[row] + new
        keys[row][:, places] = k[row][:, new]
        values[row][:, places] = v[row][:, new]
    return keys, values, length + lengths


def cache_attention(
    q: Any,
    state: Any,
    *,
    lengths: Any = None,
    scale: Optional[float] = None,
    positions: str = "slot",
    rope_base: float = 10000.0,
    rope_dims: Optional[int] = None,
    rope_layout: str = "half",
) -> np.ndarray:
    """Attend from the last entries of a separator cache to the entries up to themselves.

    Args:
        q: queries, ``[B, H, T, D]``; query t sits at slot ``length - lengths + t``.
        state: keys ``[B, G, N, D]``, values ``[B, G, N, E]``, flags ``[B, N]``, length ``[B]`` and
            separator_end ``[B]``; G divides H. Entries past length are not looked at.
        lengths: queries of each row, ``[B]``; T when absent, and later ones give 0.
        scale: multiplies the products; ``D ** -0.5`` when absent.
        positions: "slot": keys are stored unrotated, and keys and queries rotate by their slots
            here, so that no position exceeds the capacity; "absolute": nothing rotates here.
        rope_base, rope_dims, rope_layout: base, dims and layout of rotary_embedding, for "slot".
    Returns:
        out ``[B, H, T, E]``; 0 for a query before the first slot, which sees nothing.
    Raises:
        effattn.Error: shapes disagree, a length is out of range, or an attribute is unknown.
    Source: SepLLM, arXiv 2412.12094; StreamingLLM, arXiv 2309.17453, for positions in the cache.
    """
    op = "cache_attention"
    q, cache = reals(op, "q", q), cache_state(op, state)
    return attend(op, q, cache, lengths, scale, positions, rope_base, rope_dims, rope_layout)


def attend(
    op: str,
    q: np.ndarray,
    cache: SeparatorCache,
    lengths: Any,
    scale: Optional[float],
    positions: str,
    rope_base: float,
    rope_dims: Optional[int],
    rope_layout: str,
) -> np.ndarray:
    """cache_attention for any op that attends in a cache."""
    sizes = match_shapes(op, q=(q, "B H T D"), **state_shapes(cache))
    batch, tokens = sizes["B"], sizes["T"]
    divide_heads(op, sizes["H"], sizes["G"])
    lengths = valid_lengths(op, "lengths", lengths, batch, tokens)
    one_of(op, "positions", positions, ("slot", "absolute"))
    one_of(op, "rope_layout", rope_layout, LAYOUTS)

    keys, first_slot = cache.keys, cache.length - lengths
    if positions == "slot":
        positive(op, "rope_base", rope_base)
        dims = rotated_columns(op, "rope_dims", rope_dims, sizes["D"])
        slots = np.broadcast_to(np.arange(sizes["N"]), (batch, sizes["N"]))
        keys = rotate(keys, slots, rope_base, dims, rope_layout)
        q = rotate(q, first_slot[:, None] + np.arange(tokens), rope_base, dims, rope_layout)
    return attention(
        q,
        keys,
        cache.values,
        mask=causal_mask(),
        lengths=lengths,
        key_lengths=cache.length,
        offset=first_slot,
        scale=scale,
    )
