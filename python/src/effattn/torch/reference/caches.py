# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Caches of keys and values with a length for every row."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from effattn.ops import SeparatorCache
from effattn.reference.operands import refuse
from effattn.torch.reference.attention import attention
from effattn.torch.reference.norms import rotate
from effattn.torch.reference.operands import row_lengths, wide


def kv_cache_append(
    keys: Tensor,
    values: Tensor,
    length: Tensor,
    k: Tensor,
    v: Tensor,
    lengths: Optional[Tensor] = None,
    ring: bool = False,
) -> Tuple[Tensor, Tensor, Tensor]:
    op, (batch, _, capacity, _), tokens = "kv_cache_append", keys.shape, k.shape[2]
    lengths = row_lengths(op, "lengths", lengths, batch, tokens, k)
    if bool((length < 0).any()):
        row = int((length < 0).nonzero()[0])
        raise refuse(op, f"expected length to be at least 0, but got {int(length[row])} for row {row}")
    if ring and tokens > capacity:
        raise refuse(op, f"expected new tokens T to be at most {capacity} (N) in a ring, but got {tokens}")
    if not ring:
        _check_room(op, length, lengths, capacity)
    entries = torch.arange(capacity, device=k.device) - length.long()[:, None]
    if ring and capacity:
        entries = entries.remainder(capacity)
    return (
        _take(keys, k, entries, lengths),
        _take(values, v, entries, lengths),
        (length + lengths).to(length.dtype),
    )


def _check_room(op: str, length: Tensor, new: Tensor, capacity: int) -> None:
    over = length + new > capacity
    if bool(over.any()):
        row = int(over.nonzero()[0])
        old, more = int(length[row]), int(new[row])
        raise refuse(
            op,
            f"expected length + new tokens to be at most {capacity} (N), but got "
            f"{old} + {more} = {old + more} in row {row}",
        )


def _take(old: Tensor, new: Tensor, source: Tensor, lengths: Tensor) -> Tensor:
    """Entries ``[B, G, N, D]``, where ``source[B, N]`` is the token of ``new[B, G, T, D]`` to put there."""
    if not new.shape[2]:
        return old.clone()
    taken = (source >= 0) & (source < lengths[:, None])
    places = source.clamp(0, new.shape[2] - 1)[:, None, :, None].expand(*old.shape)
    return torch.where(taken[:, None, :, None], new.gather(2, places).to(old.dtype), old)


# --- Separator caches --------------------------------------------------------------------------------

State = Tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def _open(
    op: str, state: Sequence[Tensor], initial: int, separators: int, window: int, capacity: int
) -> SeparatorCache:
    cache = SeparatorCache(*state)
    kept = initial + separators + window
    if kept > capacity:
        raise refuse(
            op,
            f"expected initial + separators + window to be at most capacity, but got {kept} and {capacity}",
        )
    entries = cache.keys.shape[2]
    if entries < capacity + 1:
        raise refuse(
            op,
            f"expected keys N (dim 2) to be at least capacity + 1 = {capacity + 1}, but got {entries}",
        )
    return cache._replace(flags=cache.flags.bool())


def separator_cache_append(
    state: Sequence[Tensor],
    k: Tensor,
    v: Tensor,
    flags: Tensor,
    initial: int,
    separators: int,
    window: int,
    capacity: int,
    when: str,
    lengths: Optional[Tensor] = None,
) -> State:
    op = "separator_cache_append"
    cache = _open(op, state, initial, separators, window, capacity)
    lengths = row_lengths(op, "lengths", lengths, len(k), k.shape[2], k)
    _check_room(op, cache.length, lengths, cache.keys.shape[2])
    return _append(cache, k, v, flags, lengths)


def _append(cache: SeparatorCache, k: Tensor, v: Tensor, flags: Tensor, lengths: Tensor) -> SeparatorCache:
    source = torch.arange(cache.keys.shape[2], device=k.device) - cache.length.long()[:, None]
    marks = [x[:, None, :, None] for x in (cache.flags, flags.bool())]
    return SeparatorCache(
        _take(cache.keys, k, source, lengths),
        _take(cache.values, v, source, lengths),
        _take(*marks, source, lengths)[:, 0, :, 0],
        (cache.length + lengths).to(cache.length.dtype),
        cache.separator_end,
    )


def separator_cache_compact(
    state: Sequence[Tensor], initial: int, separators: int, window: int, capacity: int, when: str
) -> State:
    cache = _open("separator_cache_compact", state, initial, separators, window, capacity)
    return _compact(cache, initial, separators, window, capacity, when)


def _compact(
    cache: SeparatorCache, initial: int, separators: int, window: int, capacity: int, when: str
) -> SeparatorCache:
    length, count = cache.length.long()[:, None], cache.keys.shape[2]
    due = length > capacity if when == "after_attention" else length >= capacity
    end = cache.separator_end.long()[:, None].clamp(min=initial)
    entry = torch.arange(count, device=length.device)
    candidates = (entry >= initial) & (entry < end)
    candidates |= (entry >= end) & (entry < length - window) & cache.flags
    # How many candidates there are from an entry on: the newest stay.
    newer = candidates.flip(1).cumsum(1).flip(1)
    stays = candidates & (newer <= separators)
    kept = (entry < initial) | stays | (entry >= length - window)
    kept = torch.where(due, kept & (entry < length), True)
    order = (~kept).int().argsort(dim=1, stable=True)
    by_entry = order[:, None, :, None]
    return SeparatorCache(
        cache.keys.gather(2, by_entry.expand_as(cache.keys)),
        cache.values.gather(2, by_entry.expand_as(cache.values)),
        cache.flags.gather(1, order),
        torch.where(due[:, 0], kept.sum(1), cache.length).to(cache.length.dtype),
        torch.where(due[:, 0], initial + stays.sum(1), cache.separator_end).to(cache.separator_end.dtype),
    )


def separator_cache_update(
    state: Sequence[Tensor],
    k: Tensor,
    v: Tensor,
    flags: Tensor,
    initial: int,
    separators: int,
    window: int,
    capacity: int,
    when: str,
    q: Optional[Tensor] = None,
    lengths: Optional[Tensor] = None,
    prefill: str = "stepwise",
    scale: Optional[float] = None,
    positions: str = "slot",
    rope_base: float = 10000.0,
    rope_dims: Optional[int] = None,
    rope_layout: str = "half",
) -> Tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The next state and out, which has no heads without ``q``."""
    op, layout = "separator_cache_update", (initial, separators, window, capacity, when)
    cache = _open(op, state, initial, separators, window, capacity)
    (batch, _, tokens, _), width = k.shape, cache.values.shape[3]
    lengths = row_lengths(op, "lengths", lengths, batch, tokens, k)
    whole = (cache.length == 0) & (prefill == "whole")
    at_once = torch.where(whole, lengths, 0)
    _check_room(op, cache.length, torch.where(whole, lengths, lengths.clamp(max=1)), cache.keys.shape[2])
    queries = k.new_zeros(batch, 0, tokens, k.shape[3]) if q is None else q

    def attend(some: Tensor, counts: Tensor) -> Tensor:
        return cache_attention(some, cache, counts, scale, positions, rope_base, rope_dims, rope_layout)

    cache = _append(cache, k, v, flags, at_once)
    outs: List[Tensor] = []
    out = attend(queries, at_once)
    for t in range(tokens):
        now = slice(t, t + 1)
        new = ((t < lengths) & ~whole).long()
        cache = _append(cache, k[:, :, now], v[:, :, now], flags[:, now], new)
        if when == "before_attention":
            cache = _compact_rows(cache, new, layout)
        outs.append(attend(queries[:, :, now], new))
        if when == "after_attention":
            cache = _compact_rows(cache, new, layout)
    if outs:
        out = torch.where(whole[:, None, None, None], out, torch.cat(outs, 2))
    dtype = cache.keys.dtype
    return (*cache, out.to(dtype) if q is not None else out.new_zeros(batch, 0, tokens, width, dtype=dtype))


def _compact_rows(
    cache: SeparatorCache, rows: Tensor, layout: Tuple[int, int, int, int, str]
) -> SeparatorCache:
    """Compact the rows that have taken a token."""
    compacted = _compact(cache, *layout)
    parts = []
    for old, new in zip(cache, compacted):
        parts.append(torch.where(rows.bool().reshape(-1, *[1] * (old.dim() - 1)), new, old))
    return SeparatorCache(*parts)


def cache_attention(
    q: Tensor,
    state: Sequence[Tensor],
    lengths: Optional[Tensor] = None,
    scale: Optional[float] = None,
    positions: str = "slot",
    rope_base: float = 10000.0,
    rope_dims: Optional[int] = None,
    rope_layout: str = "half",
) -> Tensor:
    op, cache = "cache_attention", SeparatorCache(*state)
    batch, _, tokens, width = q.shape
    lengths = row_lengths(op, "lengths", lengths, batch, tokens, q)
    keys, first = cache.keys, cache.length.long() - lengths
    if positions == "slot":
        dims = width if rope_dims is None else rope_dims
        if dims > width or dims % 2:
            raise refuse(op, f"expected rope_dims to be even and at most {width} (D), but got {dims}")
        slots = torch.arange(keys.shape[2], device=q.device).expand(batch, -1)
        rows = first[:, None] + torch.arange(tokens, device=q.device)
        keys = rotate(wide(keys), slots, rope_base, dims, rope_layout)
        turned = rotate(wide(q), rows, rope_base, dims, rope_layout)
    else:
        turned = wide(q)
    out, _ = attention(
        turned,
        keys,
        cache.values,
        [],
        "causal_mask()",
        lengths=lengths,
        key_lengths=cache.length,
        offset=first,
        scale=scale,
    )
    return out.to(q.dtype)
