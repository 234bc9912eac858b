# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The separator cache: initial tokens, the newest separators and a window, at a bounded size."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Tuple, Union

import numpy as np

from effattn.reference.caches import (
    SeparatorCache,
    attend,
    cache_state,
    over_capacity,
    state_shapes,
)
from effattn.reference.operands import (
    at_least,
    match_shapes,
    one_of,
    optional,
    reals,
    refuse,
    valid_lengths,
)
from effattn.reference.operands import (
    flags as as_flags,
)


class _Layout(NamedTuple):
    """The attributes that all three ops share."""

    initial: int
    separators: int
    window: int
    capacity: int
    when: str

    def due(self, length: int) -> bool:
        return length > self.capacity if self.when == "after_attention" else length >= self.capacity


def _prepare(
    op: str, state: Any, initial: int, separators: int, window: int, capacity: int, when: str
) -> Tuple[SeparatorCache, _Layout]:
    for name, value in (("initial", initial), ("separators", separators), ("window", window)):
        at_least(op, name, value, 0)
    kept = initial + separators + window
    if kept > at_least(op, "capacity", capacity, 0):
        raise refuse(
            op,
            f"expected initial + separators + window to be at most capacity, but got {kept} and {capacity}",
        )
    one_of(op, "when", when, ("after_attention", "before_attention"))
    cache = cache_state(op, state)
    if cache.keys.shape[2] < capacity + 1:
        raise refuse(
            op,
            f"expected keys N (dim 2) to be at least capacity + 1 = {capacity + 1}, "
            f"but got {cache.keys.shape[2]}",
        )
    for row, end in enumerate(cache.separator_end):
        if end != 0 and not initial <= end <= initial + separators:
            raise refuse(
                op,
                f"expected separator_end to be 0 or to lie in [{initial}, {initial + separators}], "
                f"but got {end} for row {row}",
            )
    return cache, _Layout(initial, separators, window, capacity, when)


def separator_cache_append(
    state: Any,
    k: Any,
    v: Any,
    flags: Any,
    *,
    initial: int,
    separators: int,
    window: int,
    capacity: int,
    when: str,
    lengths: Any = None,
) -> SeparatorCache:
    """Put new entries behind those of each row, without compacting.

    Args:
        state: keys ``[B, G, N, D]``, values ``[B, G, N, E]``, flags ``[B, N]`` bool, length ``[B]``
            and separator_end ``[B]``; all zeros when empty.
        k, v: the new keys and values, ``[B, G, T, D]`` and ``[B, G, T, E]``.
        flags: which new tokens are separators, ``[B, T]`` bool.
        initial: a, entries at the start that always stay.
        separators: s, separators kept at most; 0 leaves the cache of StreamingLLM.
        window: w, entries at the end that always stay.
        capacity: c, from ``a + s + w`` on; N is at least c + 1.
        when: "after_attention" compacts a row of more than c entries, "before_attention" one of c.
        lengths: new tokens of each row, ``[B]``; later ones are not taken.
    Returns:
        the next state; its integers are int64.
    Raises:
        effattn.Error: a row would hold more than N entries, or sizes or attributes do not fit.
    Source: SepLLM, arXiv 2412.12094.
    """
    op = "separator_cache_append"
    cache, _ = _prepare(op, state, initial, separators, window, capacity, when)
    k, v, flags = reals(op, "k", k), reals(op, "v", v), as_flags(op, "flags", flags)
    sizes = _match(op, cache, k, v, flags, None)
    lengths = valid_lengths(op, "lengths", lengths, sizes["B"], sizes["T"])
    for row in range(sizes["B"]):
        _check_room(op, cache, row, lengths[row])
    for row in range(sizes["B"]):
        _append_row(cache, row, k, v, flags, 0, lengths[row])
    return cache


def separator_cache_compact(
    state: Any, *, initial: int, separators: int, window: int, capacity: int, when: str
) -> SeparatorCache:
    """Forget the entries of each full row that are not initial, separators or in the window.

    A row of n entries is due when n > c ("after_attention") or n >= c ("before_attention"). It
    keeps its first a entries, the newest s of the separators before its last w entries (those kept
    so far, then those that have left the window since), and its last w, all in order.

    Args:
        state, initial, separators, window, capacity, when: as in separator_cache_append.
    Returns:
        the next state; rows that are not due are as they were.
    Raises:
        effattn.Error: sizes or attributes do not fit.
    Source: SepLLM, arXiv 2412.12094; StreamingLLM, arXiv 2309.17453, for ``separators`` of 0.
    """
    op = "separator_cache_compact"
    cache, layout = _prepare(op, state, initial, separators, window, capacity, when)
    for row in range(cache.length.size):
        _compact_row(cache, row, layout)
    return cache


def separator_cache_update(
    state: Any,
    k: Any,
    v: Any,
    flags: Any,
    *,
    initial: int,
    separators: int,
    window: int,
    capacity: int,
    when: str,
    q: Any = None,
    lengths: Any = None,
    prefill: str = "stepwise",
    scale: Optional[float] = None,
    positions: str = "slot",
    rope_base: float = 10000.0,
    rope_dims: Optional[int] = None,
    rope_layout: str = "half",
) -> Union[SeparatorCache, Tuple[SeparatorCache, np.ndarray]]:
    """Append, attend and compact token by token.

    Args:
        state, k, v, flags, initial, separators, window, capacity, when, lengths: as in
            separator_cache_append.
        q: queries, ``[B, H, T, D]``, one for each new token. It attends before the compaction that
            its token causes ("after_attention") or after it ("before_attention").
        prefill: "stepwise"; or "whole", where a row whose length is 0 takes all its tokens without
            compacting, with causal attention, and is first compacted when the next token comes.
        scale, positions, rope_base, rope_dims, rope_layout: as in cache_attention.
    Returns:
        the next state; with ``q`` also out ``[B, H, T, E]``, 0 past ``lengths``.
    Raises:
        effattn.Error: a row would at any time hold more than N entries, or sizes or attributes do
            not fit.
    Source: SepLLM, arXiv 2412.12094.
    """
    op = "separator_cache_update"
    cache, layout = _prepare(op, state, initial, separators, window, capacity, when)
    k, v, flags = reals(op, "k", k), reals(op, "v", v), as_flags(op, "flags", flags)
    q = optional(reals, op, "q", q)
    sizes = _match(op, cache, k, v, flags, q)
    lengths = valid_lengths(op, "lengths", lengths, sizes["B"], sizes["T"])
    one_of(op, "prefill", prefill, ("stepwise", "whole"))
    whole = (cache.length == 0) & (prefill == "whole")
    for row in range(sizes["B"]):
        # Token by token only the first can lack room: a compaction leaves at most c < N entries.
        _check_room(op, cache, row, lengths[row] if whole[row] else min(lengths[row], 1))

    def seen(row: int, first: int, count: int) -> np.ndarray:
        one_row = SeparatorCache(*(array[row : row + 1] for array in cache))
        queries = q[row : row + 1, :, first : first + count]
        return attend(op, queries, one_row, None, scale, positions, rope_base, rope_dims, rope_layout)[0]

    out = None
    if q is not None:
        # Attributes and heads are checked even when no row has a token.
        out = np.zeros((sizes["B"], sizes["H"], sizes["T"], sizes["E"]))
        attend(op, q[:, :, :0], cache, None, scale, positions, rope_base, rope_dims, rope_layout)
    for row in range(sizes["B"]):
        if whole[row]:
            _append_row(cache, row, k, v, flags, 0, lengths[row])
            if q is not None:
                out[row, :, : lengths[row]] = seen(row, 0, lengths[row])
            continue
        for t in range(lengths[row]):
            _append_row(cache, row, k, v, flags, t, 1)
            if when == "before_attention":
                _compact_row(cache, row, layout)
            if q is not None:
                out[row, :, t] = seen(row, t, 1)[:, 0]
            if when == "after_attention":
                _compact_row(cache, row, layout)
    return cache if q is None else (cache, out)


def _match(
    op: str, cache: SeparatorCache, k: np.ndarray, v: np.ndarray, flags: np.ndarray, q: Optional[np.ndarray]
) -> dict:
    state = state_shapes(cache)
    # The new flags carry the name that messages give to the operand.
    state["state flags"] = state.pop("flags")
    return match_shapes(
        op, **state, k=(k, "B G T D"), v=(v, "B G T E"), flags=(flags, "B T"), q=(q, "B H T D")
    )


def _check_room(op: str, cache: SeparatorCache, row: int, tokens: int) -> None:
    room = cache.keys.shape[2]
    if cache.length[row] + tokens > room:
        raise over_capacity(op, cache.length[row], tokens, room, row)


def _append_row(
    cache: SeparatorCache, row: int, k: np.ndarray, v: np.ndarray, flags: np.ndarray, first: int, count: int
) -> None:
    start = cache.length[row]
    cache.keys[row, :, start : start + count] = k[row, :, first : first + count]
    cache.values[row, :, start : start + count] = v[row, :, first : first + count]
    cache.flags[row, start : start + count] = flags[row, first : first + count]
    cache.length[row] += count


def _compact_row(cache: SeparatorCache, row: int, layout: _Layout) -> None:
    length = cache.length[row]
    if not layout.due(length):
        return
    initial = layout.initial
    end = max(cache.separator_end[row], initial)
    left_window = np.arange(end, length - layout.window)
    candidates = np.concatenate([np.arange(initial, end), left_window[cache.flags[row, left_window]]])
    kept = candidates[max(candidates.size - layout.separators, 0) :]

    window = np.arange(length - layout.window, length)
    order = np.concatenate([np.arange(initial), kept, window])
    cache.keys[row, :, : order.size] = cache.keys[row][:, order]
    cache.values[row, :, : order.size] = cache.values[row][:, order]
    cache.flags[row, : order.size] = cache.flags[row, order]
    cache.length[row] = order.size
    cache.separator_end[row] = initial + kept.size
