"""Fused functions against their parts, compiled apart: equal to the bit."""

import functools
import subprocess

import ml_dtypes
import numpy as np
import pytest
from cache_programs import SeparatorProgram
from harness import BUILD, CallError, assert_close, compile_ir
from hypothesis import assume, given
from hypothesis import strategies as st
from quantized_tables import random_bytes

DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16}
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
sizes = st.sampled_from([0, 1, 2, 7, 8, 9, 17])
widths = st.sampled_from([0, 1, 5, 16, 33])


def numbers(rng, shape, dtype="f32"):
    """Numbers around 1 in a type of IR."""
    return rng.normal(size=shape).astype(DTYPES[dtype])


def function(arguments, results, body):
    """A compiled function; ``arguments`` are pairs of name and type."""
    types = ", ".join(f"%{name}: {type}" for name, type in arguments)
    return compile_ir(f"""
    #rows = affine_map<(b, t, c, f) -> (b, t, c)>
    #weight = affine_map<(b, t, c, f) -> (c, f)>
    #product = affine_map<(b, t, c, f) -> (b, t, f)>
    func.func @f({types}) -> ({results}) {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %zero = arith.constant 0.0 : f32
      {body}
    }}""").f


# --- norm and matmul --------------------------------------------------------

X3, W2, W1 = "tensor<?x?x?xf32>", "tensor<?x?xf32>", "tensor<?xf32>"
NORM = """
      %b = tensor.dim %x, %c0 : {x}
      %t = tensor.dim %x, %c1 : {x}
      %c = tensor.dim %x, %c2 : {x}
      %e = tensor.empty(%b, %t, %c) : {x}
      %n = effattn.{op} ins(%x, %weight : {x}, tensor<?xf32>) outs(%e : {x})
"""
PROJECT = """
      %b_{y} = tensor.dim %n, %c0 : {x}
      %t_{y} = tensor.dim %n, %c1 : {x}
      %f_{y} = tensor.dim %{w}, %c1 : tensor<?x?xf32>
      %e_{y} = tensor.empty(%b_{y}, %t_{y}, %f_{y}) : tensor<?x?x?xf32>
      %i_{y} = linalg.fill ins(%zero : f32) outs(%e_{y} : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
      %{y} = linalg.contract indexing_maps = [#rows, #weight, #product]
        ins(%n, %{w} : {x}, tensor<?x?xf32>) outs(%i_{y} : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
"""


@pytest.mark.parametrize("op", ["rms_norm", "layer_norm"])
@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@given(rng=seeds, b=sizes, t=sizes, c=widths, f=st.sampled_from([0, 1, 9, 515]))
def test_norm_and_two_products(op, dtype, rng, b, t, c, f):
    tensor = f"tensor<?x?x?x{dtype}>"
    norm = function(
        [("x", tensor), ("weight", W1)], tensor, NORM.format(op=op, x=tensor) + f"return %n : {tensor}"
    )
    project = function(
        [("n", tensor), ("w", W2)], X3, PROJECT.format(w="w", y="y", x=tensor) + f"return %y : {X3}"
    )
    fused = function(
        [("x", tensor), ("weight", W1), ("w", W2), ("v", W2)],
        f"{X3}, {X3}",
        NORM.format(op=op, x=tensor)
        + PROJECT.format(w="w", y="y", x=tensor)
        + PROJECT.format(w="v", y="z", x=tensor)
        + f"return %y, %z : {X3}, {X3}",
    )
    x, weight = numbers(rng, (b, t, c), dtype), numbers(rng, c)
    w, v = numbers(rng, (c, f)), numbers(rng, (c, 3))
    normed = norm(x, weight)[0]
    got = fused(x, weight, w, v)
    np.testing.assert_array_equal(got[0], project(normed, w)[0])
    np.testing.assert_array_equal(got[1], project(normed, v)[0])


# --- gated networks and hourglasses ------------------------------------------

X2, V1 = "tensor<?x?xf32>", "tensor<?xf32>"


def sizes_of(x):
    return f"""
      %t = tensor.dim %{x}, %c0 : {X2}
      %c = tensor.dim %{x}, %c1 : {X2}
      %e = tensor.empty(%t, %c) : {X2}
"""


GATED = f"effattn.gated_ffn ins(%n, %g, %u, %d : {X2}, {X2}, {X2}, {X2}) outs(%e : {X2})"
BLOCK = f"""
      %n = effattn.rms_norm ins(%x, %weight : {X2}, {V1}) outs(%e : {X2})
      %f = {GATED}
      %s = arith.addf %x, %f : {X2}
"""
FFN_ARGUMENTS = [("weight", V1), ("g", X2), ("u", X2), ("d", X2)]


def network(rng, c, f):
    """Weights of a block."""
    return numbers(rng, c), numbers(rng, (c, f)), numbers(rng, (c, f)), numbers(rng, (f, c))


@given(rng=seeds, t=sizes, c=widths, f=widths)
def test_norm_and_gated_network(rng, t, c, f):
    norm = function(
        [("x", X2), ("weight", V1)],
        X2,
        sizes_of("x") + f"%n = effattn.rms_norm ins(%x, %weight : {X2}, {V1}) outs(%e : {X2})\nreturn %n : {X2}",
    )
    ffn = function(
        [("n", X2), *FFN_ARGUMENTS[1:]], X2, sizes_of("n") + f"%f = {GATED}\nreturn %f : {X2}"
    )
    fused = function(
        [("x", X2), *FFN_ARGUMENTS],
        X2,
        sizes_of("x")
        + f"%n = effattn.rms_norm ins(%x, %weight : {X2}, {V1}) outs(%e : {X2})\n%f = {GATED}\nreturn %f : {X2}",
    )
    x, (weight, *weights) = numbers(rng, (t, c)), network(rng, c, f)
    want = ffn(norm(x, weight)[0], *weights)[0]
    np.testing.assert_array_equal(fused(x, weight, *weights)[0], want)


@given(rng=seeds, t=sizes, c=widths, f=widths)
def test_two_blocks_become_a_chain_of_hourglasses(rng, t, c, f):
    block = function([("x", X2), *FFN_ARGUMENTS], X2, sizes_of("x") + BLOCK + f"return %s : {X2}")
    second = BLOCK
    for name in ("n", "f", "s", "g", "u", "d", "weight", "x"):
        second = second.replace(f"%{name} ", f"%{name}2 ").replace(f"%{name},", f"%{name}2,")
    second = second.replace("%x2", "%s")
    two = function(
        [("x", X2), *FFN_ARGUMENTS, *((f"{name}2", type) for name, type in FFN_ARGUMENTS)],
        X2,
        sizes_of("x") + BLOCK + second + f"return %s2 : {X2}",
    )
    x, first, last = numbers(rng, (t, c)), network(rng, c, f), network(rng, c, f)
    want = block(block(x, *first)[0], *last)[0]
    np.testing.assert_array_equal(two(x, *first, *last)[0], want)


SWIGLU = """
      %f = tensor.dim %g, %c1 : {x}
      %h = tensor.empty(%t, %f) : {x}
      %i = linalg.fill ins(%zero : f32) outs(%h : {x}) -> {x}
      %gate = linalg.matmul ins(%x, %g : {x}, {x}) outs(%i : {x}) -> {x}
      %up = linalg.matmul ins(%x, %u : {x}, {x}) outs(%i : {x}) -> {x}
      %a = linalg.generic {{
          indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
          iterator_types = ["parallel", "parallel"]}} ins(%gate, %up : {x}, {x}) outs(%h : {x}) {{
      ^bb0(%p: f32, %q: f32, %ignored: f32):
        %one = arith.constant 1.0 : f32
        %minus = arith.negf %p : f32
        %power = math.exp %minus : f32
        %sum = arith.addf %power, %one : f32
        %silu = arith.divf %p, %sum : f32
        %product = arith.mulf %silu, %q : f32
        linalg.yield %product : f32
      }} -> {x}
      %j = linalg.fill ins(%zero : f32) outs(%e : {x}) -> {x}
      %r = linalg.matmul ins(%a, %d : {x}, {x}) outs(%j : {x}) -> {x}
      return %r : {x}
"""


@given(rng=seeds, t=sizes, c=widths, f=widths)
def test_a_raised_network_computes_the_same(rng, t, c, f):
    """To rounding: sums over the hidden layer are taken in another order."""
    raised = function([("x", X2), *FFN_ARGUMENTS[1:]], X2, sizes_of("x") + SWIGLU.format(x=X2))
    x, (_, g, u, d) = numbers(rng, (t, c)), network(rng, c, f)
    gate = (x @ g).astype(np.float64)
    want = (gate / (1 + np.exp(-gate)) * (x @ u)) @ d
    assert_close(raised(x, g, u, d)[0], want, 1e-4)


# --- embedding and norm -------------------------------------------------------

LOOK_UP = f"""
      %t = tensor.dim %ids, %c0 : tensor<?xi32>
      %c = tensor.dim %table, %c1 : {X2}
      %e = tensor.empty(%t, %c) : {X2}
      %rows = effattn.embedding ins(%ids, %table : tensor<?xi32>, {X2}) outs(%e : {X2})
      %n = effattn.rms_norm ins(%rows, %weight : {X2}, {V1}) outs(%e : {X2})
"""


@given(rng=seeds, t=sizes, c=widths)
def test_embedding_and_norm(rng, t, c):
    arguments = [("ids", "tensor<?xi32>"), ("table", X2), ("weight", V1)]
    alone = function(arguments, X2, LOOK_UP + f"return %n : {X2}")
    both = function(arguments, f"{X2}, {X2}", LOOK_UP + f"return %n, %rows : {X2}, {X2}")
    norm = function(
        [("x", X2), ("weight", V1)],
        X2,
        sizes_of("x") + f"%n = effattn.rms_norm ins(%x, %weight : {X2}, {V1}) outs(%e : {X2})\nreturn %n : {X2}",
    )
    ids, table, weight = rng.integers(0, 5, t).astype(np.int32), numbers(rng, (5, c)), numbers(rng, c)
    want = norm(table[ids], weight)[0]
    np.testing.assert_array_equal(alone(ids, table, weight)[0], want)
    got = both(ids, table, weight)
    np.testing.assert_array_equal(got[0], want)
    np.testing.assert_array_equal(got[1], table[ids])


# --- quantised head and top_k --------------------------------------------------

HEAD_TYPES = {
    "x": "tensor<?x?x?xf32>",
    "codes4": "tensor<?x?xi8>",
    "codes8": "tensor<?x?xi8>",
    "kind": "tensor<?xi1>",
    "place": "tensor<?xi32>",
    "scales": "tensor<?x?xf32>",
}
HEAD = f"""
      %b = tensor.dim %x, %c0 : {X3}
      %t = tensor.dim %x, %c1 : {X3}
      %v = tensor.dim %scales, %c0 : tensor<?x?xf32>
      %l = tensor.empty(%b, %t, %v) : {X3}
      %logits = effattn.quantized_matmul
        ins(%x, %codes4, %codes8, %kind, %place, %scales : {", ".join(HEAD_TYPES.values())})
        outs(%l : {X3})
"""


def best(name, k):
    return f"""
      %bk = tensor.dim %{name}, %c0 : {X3}
      %tk = tensor.dim %{name}, %c1 : {X3}
      %vk = tensor.empty(%bk, %tk) : tensor<?x?x{k}xf32>
      %ik = tensor.empty(%bk, %tk) : tensor<?x?x{k}xi32>
      %r:2 = effattn.top_k ins(%{name} : {X3}) outs(%vk, %ik : tensor<?x?x{k}xf32>, tensor<?x?x{k}xi32>) {{k = {k}}}
      return %r#0, %r#1 : tensor<?x?x{k}xf32>, tensor<?x?x{k}xi32>
    """


@pytest.mark.parametrize("k", [0, 1, 7, 40])
@given(
    rng=seeds,
    b=st.integers(0, 2),
    t=st.integers(0, 3),
    vocabulary=st.sampled_from([7, 8, 100, 1023, 1024, 1025, 2500, 5300]),
    special=st.sampled_from(["none", "ties", "nan", "infinite"]),
)
def test_quantized_head_and_top_k(k, rng, b, t, vocabulary, special):
    """Ties, NaN and rows of -inf come out as from all logits."""
    results = f"tensor<?x?x{k}xf32>, tensor<?x?x{k}xi32>"
    fused = function(list(HEAD_TYPES.items()), results, HEAD + best("logits", k))
    product = function(list(HEAD_TYPES.items()), X3, HEAD + f"return %logits : {X3}")
    top_k = function([("x", X3)], results, best("x", k))
    assume(k <= vocabulary)
    width, eight = 6, vocabulary // 3
    kind = np.arange(vocabulary) % 3 == 2
    place = np.where(kind, np.cumsum(kind) - 1, np.cumsum(~kind) - 1).astype(np.int32)
    codes4 = random_bytes(rng, (vocabulary - eight, 3)).view(np.int8)
    codes8 = rng.integers(-127, 128, (eight, width)).astype(np.int8)
    scales = np.full((vocabulary, 1), 0.25, np.float32)
    if special == "ties":
        codes4[...], codes8[...] = 0x11, 1
    elif special == "nan":
        scales[rng.random(vocabulary) < 0.01] = np.nan
    elif special == "infinite":
        scales[...] = np.inf
        codes4[...], codes8[...] = 0x11, 1
    x = -np.abs(numbers(rng, (b, t, width)))
    table = (codes4, codes8, kind, place, scales)
    want = top_k(product(x, *table)[0])
    for got, expected in zip(fused(x, *table), want):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("operand, most", [("codes4", 7), ("codes8", 127), ("residual_codes", 7)])
def test_codes_out_of_range_in_a_block(operand, most):
    """Blocks are multiplied at the same time; the least row of the whole table is named."""
    types = {**HEAD_TYPES, "residual": "tensor<?x?xi8>", "residual_scales": "tensor<?x?xf32>"}
    residual = "residual(%residual, %residual_scales : tensor<?x?xi8>, tensor<?x?xf32>)"
    head = HEAD.replace("outs(%l", residual + " outs(%l")
    fused = function(list(types.items()), "tensor<?x?x3xf32>, tensor<?x?x3xi32>", head + best("logits", 3))
    vocabulary = 5000
    kind = np.arange(vocabulary) >= 2500
    place = (np.arange(vocabulary) % 2500).astype(np.int32)
    codes = {
        "codes4": np.zeros((2500, 3), np.int8),
        "codes8": np.zeros((2500, 6), np.int8),
        "residual_codes": np.zeros((vocabulary, 3), np.int8),
    }
    codes[operand][[2300, 1234]] = -128 if operand == "codes8" else 8
    scales = np.ones((vocabulary, 1), np.float32)
    arrays = [np.ones((1, 1, 6), np.float32), codes["codes4"], codes["codes8"], kind, place, scales]
    with pytest.raises(CallError, match=f"codes of {operand} to lie in .* got {-most - 1} in row 1234"):
        fused(*arrays, codes["residual_codes"], scales)


def test_codes_out_of_range_in_a_layer():
    """A layer of stacked tables is a table of its own, whose rows count from 0."""
    arguments = [*HEAD_TYPES.items(), ("stack", "tensor<3x?x3xi8>"), ("residual_scales", "tensor<?x?xf32>")]
    layer = """
      %rows = tensor.dim %scales, %c0 : tensor<?x?xf32>
      %residual = tensor.extract_slice %stack[2, 0, 0] [1, %rows, 3] [1, 1, 1] : tensor<3x?x3xi8> to tensor<?x3xi8>
    """
    residual = "residual(%residual, %residual_scales : tensor<?x3xi8>, tensor<?x?xf32>) outs(%l"
    product = function(arguments, X3, layer + HEAD.replace("outs(%l", residual) + f"return %logits : {X3}")
    stack = np.zeros((3, 9, 3), np.int8)
    stack[2, 5] = 8
    kind, place, scales = np.zeros(9, bool), np.arange(9, dtype=np.int32), np.ones((9, 1), np.float32)
    codes4, codes8 = np.zeros((9, 3), np.int8), np.zeros((0, 6), np.int8)
    for rows in (1, 20):
        x = np.ones((1, rows, 6), np.float32)
        with pytest.raises(CallError, match="codes of residual_codes to lie in .* got -8 in row 5"):
            product(x, codes4, codes8, kind, place, scales, stack, scales)


# --- a step of a separator cache ---------------------------------------------------

AFTER, BEFORE = "after_attention", "before_attention"
STEPS = [
    SeparatorProgram("after", (1, 2, 2, 7, AFTER)),
    SeparatorProgram("before", (2, 2, 1, 7, BEFORE), ("bf16", "bf16", "bf16", "i32"), scale=0.25),
    SeparatorProgram("widened", (1, 2, 3, 6, AFTER), ("bf16", "bf16", "f32", "i64"), positions="absolute"),
    SeparatorProgram("no_window", (1, 3, 0, 4, BEFORE), rope_dims=2, rope_layout="interleaved"),
]


@functools.lru_cache(maxsize=None)
def steps():
    """Each step, fused, and its parts."""
    texts = [program.step() for program in STEPS]
    command = [str(BUILD / "bin" / "effattn-compile"), "-", "--emit=mlir-fused"]
    fused = subprocess.run(command, input="\n".join(texts), capture_output=True, text=True, check=True).stdout
    assert fused.count("effattn.separator_cache_update") == len(STEPS)
    assert "effattn.cache_attention" not in fused
    for program in STEPS:
        texts += [program.append(), program.attend(), program.compact()]
    return compile_ir("\n".join(texts))


def step_apart(program, state, k, v, flags, q):
    """State and out after the three ops, one call each."""
    parts = {op: getattr(steps(), f"{op}_{program.name}") for op in ("append", "attend", "compact")}
    one = np.ones(len(flags), np.int32)
    state = parts["append"](*state, k, v, flags, one)
    if program.layout[4] == AFTER:
        (out,) = parts["attend"](q, *state, one)
        return parts["compact"](*state), out
    state = parts["compact"](*state)
    return state, parts["attend"](q, *state, one)[0]


@pytest.mark.parametrize("program", STEPS, ids=str)
@given(rng=seeds, b=st.integers(0, 3), groups=st.integers(0, 2), width=st.sampled_from([2, 8, 16]))
def test_steps_through_a_separator_cache(program, rng, b, groups, width):
    """State and results of every step, full and due rows among them."""
    entries, values = program.layout[3] + 3, 5
    counter = np.int32 if program.counter == "i32" else np.int64
    state = [
        numbers(rng, (b, groups, entries, width), program.keys),
        numbers(rng, (b, groups, entries, values), program.values),
        rng.random((b, entries)) < 0.5,
        rng.integers(0, entries, b).astype(counter),
        np.zeros(b, counter),
    ]
    want = [array.copy() for array in state]
    for _ in range(4):
        k, q = (numbers(rng, (b, heads, 1, width), program.new) for heads in (groups, 2 * groups))
        v = numbers(rng, (b, groups, 1, values), program.new)
        flags = rng.random((b, 1)) < 0.5
        *state, out = getattr(steps(), f"step_{program.name}")(*state, k, v, flags, q)
        want, expected = step_apart(program, want, k, v, flags, q)
        np.testing.assert_array_equal(out, expected)
        for got, array in zip(state[3:], want[3:]):
            np.testing.assert_array_equal(got, array)
        for row, used in enumerate(state[3]):
            for got, array in zip(state[:2], want[:2]):
                np.testing.assert_array_equal(got[row, :, :used], array[row, :, :used])
            np.testing.assert_array_equal(state[2][row, :used], want[2][row, :used])
