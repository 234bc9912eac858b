"""Compiled separator caches against the NumPy reference, over random states, shapes and raggedness."""

import functools

import ml_dtypes
import numpy as np
import pytest
from cache_programs import SeparatorProgram
from cases import Case, project
from harness import TARGET, CallError, assert_close, compile_ir
from hypothesis import given
from hypothesis import strategies as st

from effattn import reference

DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16, "f16": np.float16}
COUNTERS = {"i32": np.int32, "i64": np.int64}
AFTER, BEFORE = "after_attention", "before_attention"
PROGRAMS = [
    SeparatorProgram("after", (1, 2, 2, 7, AFTER)),
    SeparatorProgram("before", (2, 2, 1, 7, BEFORE), ("bf16", "bf16", "bf16", "i32"), scale=0.25),
    SeparatorProgram("streaming", (2, 0, 3, 5, AFTER), ("f16", "f16", "f16", "i32"), rope_layout="interleaved"),
    SeparatorProgram("every_token", (1, 2, 3, 6, BEFORE), ("f32", "bf16", "f32", "i64"), positions="absolute"),
    SeparatorProgram("no_window", (1, 3, 0, 4, BEFORE), rope_dims=2, rope_base=3.0),
    SeparatorProgram("no_initial", (0, 3, 2, 8, AFTER), ("f32", "f32", "bf16", "i32"), rope_dims=0),
    SeparatorProgram("nothing", (0, 0, 0, 0, AFTER), positions="absolute"),
    SeparatorProgram(
        "window_alone", (0, 0, 4, 4, BEFORE), rope_dims=4, rope_layout="interleaved", scale=0.5
    ),
]
# Those that have every function: each of the others takes half a second to compile.
FIRST = PROGRAMS[:4]
# Products and sums of f32 numbers; one rounding of the result.
TOLERANCE = {"f32": 2e-5, "bf16": 2.0**-8 + 2e-5, "f16": 2.0**-11 + 2e-5}

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def assert_alike(got, want, tolerance):
    """Equal on a CPU. Kernels add up in an order that depends on how many queries there are."""
    assert_close(got, want, 0 if TARGET == "cpu" else tolerance)


@functools.lru_cache(maxsize=None)
def compiled():
    texts = []
    for program in PROGRAMS:
        texts += [program.compact(), program.attend(), program.update()]
    for program in FIRST:
        texts += [program.append(), program.update(prefill="whole")]
    texts += [program.update(queries=False) for program in FIRST[:2]]
    return compile_ir("\n".join(texts))


def call(op, program, *operands):
    return getattr(compiled(), f"{op}_{program.name}")(*operands)


def draw(rng, dtype, *shape):
    """Normal numbers, some of them NaN or infinite."""
    values = rng.standard_normal(shape)
    values[rng.random(shape) < 0.1] = rng.choice([np.nan, np.inf, 0.0])
    return values.astype(DTYPES[dtype])


def draw_state(rng, program, batch, heads, entries, width, value_width):
    """Any legal state, whether a stream leads to it or not."""
    initial, separators, *_ = program.layout
    end = np.where(rng.random(batch) < 0.2, 0, rng.integers(initial, initial + separators + 1, batch))
    return (
        draw(rng, program.keys, batch, heads, entries, width),
        draw(rng, program.values, batch, heads, entries, value_width),
        rng.random((batch, entries)) < rng.choice([0.1, 0.5, 0.9]),
        rng.integers(0, entries + 1, batch).astype(COUNTERS[program.counter]),
        end.astype(COUNTERS[program.counter]),
    )


def draw_tokens(rng, program, batch, heads, tokens, width, value_width):
    """Keys, values and flags whose tokens do not stand side by side in memory."""
    return (
        draw(rng, program.new, batch, tokens, heads, width).swapaxes(1, 2),
        draw(rng, program.new, batch, heads, value_width, tokens).swapaxes(2, 3),
        rng.random((tokens, batch)).T < 0.4,
    )


@st.composite
def states(draw_from, programs=PROGRAMS):
    rng, program = draw_from(seeds), draw_from(st.sampled_from(programs))
    batch, heads, spare = draw_from(st.integers(0, 3)), draw_from(st.integers(0, 2)), draw_from(st.integers(1, 9))
    width, value_width = draw_from(widths(program)), draw_from(st.sampled_from([0, 1, 3, 8]))
    return rng, program, draw_state(rng, program, batch, heads, program.layout[3] + spare, width, value_width)


def widths(program):
    """Head sizes of which the columns that shall rotate can."""
    least = program.attention.get("rope_dims", 0)
    rotates_all = "rope_dims" not in program.attention and "positions" not in program.attention
    sizes = [0, 2, 4, 8, 16] if rotates_all else [0, 1, 2, 3, 4, 8, 17]
    return st.sampled_from([size for size in sizes if size >= least])


def assert_same_state(found, expected):
    """Equal up to each row's length, in the types of ``found``; NumPy compares no NaN of bf16."""
    found, expected = list(found), list(expected)
    for got, want in zip(found[3:], expected[3:]):
        np.testing.assert_array_equal(got, want)
    for got, want in zip(found[:3], expected[:3]):
        with np.errstate(over="ignore"):
            want = want.astype(got.dtype)
        for row, length in enumerate(found[3]):
            used = (row, slice(length)) if got.ndim == 2 else (row, slice(None), slice(length))
            np.testing.assert_array_equal(got[used].astype(np.float64), want[used].astype(np.float64))


@given(states())
def test_compact(case):
    _, program, state = case
    found = call("compact", program, *state)
    assert [array.dtype for array in found] == [array.dtype for array in state]
    assert_same_state(found, reference.separator_cache_compact(state, **program.options()))
    for row, (before, after) in enumerate(zip(state[3], found[3])):
        if before < program.layout[3]:
            for array, old in zip(found, state):
                assert array[row].tobytes() == old[row].tobytes()
    assert_same_state(call("compact", program, *found), found)


@given(states(FIRST), st.integers(0, 7))
def test_append(case, tokens):
    rng, program, state = case
    batch, heads, entries, width = state[0].shape
    lengths = np.minimum(rng.integers(0, tokens + 1, batch), entries - state[3]).astype(np.int32)
    new = draw_tokens(rng, program, batch, heads, tokens, width, state[1].shape[3])
    found = call("append", program, *state, *new, lengths)
    expected = reference.separator_cache_append(state, *new, lengths=lengths, **program.options())
    assert_same_state(found, expected)


def wide(array):
    return array.astype(np.float64)


@given(states(), st.integers(1, 3), st.integers(0, 9))
def test_attend(case, share, tokens):
    rng, program, state = case
    batch, heads, entries, width = state[0].shape
    q = rng.standard_normal((batch, tokens, heads * share, width)).astype(DTYPES[program.new]).swapaxes(1, 2)
    # Some queries begin before the first slot; what lies behind the last is NaN.
    lengths = rng.integers(0, tokens + 1, batch).astype(np.int32)
    for array in state[:2]:
        array[~np.isfinite(wide(array))] = 0
        for row, length in enumerate(state[3]):
            array[row, :, length:] = np.nan
    (out,) = call("attend", program, q, *state, lengths)
    assert out.dtype == q.dtype
    expected = reference.cache_attention(wide(q), state, lengths=lengths, **program.attention)
    assert_close(out, expected, TOLERANCE[program.new])


def test_nan_reaches_only_queries_that_see_it():
    state = small_state(length=(6, 6))
    state[0][0, 0, 3, 1], state[1][1, 0, 2, 0] = np.nan, np.nan
    q = np.ones((2, 1, 6, 2), np.float32)
    (out,) = call("attend", PROGRAMS[0], q, *state, np.array([6, 6], np.int32))
    assert np.isnan(out[0, 0]).all(axis=1).tolist() == [False] * 3 + [True] * 3
    assert np.isnan(out[1, 0, :, 0]).tolist() == [False] * 2 + [True] * 4
    assert not np.isnan(out[1, 0, :, 1]).any()


def test_a_query_whose_scores_are_all_minus_infinity_gives_zero():
    state = small_state(length=(3, 3))
    state[0][0], state[1][:] = -np.inf, 1.0
    q = np.ones((2, 1, 3, 2), np.float32)
    (out,) = call("attend", PROGRAMS[6], q, *state, np.array([3, 3], np.int32))
    assert not out[0].any() and np.all(out[1] == 1)


def test_long_rows_stay_accurate():
    """Angles of positions up to 30 000, and sums of as many values."""
    rng, entries = np.random.default_rng(5), 30_001
    keys, values = (rng.standard_normal((1, 1, entries, 4)).astype(np.float32) for _ in range(2))
    values += 1
    state = (keys, values, np.zeros((1, entries), bool), np.array([entries - 1]), np.array([0]))
    q = rng.standard_normal((1, 2, 2, 4)).astype(np.float32)
    (out,) = call("attend", PROGRAMS[0], q, *state, np.array([2], np.int32))
    assert_close(out, reference.cache_attention(wide(q), state, lengths=[2]), 2e-6)


@pytest.mark.parametrize(
    "program, width, heads, length, message",
    [
        (0, 3, 1, 1, "expected rope_dims to be even, but got 3"),
        (4, 1, 1, 1, r"expected rope_dims to be at most the head size of q \(dim 3\), but got 2 and 1"),
        (0, 2, 3, 1, r"expected key heads \(dim 1\) to divide query heads \(dim 1\), but got 2 and 3"),
        (0, 2, 2, 9, "expected length of row 0 to be between 0 and the cache size 8, but got 9"),
    ],
)
def test_queries_that_do_not_fit(program, width, heads, length, message):
    cache = np.zeros((1, 2 if heads > 1 else 1, 8, width), np.float32)
    state = (cache, cache, np.zeros((1, 8), bool), np.array([length]), np.array([0]))
    q = np.ones((1, heads, 1, width), np.float32)
    with pytest.raises(CallError, match="'effattn.cache_attention' op " + message):
        call("attend", PROGRAMS[program], q, *state, np.ones(1, np.int32))


def small_state(length=(0, 0), end=(0, 0), entries=8):
    zeros = np.zeros((2, 1, entries, 2), np.float32)
    flags = np.zeros((2, entries), bool)
    return zeros, zeros.copy(), flags, np.array(length), np.array(end)


SMALL_TOKENS = np.ones((2, 1, 2, 2), np.float32), np.ones((2, 1, 2, 2), np.float32), np.ones((2, 2), bool)


@pytest.mark.parametrize("op", ["append", "compact"])
@pytest.mark.parametrize(
    "state, message",
    [
        (small_state(length=(0, 9)), "length of row 1 to be between 0 and the cache size 8, but got 9"),
        (small_state(length=(-1, 0)), "length of row 0 to be between 0 and the cache size 8, but got -1"),
        (small_state(end=(1, 4)), "separator_end of row 1 to be 0 or between 1 and 3, but got 4"),
        (small_state(end=(-1, 0)), "separator_end of row 0 to be 0 or between 1 and 3, but got -1"),
        (small_state(entries=7), r"cache size \(dim 2\) to be at least capacity \+ 1, but got 7 with capacity 7"),
    ],
)
def test_bad_states_stay_as_they_were(op, state, message):
    more = [*SMALL_TOKENS, np.array([2, 2], np.int32)] if op == "append" else []
    check_refused(op, state, more, message)


def check_refused(op, state, more, message):
    function = getattr(compiled(), f"{op}_after")
    states = [array.copy() for array in state]
    with pytest.raises(CallError, match=message) as error:
        function.into([*states, *more], states)
    assert f"'effattn.separator_cache_{op}' op expected" in str(error.value)
    for array, before in zip(states, state):
        np.testing.assert_array_equal(array, before)


def test_append_over_capacity_takes_nothing():
    more = [*SMALL_TOKENS, np.array([2, 1], np.int32)]
    message = r"length \+ new tokens to be at most 8 \(N\), but got 8 \+ 1 = 9 in row 1"
    check_refused("append", small_state(length=(5, 8)), more, message)


# --- update -----------------------------------------------------------------


@st.composite
def streams(draw_from, programs=PROGRAMS, update="update"):
    """A program, a state with room for a token, and operands of a ragged stream; all finite."""
    rng, program, state = draw_from(states(programs))
    tokens, share = draw_from(st.integers(0, 30)), draw_from(st.integers(1, 3))
    batch, heads, entries, width = state[0].shape
    if update == "whole":
        tokens = min(tokens, entries)
    if draw_from(st.booleans()):
        state[3][:] = 0
        state[4][:] = 0
    state[3][:] = np.minimum(state[3], entries - 1)
    k, v, flags = draw_tokens(rng, program, batch, heads, tokens, width, state[1].shape[3])
    for array in (*state[:2], k, v):
        array[~np.isfinite(wide(array))] = 0
    for row, length in enumerate(state[3]):
        state[0][row, :, length:], state[1][row, :, length:] = np.nan, np.nan
    q = rng.standard_normal((batch, tokens, heads * share, width)).astype(DTYPES[program.new]).swapaxes(1, 2)
    lengths = rng.integers(0, tokens + 1, batch).astype(np.int32)
    return program, state, (k, v, flags, q), lengths


def reference_update(program, update, state, k, v, flags, q, lengths):
    return reference.separator_cache_update(
        state,
        wide(k),
        wide(v),
        flags,
        q=wide(q),
        lengths=lengths,
        prefill="whole" if update == "whole" else "stepwise",
        **program.options(),
        **program.attention,
    )


@given(streams())
def test_update(case):
    check_update("update", *case)


@given(streams(FIRST, "whole"))
def test_update_of_whole_rows(case):
    check_update("whole", *case)


def check_update(update, program, state, operands, lengths):
    k, v, flags, q = operands
    *found, out = call(update, program, *state, k, v, flags, q, lengths)
    # What the cache holds is rounded to its type, and so is out.
    k, v = k.astype(DTYPES[program.keys]), v.astype(DTYPES[program.values])
    expected, expected_out = reference_update(program, update, state, k, v, flags, q, lengths)
    assert [array.dtype for array in found] == [array.dtype for array in state]
    assert out.dtype == state[0].dtype
    assert_same_state(found, expected)
    assert_close(out, expected_out, TOLERANCE[program.keys])


@given(streams(), st.data())
def test_update_in_any_split(case, data):
    """State, and results of a CPU, bit for bit; rows end in the middle of a part."""
    program, state, operands, lengths = case
    tokens = operands[0].shape[2]
    one_by_one = st.just(list(range(1, tokens)))
    edges = [0, *data.draw(one_by_one | st.lists(st.integers(0, tokens)).map(sorted)), tokens]
    *whole, out = call("update", program, *state, *operands, lengths)
    parts = []
    for first, last in zip(edges, edges[1:]):
        valid = np.clip(lengths - first, 0, last - first).astype(np.int32)
        k, v, flags, q = operands
        part = slice(first, last)
        *state, seen = call(
            "update", program, *state, k[:, :, part], v[:, :, part], flags[:, part], q[:, :, part], valid
        )
        parts.append(seen)
    assert_same_state(state, whole)
    assert_alike(np.concatenate(parts, axis=2), out, TOLERANCE[program.keys])


def framed(array, axes):
    """A view with the contents of ``array`` inside of a larger array of other numbers, and that array."""
    frame = np.full([size + 3 * (axis in axes) for axis, size in enumerate(array.shape)], 77).astype(array.dtype)
    inside = tuple(slice(1, 1 + size) if axis in axes else slice(None) for axis, size in enumerate(array.shape))
    frame[inside] = array
    return frame[inside], frame


@given(streams())
def test_update_in_place_writes_nothing_else(case):
    program, state, (k, v, flags, q), lengths = case
    *expected, out = call("update", program, *state, k, v, flags, q, lengths)
    # Rows, heads and entries do not stand side by side; numbers do.
    framing = [framed(array, range(max(array.ndim - 1, 1))) for array in (*state, np.zeros_like(out))]
    views, frames = zip(*framing)
    function = getattr(compiled(), f"update_{program.name}")
    function.into([*views[:5], k, v, flags, q, lengths], list(views))
    assert_same_state(views[:5], expected)
    np.testing.assert_array_equal(wide(views[5]), wide(out))
    for view, frame in framing:
        view[...] = 77
        assert np.all(wide(frame) == wide(np.full((), 77).astype(frame.dtype)))


@given(streams(FIRST))
def test_update_is_append_attend_and_compact(case):
    program, state, (k, v, flags, q), lengths = case
    *whole, out = call("update", program, *state, k, v, flags, q, lengths)
    seen = [np.zeros_like(out[:, :, :0])]
    for t in range(k.shape[2]):
        part, valid = slice(t, t + 1), (lengths > t).astype(np.int32)
        state = call("append", program, *state, k[:, :, part], v[:, :, part], flags[:, part], valid)
        # A row that takes no token is compacted only with its next one.
        compacted = call("compact", program, *state)
        compacted = [np.where(rows(valid, a), a, b) for a, b in zip(compacted, state)]
        attended = compacted if program.layout[4] == BEFORE else state
        seen += call("attend", program, q[:, :, part], *attended, valid)
        state = compacted
    assert_same_state(state, whole)
    check = assert_close if program.keys != program.new else assert_alike
    check(np.concatenate(seen, axis=2), out, TOLERANCE[program.keys])


def rows(valid, array):
    """``valid`` [B] in the rank of an array."""
    return valid.astype(bool).reshape(-1, *[1] * (array.ndim - 1))


@given(streams(FIRST[:2]))
def test_update_without_queries(case):
    program, state, (k, v, flags, q), lengths = case
    *expected, _ = call("update", program, *state, k, v, flags, q, lengths)
    assert_same_state(call("state", program, *state, k, v, flags, lengths), expected)


@given(streams(FIRST, "whole"), st.integers(1, 5))
def test_whole_prefill_is_compacted_at_the_next_append(case, more):
    program, state, (k, v, flags, q), lengths = case
    if k.shape[2] == 0:
        return
    state[3][:] = 0
    state[4][:] = 0
    lengths = np.minimum(lengths, state[0].shape[2] - 1).astype(np.int32)
    *state, _ = call("whole", program, *state, k, v, flags, q, lengths)
    assert state[3].tolist() == lengths.tolist()
    k, v, q = (np.repeat(array[:, :, :1], more, axis=2) for array in (k, v, q))
    flags = np.repeat(flags[:, :1], more, axis=1)
    check_update("whole", program, state, (k, v, flags, q), np.full(len(lengths), more, np.int32))


@pytest.mark.parametrize(
    "update, state, lengths, message",
    [
        ("update", small_state(length=(5, 8)), (2, 1), r"at most 8 \(N\), but got 8 \+ 1 = 9 in row 1"),
        ("whole", small_state(length=(8, 0)), (0, 9), r"at most 8 \(N\), but got 0 \+ 9 = 9 in row 1"),
        ("whole", small_state(length=(8, 0)), (1, 8), r"at most 8 \(N\), but got 8 \+ 1 = 9 in row 0"),
        ("update", small_state(length=(9, 0)), (0, 0), "length of row 0 to be between 0 and the cache size 8"),
        ("update", small_state(end=(0, 4)), (0, 0), "separator_end of row 1 to be 0 or between 1 and 3, but got 4"),
        ("update", small_state(entries=7), (0, 0), r"at least capacity \+ 1, but got 7 with capacity 7"),
        ("update", small_state(), (9, 10), "lengths of row 1 to be between 0 and the token count 9, but got 10"),
    ],
)
def test_an_update_that_cannot_run_takes_nothing(update, state, lengths, message):
    k, flags, q = np.ones((2, 1, 9, 2), np.float32), np.ones((2, 9), bool), np.ones((2, 2, 9, 2), np.float32)
    function = getattr(compiled(), f"{update}_after")
    states = [array.copy() for array in state]
    with pytest.raises(CallError, match=message) as error:
        function.into([*states, k, k, flags, q, np.array(lengths, np.int32)], [*states, np.zeros_like(q)])
    assert "'effattn.separator_cache_update' op expected" in str(error.value)
    for array, before in zip(states, state):
        np.testing.assert_array_equal(array, before)


def test_update_wants_head_groups():
    state, q = small_state(), np.ones((2, 3, 2, 2), np.float32)
    state = tuple(np.repeat(array, 2, 1) if array.ndim == 4 else array for array in state)
    k = np.ones((2, 2, 2, 2), np.float32)
    with pytest.raises(CallError, match="key heads .* to divide query heads .*, but got 2 and 3"):
        call("update", PROGRAMS[0], *state, k, k, np.ones((2, 2), bool), q, np.ones(2, np.int32))


# --- Worked cases -----------------------------------------------------------


def case_program(case, when):
    """The program of a case's cache, compiled with the parameters that the case has."""
    names = ("init_cache_size", "sep_cache_size", "local_size", "cache_size")
    return SeparatorProgram("case", (*(case.params[name] for name in names), when))


def empty_state(entries, heads=1, width=1):
    """A cache of one row."""
    zeros = np.zeros((1, heads, entries, width), np.float32)
    return [zeros, zeros.copy(), np.zeros((1, entries), bool), np.zeros(1, np.int64), np.zeros(1, np.int64)]


def token(case, t):
    """Key, value and flag of token t, whose value is its index."""
    key, value = np.zeros((1, 1, 1, 1), np.float32), np.full((1, 1, 1, 1), t, np.float32)
    return key, value, np.isin(case["ids"][:, t : t + 1], case.params["seps"])


def kept(state):
    return state[1][0, 0, : state[3][0], 0].astype(int).tolist()


def test_a_published_stream_by_append_and_compact():
    case = Case("sepllm_stream_basic")
    program = case_program(case, AFTER)
    library = compile_ir(program.append() + "\n" + program.compact())
    state, one = empty_state(case.params["cache_size"] + 1), np.ones(1, np.int32)
    for step, t in enumerate(case["t"]):
        state = library.append_case(*state, *token(case, t), one)
        assert state[3].tolist() == [case["len_before"][step]]
        state = library.compact_case(*state)
        assert state[3].tolist() == [case["len_after"][step]]
        assert state[4].tolist() == [case["sep_end"][step]]
        assert kept(state) == [i for i in case["kept"][step, 0] if i >= 0]


@pytest.mark.parametrize("parts", [1, 7, 80])
def test_a_published_stream_by_update(parts):
    """State after every part; `t` of the case is every token."""
    case = Case("sepllm_stream_basic")
    program = case_program(case, AFTER)
    library = compile_ir(program.update(queries=False))
    state = empty_state(case.params["cache_size"] + 1)
    for part in np.array_split(case["t"], parts):
        k, v, flags = tokens_of(case, part)
        state = library.state_case(*state, k, v, flags, np.array([len(part)], np.int32))
        step = part[-1]
        assert state[3].tolist() == [case["len_after"][step]]
        assert state[4].tolist() == [case["sep_end"][step]]
        assert kept(state) == [i for i in case["kept"][step, 0] if i >= 0]


def tokens_of(case, part):
    parts = [token(case, t) for t in part]
    return [np.concatenate([new[i] for new in parts], axis=min(2, parts[0][i].ndim - 1)) for i in range(3)]


@pytest.mark.parametrize("prefill", ["whole", "stepwise"])
def test_a_published_cache_compacted_before_attention(prefill):
    case = Case("sepcache_basic")
    program = case_program(case, BEFORE)
    library = compile_ir(program.update(prefill, queries=False))
    state = empty_state(case.params["cache_size"] + 1)
    steps = dict(zip(case["t"].tolist(), range(len(case["t"]))))
    first = case.params["prefill"]
    for part in [range(first)] + [range(t, t + 1) for t in range(first, case["ids"].shape[1])]:
        state = library.state_case(*state, *tokens_of(case, part), np.array([len(part)], np.int32))
        step = steps[part[-1]]
        assert state[3].tolist() == case["length"][step].tolist()
        assert state[4].tolist() == case["sep_end"][step].tolist()
        assert kept(state) == [i for i in case["kept"][step, 0, 0] if i >= 0]


@pytest.mark.parametrize("parts", [1, 40])
def test_published_attention_in_a_streaming_cache(parts):
    case = Case("sepllm_stream_attn_stream")
    params, x = case.params, case["x"]
    heads, groups, size = params["H"], params["Hkv"], params["head_dim"]
    layout = (params["a"], 0, params["w"], params["c"], AFTER)
    library = compile_ir(SeparatorProgram("case", layout, rope_base=float(params["rope_base"])).update())

    def split(weight, heads):
        return project(x, case[weight]).reshape(1, len(x), heads, size).transpose(0, 2, 1, 3).astype(np.float32)

    q, k, v = split("Wq", heads), split("Wk", groups), split("Wv", groups)
    flags = np.isin(case["ids"], params["seps"])
    state, out = empty_state(params["c"] + 1, groups, size), []
    for part in np.array_split(np.arange(len(x)), parts):
        *state, seen = library.update_case(
            *state, k[:, :, part], v[:, :, part], flags[:, part], q[:, :, part], np.array([len(part)], np.int32)
        )
        out.append(seen)
    joined = np.concatenate(out, axis=2).transpose(0, 2, 1, 3).reshape(len(x), heads * size)
    case.check(project(joined, case["Wo"]), "out")
