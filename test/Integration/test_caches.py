"""Compiled caches of keys and values against the NumPy reference: what is copied is exact."""

import functools
import subprocess

import ml_dtypes
import numpy as np
import pytest
from cache_programs import kv_cache_append_ir
from harness import BUILD, CallError, compile_ir
from hypothesis import given
from hypothesis import strategies as st

from effattn import reference

DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16, "f16": np.float16}
COUNTERS = {"i32": np.int32, "i64": np.int64}
# Types of what is appended, of the cache and of its length; and whether rows are ragged.
APPENDS = {
    "f32": ("f32", "f32", "i64", True),
    "bf16": ("bf16", "bf16", "i32", True),
    "f16": ("f16", "f16", "i64", False),
    "narrowed": ("f32", "bf16", "i32", True),
    "widened": ("f16", "f32", "i32", False),
    "f16_to_bf16": ("f16", "bf16", "i64", True),
}

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@functools.lru_cache(maxsize=None)
def compiled():
    texts = [
        kv_cache_append_ir(f"{kind}_{name}", *options, ring=kind == "ring")
        for name, options in APPENDS.items()
        for kind in ("linear", "ring")
    ]
    return compile_ir("\n".join(texts))


def draw(rng, dtype, *shape):
    """Normal numbers, some of them NaN or infinite."""
    values = rng.standard_normal(shape)
    values[rng.random(shape) < 0.1] = rng.choice([np.nan, np.inf, 0.0])
    return values.astype(DTYPES[dtype])


def assert_same(found, expected):
    """Equal arrays, NaN included; NumPy compares no NaN of bf16."""
    for got, want in zip(found, expected):
        with np.errstate(over="ignore"):
            want = want.astype(got.dtype)
        np.testing.assert_array_equal(got.astype(np.float64), want.astype(np.float64))


def append(name, ring, *operands, lengths):
    operands = [*operands, lengths] if APPENDS[name][3] else operands
    return getattr(compiled(), f"{'ring' if ring else 'linear'}_{name}")(*operands)


@st.composite
def appends(draw_from):
    """A name of APPENDS, whether the cache is a ring, its state, new keys and values, and lengths."""
    rng, name, ring = draw_from(seeds), draw_from(st.sampled_from(sorted(APPENDS))), draw_from(st.booleans())
    new, cache, counter, ragged = APPENDS[name]
    batch, heads, entries = (draw_from(st.integers(0, most)) for most in (3, 2, 9))
    tokens = draw_from(st.integers(0, entries))
    width, value_width = (draw_from(st.sampled_from([0, 1, 3, 8])) for _ in range(2))
    lengths = rng.integers(0, tokens + 1, batch) if ragged else np.full(batch, tokens)
    used = rng.integers(0, 10**6 if ring else entries + 1 - lengths, batch)
    state = (
        draw(rng, cache, batch, heads, entries, width),
        draw(rng, cache, batch, heads, entries, value_width),
        used.astype(COUNTERS[counter]),
    )
    # Tokens do not stand side by side in memory.
    k = draw(rng, new, batch, tokens, heads, width).swapaxes(1, 2)
    v = draw(rng, new, batch, heads, value_width, tokens).swapaxes(2, 3)
    return name, ring, state, k, v, lengths.astype(np.int32)


@given(appends())
def test_append(case):
    name, ring, state, k, v, lengths = case
    found = append(name, ring, *state, k, v, lengths=lengths)
    expected = reference.kv_cache_append(*state, k, v, lengths=lengths, ring=ring)
    assert [array.dtype for array in found] == [array.dtype for array in state]
    assert_same(found, expected)


@given(appends(), st.data())
def test_append_in_any_split(case, data):
    name, ring, state, k, v, lengths = case
    tokens = k.shape[2]
    ragged = APPENDS[name][3]
    one_by_one = list(range(tokens + 1))
    edges = data.draw(st.just(one_by_one) | st.lists(st.integers(0, tokens)).map(sorted))
    whole = append(name, ring, *state, k, v, lengths=lengths)
    for first, last in zip([0, *edges], [*edges, tokens]):
        valid = np.clip(lengths - first, 0, last - first).astype(np.int32)
        assert ragged or np.all(valid == last - first)
        state = append(name, ring, *state, k[:, :, first:last], v[:, :, first:last], lengths=valid)
    assert_same(state, whole)


def zeros(entries=4, tokens=2, used=(0, 0), counter="i64"):
    cache = np.zeros((2, 1, entries, 3), np.float32)
    new = np.ones((2, 1, tokens, 3), np.float32)
    return cache, cache.copy(), np.array(used, COUNTERS[counter]), new, new


@pytest.mark.parametrize(
    "ring, operands, lengths, message",
    [
        (False, zeros(used=(0, 3)), (2, 2), r"at most 4 \(N\), but got 3 \+ 2 = 5 in row 1"),
        (False, zeros(tokens=5), (4, 5), r"at most 4 \(N\), but got 0 \+ 5 = 5 in row 1"),
        (False, zeros(used=(5, 0)), (0, 0), r"length of row 0 to be between 0 and the cache size 4, but got 5"),
        (False, zeros(used=(0, -1)), (0, 0), r"length of row 1 to be between 0 and the cache size 4, but got -1"),
        (False, zeros(used=(0, 2**63 - 1)), (0, 1), r"between 0 and the cache size 4, but got 9223372036854775807"),
        (False, zeros(), (2, 3), r"expected lengths of row 1 to be between 0 and the token count 2, but got 3"),
        (False, zeros(), (2, -1), r"expected lengths of row 1 to be between 0 and the token count 2, but got -1"),
        (True, zeros(tokens=5), (0, 0), r"k token count \(dim 2\) .* in a ring, but got 5 and 4"),
        (True, zeros(used=(0, -1)), (0, 0), r"length of row 1 to be at least 0, but got -1"),
        (True, zeros(used=(2**63 - 2, 0)), (2, 0), r"at most 9223372036854775807, but got 9223372036854775806 \+ 2"),
    ],
)
def test_bad_rows_leave_the_cache_as_it_was(ring, operands, lengths, message):
    call = getattr(compiled(), f"{'ring' if ring else 'linear'}_f32")
    state = [array.copy() for array in operands[:3]]
    with pytest.raises(CallError, match=message) as error:
        call.into([*state, *operands[3:], np.array(lengths, np.int32)], state)
    assert "'effattn.kv_cache_append' op expected" in str(error.value)
    assert_same(state, operands[:3])


def test_a_ring_counts_what_its_integer_holds():
    operands = zeros(used=(2**31 - 3, 0), counter="i32")
    full = append("widened", True, *as_f16(operands), lengths=None)
    assert full[2].tolist() == [2**31 - 1, 2]
    with pytest.raises(CallError, match=r"at most 2147483647, but got 2147483647 \+ 2 in row 0"):
        append("widened", True, *full, *as_f16(operands)[3:], lengths=None)


def as_f16(operands):
    return [*operands[:3], *(array.astype(np.float16) for array in operands[3:])]


def test_appending_copies_no_cache():
    text = kv_cache_append_ir("append")
    stage = [str(BUILD / "bin" / "effattn-compile"), "-", "--emit=mlir-loops"]
    done = subprocess.run(stage, input=text, capture_output=True, text=True, check=True)
    assert "memref.store" in done.stdout
    assert "memref.alloc" not in done.stdout and "memref.copy" not in done.stdout


def test_a_large_cache_takes_token_after_token():
    state = [np.zeros((1, 2, 2**16, 32), np.float32) for _ in range(2)] + [np.array([60_000])]
    token = np.ones((1, 2, 1, 32), np.float32)
    operands, call = [*state, token, token, np.ones(1, np.int32)], compiled().linear_f32
    for _ in range(50):
        call.into(operands, state)
    assert state[2].tolist() == [60_050] and state[0].sum() == 50 * 64
