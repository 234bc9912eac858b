# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Properties of caches that follow from their definitions, and their edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import close, rows, seeds, split_lengths

from effattn import Error
from effattn import reference as ref

WHEN = st.sampled_from(["after_attention", "before_attention"])


@st.composite
def cache_cases(draw, most=24):
    """A generator, lengths of a ragged stream, its separators and the attributes of a small cache."""
    rng, batch, tokens = draw(seeds), draw(st.integers(1, 2)), draw(st.integers(0, most))
    initial, separators, window = draw(st.integers(0, 2)), draw(st.integers(0, 3)), draw(st.integers(1, 3))
    options = {
        "initial": initial,
        "separators": separators,
        "window": window,
        "capacity": initial + separators + window + draw(st.integers(0, 3)),
        "when": draw(WHEN),
    }
    return rng, rng.integers(0, tokens + 1, batch), rng.random((batch, tokens)) < 0.4, options


def empty(batch, entries, groups=2, size=4, values=3):
    return ref.SeparatorCache(
        np.zeros((batch, groups, entries, size)),
        np.zeros((batch, groups, entries, values)),
        np.zeros((batch, entries), dtype=bool),
        np.zeros(batch, dtype=np.int64),
        np.zeros(batch, dtype=np.int64),
    )


def draw_qkv(rng, batch, tokens):
    q = rng.normal(size=(batch, 4, tokens, 4))
    return q, rng.normal(size=(batch, 2, tokens, 4)), rng.normal(size=(batch, 2, tokens, 3))


def same_state(found, expected):
    """Entries past length are unspecified."""
    np.testing.assert_array_equal(found.length, expected.length)
    np.testing.assert_array_equal(found.separator_end, expected.separator_end)
    for b, n in enumerate(expected.length):
        np.testing.assert_array_equal(found.keys[b, :, :n], expected.keys[b, :, :n])
        np.testing.assert_array_equal(found.values[b, :, :n], expected.values[b, :, :n])
        np.testing.assert_array_equal(found.flags[b, :n], expected.flags[b, :n])


def entries_over_time(flags, options):
    """For every token: the tokens held before its compaction, those held after, and how many separators.

    Told from the whole history: what a compaction keeps are the newest separators of all tokens
    between the initial ones and the window, whenever earlier compactions were.
    """
    initial, window = options["initial"], options["window"]
    held, count, steps = [], 0, []
    for t in range(len(flags)):
        held = held + [t]
        before = held
        if len(held) > options["capacity"] - (options["when"] == "before_attention"):
            recent = list(range(t + 1 - window, t + 1))
            past = [i for i in range(initial, recent[0]) if flags[i]]
            count = min(len(past), options["separators"])
            held = list(range(initial)) + past[len(past) - count :] + recent
        steps.append((before, held, count))
    return steps


def turned(keys, slots):
    """Columns i and i + 2 as real and imaginary part, rotated by complex multiplication."""
    numbers = keys[..., :2] + 1j * keys[..., 2:]
    numbers = numbers * np.exp(1j * np.asarray(slots)[:, None] * np.array([1.0, 0.01]))
    return np.concatenate([numbers.real, numbers.imag], axis=-1)


@given(cache_cases(), st.sampled_from(["slot", "absolute"]))
def test_a_stream_keeps_and_sees_what_the_definition_says(case, positions):
    rng, lengths, flags, options = case
    batch, tokens = flags.shape
    q, k, v = draw_qkv(rng, batch, tokens)
    state, out = ref.separator_cache_update(
        empty(batch, options["capacity"] + 1),
        k,
        v,
        flags,
        q=q,
        lengths=lengths,
        positions=positions,
        **options,
    )
    for b, n in enumerate(lengths):
        assert not out[b, :, n:].any()
        steps = entries_over_time(flags[b, :n], options)
        for t, (before, after, _) in enumerate(steps):
            seen = after if options["when"] == "before_attention" else before
            keys, query = k[b, :, seen], q[b, :, t]
            if positions == "slot":
                keys = turned(keys.transpose(1, 0, 2), range(len(seen))).transpose(1, 0, 2)
                query = turned(query, [len(seen) - 1] * 4)
            for h in range(4):
                powers = np.exp(keys[:, h // 2] @ query[h] / 2)
                expected = (powers / powers.sum()) @ v[b, h // 2, seen]
                np.testing.assert_allclose(out[b, h, t], expected, rtol=1e-9, atol=1e-9)
        held, count = (steps[-1][1], steps[-1][2]) if n else ([], 0)
        assert state.length[b] == len(held)
        assert max(state.separator_end[b], options["initial"]) == options["initial"] + count
        np.testing.assert_array_equal(state.values[b, :, : len(held)], v[b][:, held])
        np.testing.assert_array_equal(state.keys[b, :, : len(held)], k[b][:, held])
        np.testing.assert_array_equal(state.flags[b, : len(held)], flags[b, held])


@settings(max_examples=25)
@given(cache_cases(most=12), st.integers(0, 12), st.booleans())
def test_update_in_any_split(case, at, one_by_one):
    rng, lengths, flags, options = case
    batch, tokens = flags.shape
    q, k, v = draw_qkv(rng, batch, tokens)
    start = empty(batch, options["capacity"] + 1)
    whole, out = ref.separator_cache_update(start, k, v, flags, q=q, lengths=lengths, **options)
    edges = range(tokens + 1) if one_by_one else [0, min(at, tokens), tokens]
    state, parts = start, [out[:, :, :0]]
    for first, last in zip(edges, edges[1:]):
        part = slice(first, last)
        valid = np.clip(lengths - first, 0, last - first)
        state, seen = ref.separator_cache_update(
            state, k[:, :, part], v[:, :, part], flags[:, part], q=q[:, :, part], lengths=valid, **options
        )
        parts.append(seen)
    same_state(state, whole)
    np.testing.assert_allclose(np.concatenate(parts, axis=2), out, **close)


@given(cache_cases())
def test_rows_never_depend_on_their_neighbours(case):
    rng, lengths, flags, options = case
    batch, tokens = flags.shape
    _, k, v = draw_qkv(rng, batch, tokens)
    start = empty(batch, tokens + options["capacity"] + 1)
    both = ref.separator_cache_append(start, k, v, flags, lengths=lengths, **options)
    compacted = ref.separator_cache_compact(both, **options)
    for b in range(batch):
        alone = ref.SeparatorCache(*(array[[b]] for array in both))
        expected = ref.SeparatorCache(*(array[[b]] for array in compacted))
        same_state(ref.separator_cache_compact(alone, **options), expected)
        if lengths[b] < options["capacity"]:
            same_state(expected, alone)
        else:
            assert expected.length[0] <= options["capacity"]


@given(cache_cases())
def test_compacting_twice_changes_nothing_more(case):
    rng, lengths, flags, options = case
    batch, tokens = flags.shape
    _, k, v = draw_qkv(rng, batch, tokens)
    start = empty(batch, tokens + options["capacity"] + 1)
    state = ref.separator_cache_append(start, k, v, flags, lengths=lengths, **options)
    once = ref.separator_cache_compact(state, **options)
    same_state(ref.separator_cache_compact(once, **options), once)


def test_separator_end_of_zero_is_initial():
    options = {"initial": 1, "separators": 1, "window": 1, "capacity": 3, "when": "after_attention"}
    state = empty(2, 5, 1, 1, 1)
    state.values[:, 0, :, 0] = np.arange(5)
    state.flags[:, 2] = True
    state.length[:] = 4
    state.separator_end[:] = [0, 1]
    found = ref.separator_cache_compact(state, **options)
    assert found.length.tolist() == [3, 3] and found.separator_end.tolist() == [2, 2]
    assert found.values[:, 0, :3, 0].tolist() == [[0, 2, 3]] * 2
    assert state.length.tolist() == [4, 4], "operands stay as they were"


def test_kept_entries_stay_whatever_their_flags():
    options = {"initial": 1, "separators": 2, "window": 1, "capacity": 4, "when": "after_attention"}
    state = empty(2, 5, 1, 1, 1)
    state.values[:, 0, :, 0] = np.arange(5)
    state.length[:] = 5
    state.separator_end[:] = [3, 2]
    state.flags[0, 3] = True
    found = ref.separator_cache_compact(state, **options)
    assert found.length.tolist() == [4, 3] and found.separator_end.tolist() == [3, 2]
    assert found.values[0, 0, :4, 0].tolist() == [0, 2, 3, 4]
    assert found.values[1, 0, :3, 0].tolist() == [0, 1, 4]
    assert found.flags[0, :4].tolist() == [False, False, True, False]


@given(cache_cases(most=10), st.integers(0, 10))
def test_whole_prefill_is_causal_attention_without_compaction(case, more):
    rng, lengths, flags, options = case
    batch, tokens = flags.shape
    q, k, v = draw_qkv(rng, batch, tokens)
    start = empty(batch, tokens + options["capacity"] + 1)
    # Row 0 has been running: it goes on token by token beside rows that start.
    first = draw_qkv(rng, batch, 1)
    running = np.arange(batch) == 0
    start = ref.separator_cache_append(
        start, *first[1:], np.zeros((batch, 1), bool), lengths=running.astype(int), **options
    )
    state, out = ref.separator_cache_update(
        start, k, v, flags, q=q, lengths=lengths, prefill="whole", positions="absolute", **options
    )
    stepwise, expected = ref.separator_cache_update(
        start, k, v, flags, q=q, lengths=lengths, positions="absolute", **options
    )
    causal = ref.attention(q, k, v, mask=ref.causal_mask(), lengths=lengths, key_lengths=lengths, offset=0)
    np.testing.assert_allclose(out, np.where(running[:, None, None, None], expected, causal), **close)
    appended = ref.separator_cache_append(start, k, v, flags, lengths=lengths, **options)
    for part, by_step, uncompacted in zip(state[3:], stepwise[3:], appended[3:]):
        np.testing.assert_array_equal(part, np.where(running, by_step, uncompacted))

    # The next token compacts every row that is due, whatever came before.
    _, k1, v1 = draw_qkv(rng, batch, 1)
    flag = np.ones((batch, 1), bool)
    after = ref.separator_cache_update(state, k1, v1, flag, prefill="whole", **options)
    by_hand = ref.separator_cache_append(state, k1, v1, flag, **options)
    same_state(after, ref.separator_cache_compact(by_hand, **options))


def test_room_is_checked_for_every_row_before_anything_is_taken():
    options = {"initial": 1, "separators": 0, "window": 1, "capacity": 2, "when": "after_attention"}
    k, flags = np.ones((2, 1, 4, 1)), np.zeros((2, 4), bool)
    state = empty(2, 3, 1, 1, 1)
    with pytest.raises(Error, match=r"at most 3 \(N\), but got 0 \+ 4 = 4 in row 1"):
        ref.separator_cache_update(state, k, k, flags, lengths=[3, 4], prefill="whole", **options)
    assert ref.separator_cache_update(state, k, k, flags, **options).length.tolist() == [2, 2]
    full = ref.separator_cache_append(state, k, k, flags, lengths=[3, 0], **options)
    with pytest.raises(Error, match=r"3 \+ 1 = 4 in row 0"):
        ref.separator_cache_update(full, k, k, flags, **options)
    with pytest.raises(Error, match=r"3 \+ 1 = 4 in row 0"):
        ref.separator_cache_append(full, k, k, flags, lengths=[1, 0], **options)


@given(rows(), st.integers(0, 3))
def test_linear_append_in_two_parts(case, spare):
    rng, batch, tokens, lengths, at = case
    _, k, v = draw_qkv(rng, batch, tokens)
    start = (
        np.zeros((batch, 2, tokens + spare, 4)),
        np.zeros((batch, 2, tokens + spare, 3)),
        np.zeros(batch, int),
    )
    whole = ref.kv_cache_append(*start, k, v, lengths=lengths)
    first, second = split_lengths(lengths, at)
    middle = ref.kv_cache_append(*start, k[:, :, :at], v[:, :, :at], lengths=first)
    end = ref.kv_cache_append(*middle, k[:, :, at:], v[:, :, at:], lengths=second)
    for found, expected in zip(end, whole):
        np.testing.assert_array_equal(found, expected)
    for b, n in enumerate(lengths):
        np.testing.assert_array_equal(whole[0][b, :, :n], k[b, :, :n])
        np.testing.assert_array_equal(whole[1][b, :, :n], v[b, :, :n])


@given(seeds, st.integers(1, 5), st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_ring_is_a_window_over_all_tokens(rng, size, parts):
    parts = [min(part, size) for part in parts]
    tokens = sum(parts)
    q, k, v = draw_qkv(rng, 2, tokens)
    window = ref.causal_mask() & ref.window_mask(size=size)
    expected = ref.attention(q, k, v, mask=window)
    cache = (np.zeros((2, 2, size, 4)), np.zeros((2, 2, size, 3)), np.zeros(2, int))
    out, first = [], 0
    for part in parts:
        new = slice(first, first + part)
        # Entry j lives at j mod size, so slot i holds the newest position that is i modulo size.
        positions = first - 1 - (first - 1 - np.arange(size)) % size
        positions = np.where(positions < 0, -1, positions)
        positions = np.concatenate([positions, np.arange(first, first + part)])
        out.append(
            ref.attention(
                q[:, :, new],
                np.concatenate([cache[0], k[:, :, new]], axis=2),
                np.concatenate([cache[1], v[:, :, new]], axis=2),
                mask=window,
                key_positions=np.broadcast_to(positions, (2, positions.size)),
                offset=first,
            )
        )
        cache = ref.kv_cache_append(*cache, k[:, :, new], v[:, :, new], ring=True)
        first += part
    np.testing.assert_allclose(np.concatenate(out, axis=2), expected, **close)
    assert cache[2].tolist() == [tokens, tokens]


@given(rows(most=5), st.integers(0, 4))
def test_cache_attention_looks_no_further_than_it_should(case, before):
    rng, batch, tokens, lengths, _ = case
    q, k, v = draw_qkv(rng, batch, before + tokens)
    options = {"initial": 1, "separators": 0, "window": 1, "capacity": 2, "when": "after_attention"}
    state = empty(batch, before + tokens + 3)
    state.keys[:], state.values[:] = np.nan, np.nan
    total = before + lengths
    state = ref.separator_cache_append(
        state, k, v, np.zeros((batch, before + tokens), bool), lengths=total, **options
    )
    queries = np.zeros((batch, 4, tokens, 4))
    for b, n in enumerate(lengths):
        queries[b, :, :n] = q[b, :, before : before + n]
    out = ref.cache_attention(queries, state, lengths=lengths, positions="absolute")
    causal = ref.attention(q, k, v, mask=ref.causal_mask())
    for b, n in enumerate(lengths):
        np.testing.assert_allclose(out[b, :, :n], causal[b, :, before : before + n], **close)
        assert not out[b, :, n:].any()
    np.testing.assert_array_equal(
        ref.cache_attention(queries, state, lengths=lengths, positions="slot", rope_dims=0), out
    )


def test_queries_before_the_first_slot_see_nothing():
    state = empty(1, 3)
    state.values[:] = 1.0
    state.length[:] = 1
    out = ref.cache_attention(np.ones((1, 2, 3, 4)), state)
    assert out[0, :, :, 0].tolist() == [[0, 0, 1]] * 2
    assert not ref.cache_attention(np.ones((1, 2, 3, 4)), empty(1, 3)).any()
