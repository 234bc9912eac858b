"""Compiled masks and attention against the reference: shapes, types, positions, raggedness."""

import functools
import itertools
import os
import subprocess
import sys

import harness
import ml_dtypes
import numpy as np
import pytest
from attention_programs import AttentionProgram, MaskProgram, random_tree, reference_mask
from harness import assert_close
from hypothesis import given
from hypothesis import strategies as st

from effattn import reference

DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16, "f16": np.float16}
# Products of a few f32 numbers and the exponential of their sum; one rounding of the result.
TOLERANCE = {"f32": 2e-5, "bf16": 2.0**-8 + 2e-5, "f16": 2.0**-11 + 2e-5}
# A score of some hundreds, as ALiBi makes, has an f32 rounding error of 3e-5.
LARGE_SCORES = 4e-4

CAUSAL, DENSE = ("causal",), ("dense",)
SINKS = ("and", CAUSAL, ("or", ("initial", 2, False), ("window", 3)))
MIXED = ("or", ("and", ("separator", 1, 2, True), ("document",)), ("not", ("or", CAUSAL, ("length", True))))
EXTREME = ("and", ("window", 2**63 - 1), ("separator", 2**63 - 1, 2**62, True))
PROGRAMS = [
    AttentionProgram("all_keys"),
    AttentionProgram("all_keys_f16", None, ["lengths", "offset"], ("f16", "f16", "f16")),
    AttentionProgram("causal", CAUSAL, ["lengths", "key_lengths"]),
    AttentionProgram("causal_ends", CAUSAL, ["key_lengths", "softcap"]),
    AttentionProgram("causal_bf16", CAUSAL, ["lengths"], ("bf16", "bf16", "bf16")),
    AttentionProgram("window", ("and", CAUSAL, ("window", 2)), ["offset"]),
    AttentionProgram("initial", ("initial", 2, True), ["offsets"]),
    AttentionProgram("length", ("length", True), ["offsets32", "alibi"]),
    AttentionProgram("document", ("and", ("document",), CAUSAL), ["scale"]),
    AttentionProgram("dense", DENSE, ["lengths", "key_lengths", "softcap", "alibi"]),
    AttentionProgram("separator", ("separator", 2, 3, False), ["lengths", "key_lengths"]),
    AttentionProgram("separator_offset", ("separator", 1, 4, False), ["offset"]),
    AttentionProgram("separator_padded", ("separator", 0, 1, True), ["offsets"]),
    AttentionProgram("separator_bf16", ("separator", 2, 3, True), ["alibi"], ("bf16", "bf16", "bf16")),
    AttentionProgram("separator_mixed", ("separator", 2, 3, False), [], ("f32", "f16", "bf16")),
    AttentionProgram("sinks", SINKS, ["key_lengths"]),
    AttentionProgram("sinks_ring", SINKS, ["key_positions", "alibi"]),
    AttentionProgram("not_window", ("not", ("or", CAUSAL, ("window", 4))), ["offset"]),
    AttentionProgram("not_ring", ("not", ("initial", 1, False)), ["key_positions", "key_lengths", "offsets"]),
    AttentionProgram("separator_ring", ("separator", 1, 2, True), ["key_positions", "lengths"]),
    AttentionProgram("mixed", MIXED, ["lengths", "key_lengths", "softcap", "scale"]),
    AttentionProgram("nothing", ("or",), []),
    AttentionProgram("extreme", EXTREME, ["offsets"]),
    # Static sizes let masks be simplified: causal, window and separators decide nothing here.
    AttentionProgram("one_query", CAUSAL, ["lengths", "key_lengths"], sizes=(1, 9)),
    AttentionProgram("one_query_window", ("and", CAUSAL, ("window", 9)), ["key_lengths"], sizes=(1, 9)),
    AttentionProgram("wide_window", ("and", CAUSAL, ("window", 7)), ["lengths", "key_lengths"], sizes=(5, 7)),
    AttentionProgram("wide_separator", ("separator", 0, 7, False), ["lengths"], sizes=(9, 7)),
]
MANY = range(200 if os.environ.get("EFFATTN_LONG") else 6)

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
sizes = st.sampled_from([0, 1, 2, 3, 5, 7, 13, 33])


@functools.lru_cache(maxsize=None)
def compiled():
    return harness.compile_ir("\n".join(program.text() for program in PROGRAMS))


def wide(array):
    return None if array is None else array.astype(np.float64)


def draw_values(rng, dtype, shape, special):
    """Normal numbers; where ``special`` is given some rows of it."""
    values = rng.standard_normal(shape).astype(dtype)
    if special is not None and values.size:
        values[rng.random(shape[:3]) < 0.2] = special
    return values


def check_attention(program, library, rng, batch, group, share, tokens, keys, width, value_width, special=None):
    queries = tokens if program.sizes[0] == "?" else program.sizes[0]
    keys = keys if program.sizes[1] == "?" else program.sizes[1]
    heads = group * share
    types = [DTYPES[element] for element in program.types]
    q = draw_values(rng, types[0], (batch, heads, queries, width), None)
    k = draw_values(rng, types[1], (batch, group, keys, width), special)
    v = draw_values(rng, types[2], (batch, group, keys, value_width), special)
    offsets = rng.integers(-5, keys + 5, batch)
    operands = {
        "lengths": rng.integers(0, queries + 1, batch).astype(np.int32),
        "key_lengths": rng.integers(0, keys + 1, batch),
        # A ring with gaps; -3 and -2 are positions, -1 is none.
        "key_positions": rng.integers(-3, keys + 3, (batch, keys)),
        "offset": int(rng.integers(-5, keys + 5)),
        "offsets": offsets,
        "offsets32": offsets.astype(np.int32),
        "alibi": rng.standard_normal(heads).astype(np.float32),
    }
    used = {name: value for name, value in operands.items() if name in program.options}
    masks = program.mask.draw(rng, batch, heads, queries, keys) if program.mask else []
    out, lse = getattr(library, program.name)(q, k, v, *used.values(), *masks)

    options = {name: used[name] for name in ("lengths", "key_lengths", "key_positions") if name in used}
    for name in ("offset", "offsets", "offsets32"):
        if name in used:
            options["offset"] = used[name]
    if "alibi" in used:
        options.update(score="alibi", slopes=used["alibi"])
    if "softcap" in program.options:
        options["softcap"] = 2.0
    if "scale" in program.options:
        options["scale"] = 0.25
    mask = reference_mask(program.tree, iter(masks)) if program.mask else None
    want, want_lse = reference.attention(wide(q), wide(k), wide(v), mask=mask, return_lse=True, **options)
    slack = LARGE_SCORES if "alibi" in used else 0
    assert_close(out, want, TOLERANCE[program.types[0]] + slack)
    assert_close(lse, want_lse, TOLERANCE["f32"] + slack)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
@given(
    seeds,
    st.integers(0, 3),
    st.integers(0, 2),
    st.integers(0, 3),
    sizes,
    st.one_of(sizes, st.sampled_from([257, 530])),
    st.sampled_from([0, 1, 3, 8, 17]),
    st.sampled_from([0, 1, 5, 16]),
    st.sampled_from([None, None, np.nan]),
)
def test_attention(program, rng, batch, group, share, tokens, keys, width, value_width, special):
    check_attention(program, compiled(), rng, batch, group, share, tokens, keys, width, value_width, special)


BLOCKED = [
    program
    for program in PROGRAMS
    if program.name in ("all_keys_f16", "causal", "causal_bf16", "window", "length", "not_window", "sinks_ring")
]


@functools.lru_cache(maxsize=None)
def compiled_with_small_tiles():
    """Tiles so small that a hundred queries are enough for tasks of several tiles."""
    text = "\n".join(program.text() for program in BLOCKED)
    return harness.compile_ir(text, "--tiling=query-vectors:1,key-tile:16", "--cpu=x86-64")


@pytest.mark.parametrize("program", BLOCKED, ids=lambda program: program.name)
@given(
    seeds,
    st.integers(1, 2),
    st.integers(1, 2),
    st.integers(1, 3),
    st.sampled_from([67, 130, 259]),
    st.sampled_from([0, 5, 16, 67, 150]),
    st.sampled_from([None, np.nan]),
)
def test_tiles_that_share_keys(program, rng, batch, group, share, tokens, keys, special):
    check_attention(program, compiled_with_small_tiles(), rng, batch, group, share, tokens, keys, 5, 9, special)


# With caches that hold next to nothing, too.
WAYS = [(), ("--threads=none", "--tiling=second-cache:1024"), ("--cpu=x86-64-v3", "--threads=none"), ("--cpu=x86-64",)]
DECODING = ["all_keys", "all_keys_f16", "causal_bf16", "causal_ends", "dense", "separator_mixed", "sinks_ring"]


@functools.lru_cache(maxsize=None)
def decoding(flags):
    programs = [program for program in PROGRAMS if program.name in DECODING]
    return harness.compile_ir("\n".join(program.text() for program in programs), *flags)


@pytest.mark.parametrize("flags", WAYS, ids=" ".join)
@given(
    seeds,
    st.sampled_from(DECODING),
    st.integers(1, 9),
    st.integers(1, 3),
    st.sampled_from([1, 2, 7, 8, 9, 127, 128, 129, 260]),
    st.sampled_from([0, 1, 4, 6, 16, 31, 64, 66, 130]),
    st.sampled_from([0, 1, 4, 16, 31, 33, 64, 100]),
    st.sampled_from([None, None, np.nan]),
)
def test_few_queries(flags, rng, name, share, tokens, keys, width, value_width, special):
    """Up to 27 queries of a key head, and heads of one and of several vectors."""
    program = next(program for program in PROGRAMS if program.name == name)
    check_attention(program, decoding(flags), rng, 2, 1, share, tokens, keys, width, value_width, special)


@pytest.mark.parametrize("flags", WAYS, ids=" ".join)
@given(
    seeds,
    st.sampled_from(DECODING),
    st.sampled_from([1, 3, 128, 131, 2100]),
    st.sampled_from([1, 31, 33, 64, 70, 200]),
    st.sampled_from([1, 31, 33, 64, 70, 200]),
    st.sampled_from([None, None, np.nan]),
)
def test_one_query(flags, rng, name, keys, width, value_width, special):
    """Rows of keys of no whole number of vectors, and of several."""
    program = next(program for program in PROGRAMS if program.name == name)
    check_attention(program, decoding(flags), rng, 1, 2, 1, 1, keys, width, value_width, special)


KNOWN_WIDTH = """
func.func @f(%q: tensor<1x2x1x{d}x{t}>, %k: tensor<1x2x?x{d}x{t}>, %v: tensor<1x2x?x{d}x{t}>) -> tensor<1x2x1x{d}x{t}> {{
  %e = tensor.empty() : tensor<1x2x1x{d}x{t}>
  %r = effattn.attention ins(%q, %k, %v : tensor<1x2x1x{d}x{t}>, tensor<1x2x?x{d}x{t}>, tensor<1x2x?x{d}x{t}>)
    outs(%e : tensor<1x2x1x{d}x{t}>)
  return %r : tensor<1x2x1x{d}x{t}>
}}
"""


@pytest.mark.parametrize("flags", WAYS, ids=" ".join)
@pytest.mark.parametrize("element", ["f32", "bf16", "f16"])
@pytest.mark.parametrize("width", [16, 48, 64, 96, 128, 256])
def test_one_query_of_known_width(flags, element, width):
    """Vectors of a row that are summed at once depend on how many there are."""
    f = harness.compile_ir(KNOWN_WIDTH.format(d=width, t=element), *flags).f
    rng = np.random.default_rng(width)
    for keys, special in itertools.product([1, 2, 3, 5, 128, 131, 1030], [None, np.nan, np.inf]):
        q = draw_values(rng, DTYPES[element], (1, 2, 1, width), None)
        k = draw_values(rng, DTYPES[element], (1, 2, keys, width), None)
        v = draw_values(rng, DTYPES[element], (1, 2, keys, width), None)
        if special is not None:
            v[0, 1, -1, :3] = special
        assert_close(f(q, k, v)[0], reference.attention(wide(q), wide(k), wide(v)), TOLERANCE[element])


SECOND_COLUMNS = """
func.func @f(%q: tensor<1x4x?x16x{t}>, %k: tensor<1x2x?x16x{t}>, %v: tensor<1x2x?x16x{t}>) -> tensor<1x4x?x8x{t}> {{
  %c2 = arith.constant 2 : index
  %n = tensor.dim %q, %c2 : tensor<1x4x?x16x{t}>
  %s = tensor.dim %k, %c2 : tensor<1x2x?x16x{t}>
  %q2 = tensor.extract_slice %q[0, 0, 0, 0] [1, 4, %n, 8] [1, 1, 1, 2] : tensor<1x4x?x16x{t}> to tensor<1x4x?x8x{t}>
  %k2 = tensor.extract_slice %k[0, 0, 0, 1] [1, 2, %s, 8] [1, 1, 1, 2] : tensor<1x2x?x16x{t}> to tensor<1x2x?x8x{t}>
  %v2 = tensor.extract_slice %v[0, 0, 0, 0] [1, 2, %s, 8] [1, 1, 1, 2] : tensor<1x2x?x16x{t}> to tensor<1x2x?x8x{t}>
  %e = tensor.empty(%n) : tensor<1x4x?x8x{t}>
  %r = effattn.attention ins(%q2, %k2, %v2 : tensor<1x4x?x8x{t}>, tensor<1x2x?x8x{t}>, tensor<1x2x?x8x{t}>)
    outs(%e : tensor<1x4x?x8x{t}>)
  return %r : tensor<1x4x?x8x{t}>
}}
"""


@pytest.mark.parametrize("flags", WAYS, ids=" ".join)
@pytest.mark.parametrize("element", ["f32", "bf16", "f16"])
def test_every_second_column(flags, element):
    """Rows whose numbers do not lie side by side, of one query, of few and of many."""
    f = harness.compile_ir(SECOND_COLUMNS.format(t=element), *flags).f
    rng = np.random.default_rng(0)
    for queries, keys in itertools.product([0, 1, 5, 40], [0, 1, 37]):
        shapes = [(1, 4, queries, 16), (1, 2, keys, 16), (1, 2, keys, 16)]
        q, k, v = (draw_values(rng, DTYPES[element], shape, None) for shape in shapes)
        want = reference.attention(wide(q[..., ::2]), wide(k[..., 1::2]), wide(v[..., ::2]))
        assert_close(f(q, k, v)[0], want, TOLERANCE[element])


@pytest.mark.parametrize("seed", MANY)
def test_attention_under_random_masks(seed):
    rng = np.random.default_rng(seed)
    choices = ["lengths", "key_lengths", "key_positions", "softcap", "scale", "alibi"]
    programs = []
    for i in range(4):
        options = [name for name in choices if rng.random() < 0.3]
        offset = str(rng.choice(["", "offset", "offsets"]))
        static = (int(rng.integers(1, 5)), int(rng.integers(0, 9)))
        programs.append(
            AttentionProgram(
                f"random_{i}",
                random_tree(rng, 3),
                options + [offset] * bool(offset),
                sizes=static if rng.random() < 0.5 else ("?", "?"),
            )
        )
    library = harness.compile_ir("\n".join(program.text() for program in programs))
    for program in programs:
        for _ in range(20):
            batch, group, share, tokens, keys = rng.integers([0, 1, 1, 0, 0], [4, 3, 3, 40, 40])
            check_attention(
                program, library, rng, batch, group, share, tokens, keys, 4, 3, rng.choice([0, np.nan])
            )


@pytest.mark.parametrize("seed", MANY)
def test_materialize_mask(seed):
    """Exact, also where static sizes and offsets let the mask be simplified."""
    rng = np.random.default_rng(seed)
    programs = []
    for i in range(20):
        static = (int(rng.integers(0, 5)), int(rng.integers(0, 8)))
        offset = [None, None, "offset", "offsets", int(rng.integers(-9, 15))][rng.integers(5)]
        tree = random_tree(rng, int(rng.integers(0, 4)))
        programs.append(MaskProgram(f"mask_{i}", tree, offset, static if i % 3 else ("?", "?")))
    library = harness.compile_ir("\n".join(program.text() for program in programs))
    for program in programs:
        for _ in range(5):
            batch, heads, queries, keys = rng.integers(0, [4, 3, 7, 9])
            if program.sizes[0] != "?":
                queries, keys = program.sizes
            offset = program.offset
            if offset == "offset":
                offset = int(rng.integers(-9, keys + 9))
            elif offset == "offsets":
                offset = rng.integers(-9, keys + 9, batch)
            passed = [] if offset is None or isinstance(program.offset, int) else [offset]
            masks = program.mask.draw(rng, batch, heads, queries, keys)
            like = np.zeros((batch, heads, queries, keys), bool)
            (keep,) = getattr(library, program.name)(like, *passed, *masks)
            want = reference.materialize_mask(
                reference_mask(program.tree, iter(masks)),
                batch=batch,
                heads=heads,
                queries=queries,
                keys=keys,
                offset=offset,
            )
            np.testing.assert_array_equal(keep, want, err_msg=str(program.tree))


def test_sizes_known_to_be_zero():
    """What has no elements is left alone, and what has some, such as lse, is computed."""
    rng = np.random.default_rng(0)
    for absent in range(5):
        b, h, s, d, e = (0 if number == absent else size for number, size in enumerate((1, 2, 4, 8, 5)))
        shapes = (b, h, 3, d), (b, h, s, d), (b, h, s, e), (b, h, 3, e), (b, h, 3)
        q, k, v, out, lse = (f"tensor<{'x'.join(map(str, shape))}xf32>" for shape in shapes)
        function = harness.compile_ir(f"""
        func.func @f(%q: {q}, %k: {k}, %v: {v}) -> ({out}, {lse}) {{
          %out = tensor.empty() : {out}
          %lse = tensor.empty() : {lse}
          %0:2 = effattn.attention ins(%q, %k, %v : {q}, {k}, {v}) outs(%out, %lse : {out}, {lse}) mask {{
            %mask = effattn.initial_mask {{count = 2}}
            effattn.yield %mask : !effattn.mask
          }}
          return %0#0, %0#1 : {out}, {lse}
        }}""").f
        operands = [rng.standard_normal(shape).astype(np.float32) for shape in shapes[:3]]
        mask = reference.initial_mask(count=2)
        want = reference.attention(*operands, mask=mask, return_lse=True)
        for found, expected in zip(function(*operands), want):
            assert_close(found, expected, TOLERANCE["f32"])


def test_scores_far_apart():
    """Logits of +-1e5, exact in f32: the larger wins alone, equal ones share."""
    library = compiled()
    q = np.full((1, 1, 3, 1), 1e5, np.float32)
    k = np.array([-1, 1, 0, 1, -1], np.float32).reshape(1, 1, 5, 1)
    v = np.arange(5, dtype=np.float32).reshape(1, 1, 5, 1)
    out, lse = library.all_keys(q, k, v)
    np.testing.assert_array_equal(out.ravel(), 2)
    np.testing.assert_allclose(lse, 1e5 + np.log(2), rtol=1e-7)
    out, lse = library.all_keys(-q, k, v)
    np.testing.assert_array_equal(out.ravel(), 2)


def test_large_scores_over_many_steps():
    """The largest score moves from step to step of the running softmax."""
    rng = np.random.default_rng(0)
    q = np.ones((1, 1, 1, 1), np.float32)
    for order in (np.sort, lambda x: -np.sort(-x), lambda x: x):
        k = order(rng.uniform(-90, 90, 4000).astype(np.float32)).reshape(1, 1, -1, 1)
        v = rng.standard_normal((1, 1, 4000, 3)).astype(np.float32)
        out, lse = compiled().all_keys(q, k, v)
        want, want_lse = reference.attention(wide(q), wide(k), wide(v), return_lse=True)
        assert_close(out, want, 2e-5)
        assert_close(lse, want_lse, 1e-6)


def test_sums_over_many_keys_stay_accurate():
    q, k = np.zeros((1, 1, 1, 1), np.float32), np.zeros((1, 1, 2**17, 1), np.float32)
    v = np.full((1, 1, 2**17, 1), 0.1, np.float32)
    out, lse = compiled().all_keys(q, k, v)
    assert_close(out, wide(v)[:, :, :1], 1e-6)
    assert_close(lse, np.full((1, 1, 1), 17 * np.log(2)), 1e-6)


def test_key_heads_must_divide_query_heads():
    k = np.zeros((1, 2, 4, 8), np.float32)
    for heads, keys in ((3, k), (3, k[:, :0])):
        q = np.zeros((1, heads, 4, 8), np.float32)
        message = rf"key heads \(dim 1\) to divide query heads \(dim 1\), but got {keys.shape[1]} and 3"
        with pytest.raises(harness.CallError, match=message):
            compiled().all_keys(q, keys, keys)


# merge_attention


def merge_ir(name, first, second):
    a, b, lse = (f"tensor<?x?x?x?x{first}>", f"tensor<?x?x?x?x{second}>", "tensor<?x?x?xf32>")
    return f"""
func.func @{name}(%out1: {a}, %lse1: {lse}, %out2: {b}, %lse2: {lse}) -> ({a}, {lse}) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %b = tensor.dim %out1, %c0 : {a}
  %h = tensor.dim %out1, %c1 : {a}
  %t = tensor.dim %out1, %c2 : {a}
  %e = tensor.dim %out1, %c3 : {a}
  %out = tensor.empty(%b, %h, %t, %e) : {a}
  %lse = tensor.empty(%b, %h, %t) : {lse}
  %0:2 = effattn.merge_attention ins(%out1, %lse1, %out2, %lse2 : {a}, {lse}, {b}, {lse})
    outs(%out, %lse : {a}, {lse})
  return %0#0, %0#1 : {a}, {lse}
}}"""


@functools.lru_cache(maxsize=None)
def merging():
    pairs = [("f32", "f32"), ("bf16", "f32"), ("f16", "bf16")]
    return harness.compile_ir("\n".join(merge_ir(f"merge_{a}_{b}", a, b) for a, b in pairs))


@given(
    seeds,
    st.sampled_from([("f32", "f32"), ("bf16", "f32"), ("f16", "bf16")]),
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 5)),
    st.sampled_from([0, 1, 5, 16]),
    st.sampled_from([1.0, 1e5]),
)
def test_merge_attention(rng, elements, rows, width, magnitude):
    parts = []
    for element in elements:
        lse = (magnitude * rng.standard_normal(rows)).astype(np.float32)
        out = rng.standard_normal((*rows, width)).astype(DTYPES[element])
        empty = rng.random(rows) < 0.3
        lse[empty], out[empty] = -np.inf, np.nan
        parts += [out, lse]
    out, lse = getattr(merging(), "merge_%s_%s" % elements)(*parts)
    want, want_lse = reference.merge_attention(*map(wide, parts))
    assert_close(out, want, TOLERANCE[elements[0]])
    assert_close(lse, want_lse, 1e-6)


def test_merged_parts_are_attention_over_all_keys():
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((2, 2, 5, 8)).astype(np.float32) for _ in range(3))
    whole = compiled().all_keys(q, k, v)
    parts = []
    for keys in (slice(0, 2), slice(2, 5)):
        parts += compiled().all_keys(q, *(np.ascontiguousarray(x[:, :, keys]) for x in (k, v)))
    for got, want in zip(merging().merge_f32_f32(*parts), whole):
        assert_close(got, want, 1e-6)


# Memory


@pytest.mark.cpu  # the emulator remembers who touched each byte
def test_memory_follows_the_keys():
    """65536 queries and keys: T x S flags alone would be 4 GiB."""
    script = """
import resource, sys
import numpy as np
sys.path[:0] = sys.argv[1].split(":")
import harness, test_attention
rng = np.random.default_rng(0)
q, k, v = (rng.standard_normal((1, 1, 65536, 16)).astype(np.float32) for _ in range(3))
program = next(p for p in test_attention.PROGRAMS if p.name == "separator")
function = harness.compile_ir(program.text()).separator
lengths = np.array([65536])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
function(q, k, v, lengths.astype(np.int32), lengths, rng.random((1, 65536)) < 0.02)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    paths = ":".join(path for path in sys.path if path)
    done = subprocess.run([sys.executable, "-c", script, paths], capture_output=True, text=True, check=True)
    # Results (4.5 MiB), the index of columns (0.5 MiB) and the columns of K and V (0.2 MiB).
    assert int(done.stdout) < 32 * 1024
