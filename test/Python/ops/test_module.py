# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""IR written from Python: what it computes, how it reads, and what is refused while it is written."""

import os
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import effattn
from effattn import ops, reference
from effattn.ir.dims import group_dims, product

RNG = np.random.default_rng(0)


def real(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def function(**inputs):
    """A function and its inputs."""
    f = effattn.Module().function("f")
    return (f, *(f.input(name, kind) for name, kind in inputs.items()))


def run(f, result, *arrays):
    """The value of one result."""
    f.output(result, "y")
    return effattn.compile(str(f))(*arrays)


def close(found, wanted, tolerance=2e-5):
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    assert found.shape == wanted.shape
    assert np.all(np.abs(found - wanted) <= tolerance * (1 + np.abs(wanted)))


# --- A layer -----------------------------------------------------------------------------------------


def transformer_layer(heads, width, hidden):
    module = effattn.Module()
    f = module.function("layer")
    x = f.input("x", f"f32[B, T, {width}]")

    def weight(name, *shape):
        return f.input(name, f"f32[{', '.join(map(str, shape))}]")

    rows = ops.rms_norm(x, weight("attention_norm", width))
    q, k, v = ((rows @ weight(name, width, width)).split_heads(heads) for name in ("wq", "wk", "wv"))
    mask = ops.causal_mask() & ops.window_mask(size=4)
    x = x + ops.attention(q, k, v, mask=mask).merge_heads() @ weight("wo", width, width)
    rows = ops.rms_norm(x, weight("norm", width))
    gate, up = rows @ weight("gate", width, hidden), rows @ weight("up", width, hidden)
    f.output(x + (gate.silu() * up) @ weight("down", hidden, width), "y")
    return module


def test_a_transformer_layer_computes_what_numpy_does():
    heads, width, hidden = 2, 8, 12
    layer = effattn.compile(transformer_layer(heads, width, hidden))
    assert str(layer.signature).endswith("-> (y f32[B, T, 8])")
    weights = [real(*argument.shape) / 3 for argument in layer.signature.inputs[1:]]
    attention_norm, wq, wk, wv, wo, norm, gate, up, down = weights
    for batch, tokens in ((2, 7), (1, 1), (0, 3), (3, 0)):
        x = real(batch, tokens, width)

        def split(rows):
            return rows.reshape(batch, tokens, heads, width // heads).swapaxes(1, 2)

        rows = reference.rms_norm(x, attention_norm)
        mask = reference.causal_mask() & reference.window_mask(size=4)
        mixed = reference.attention(split(rows @ wq), split(rows @ wk), split(rows @ wv), mask=mask)
        y = x + mixed.swapaxes(1, 2).reshape(x.shape) @ wo
        rows = reference.rms_norm(y, norm)
        y = y + (rows @ gate / (1 + np.exp(-(rows @ gate))) * (rows @ up)) @ down
        close(layer(x, *weights), y, 1e-4)


def test_the_text_is_ir_and_names_what_the_user_named():
    text = str(transformer_layer(2, 8, 12))
    assert (
        'func.func @layer(\n    %x: tensor<?x?x8xf32> {effattn.name = "x", effattn.shape = "B T 8"}' in text
    )
    assert "= effattn.attention\n      ins(%" in text and "%B = tensor.dim %x, %c0" in text
    assert "effattn.causal_mask" in effattn.compile(text).ir()


def test_comments_stand_before_the_ops_that_follow():
    f, x = function(x="f32[N]")
    f.comment("The sum.\nNothing else.")
    y = x + x
    f.comment("Its square.")
    f.output(y * y, "y")
    assert "{\n  // The sum.\n  // Nothing else.\n  %" in str(f) and "\n\n  // Its square.\n  %" in str(f)
    assert "arith.addf" in effattn.compile(str(f)).ir()


def test_ir_is_written_without_the_compiler(tmp_path):
    script = (
        "import effattn; from effattn import ops; module = effattn.Module(); f = module.function('f'); "
        "x = f.input('x', 'f32[M, 8]'); f.output(ops.rms_norm(x, f.input('w', 'f32[8]'))); print(module)"
    )
    environment = {**os.environ, "EFFATTN_BUILD_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert "effattn.rms_norm" in done.stdout, done.stderr


def test_inputs_may_be_named_as_what_was_computed_before_them():
    f, x = function(x="f32[N]")
    total = x + f.input("y", "f32[N]")
    product = total * f.input(total.name[1:], "f32[N]")
    a, b, c = real(3, 4)
    close(run(f, product, a, b, c), (a + b) * c)


# --- Arithmetic --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "element, dtype", [("f32", np.float32), ("bf16", ml_dtypes.bfloat16), ("f16", np.float16)]
)
def test_arithmetic(element, dtype):
    f, x, y = function(x=f"{element}[M, N]", y=f"{element}[N]")
    result = (2.0 - (x + y) * x / (y * y + 1)).tanh().relu() + (x.exp().sigmoid() - 0.5)
    a, b = real(3, 4).astype(dtype), real(4).astype(dtype)
    p, q = a.astype(np.float64), b.astype(np.float64)
    wanted = np.maximum(np.tanh(2 - (p + q) * p / (q * q + 1)), 0) + 1 / (1 + np.exp(-np.exp(p))) - 0.5
    close(run(f, result, a, b), wanted, {"f32": 1e-6, "bf16": 0.1, "f16": 1e-2}[element])


@pytest.mark.parametrize(
    "left, right", [((2, 3), (3,)), ((3,), (2, 3)), ((2, 1), (1, 3)), ((2, 3), ()), ((2, 3), (2, 1))]
)
def test_broadcasting(left, right):
    f, x, y = function(x=f"f32{list(left)}", y=f"f32{list(right)}")
    a, b = real(*left), real(*right)
    close(run(f, x * y, a, b), a * b)


def test_integers_add():
    f, x, y = function(x="i64[N]", y="i64[N]")
    assert np.array_equal(run(f, x + y, np.arange(3), np.arange(3)), [0, 2, 4])
    with pytest.raises(effattn.Error, match="div: expected a tensor of f32"):
        x / y


@pytest.mark.parametrize(
    "left, right",
    [((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((3, 4), (4, 5)), ((4,), (4, 5)), ((2, 0), (0, 5))],
)
def test_products_of_matrices(left, right):
    f, x, w = function(x=f"f32{list(left)}", w=f"f32{list(right)}")
    a, b = real(*left), real(*right)
    close(run(f, x @ w, a, b), a @ b)


@pytest.mark.parametrize("left, rows", [((2, 3, 4), 5), ((4,), 5), ((2, 0), 5), ((2, 4), 0)])
def test_products_with_rows(left, rows):
    f, x, w = function(x=f"f32{list(left)}", w=f"f32[N, {left[-1]}]")
    a, b = real(*left), real(rows, left[-1])
    close(run(f, x.dot_rows(w), a, b), a @ b.T)


def test_tanh_keeps_its_digits():
    f, x = function(x="f32[B, 5]")
    rng = np.random.default_rng(1)
    a = rng.uniform(-1, 1, (300, 5)) * 10.0 ** rng.integers(-30, 3, (300, 1))
    a[:2] = [[0.0, -0.0, np.inf, -np.inf, np.nan], [0.0625, -0.0625, 9.0, -43.5, 1e-45]]
    a = a.astype(np.float32)
    found, wanted = run(f, x.tanh(), a), np.tanh(a.astype(np.float64))
    np.testing.assert_allclose(found, wanted, rtol=5e-7, atol=1e-45)
    assert np.signbit(found[0, 1]) and not np.signbit(found[0, 0])


def test_gelu():
    f, x = function(x="f32[N]")
    a = np.array([-30, -1, -1e-3, 0, 0.5, 3, 40, np.nan], np.float32)
    wanted = reference.gated_ffn(a[:-1, None], [[1.0]], [[1.0]], [[1.0]], activation="gelu_tanh")
    found = run(f, x.gelu_tanh() * x, a)
    close(found[:-1], wanted[:, 0])
    assert np.isnan(found[-1])


def test_products_of_narrow_types_sum_in_f32():
    f, x, w = function(x="bf16[M, K]", w="bf16[K, N]")
    a, b = np.ones((1, 2048), ml_dtypes.bfloat16), np.ones((2048, 1), ml_dtypes.bfloat16)
    found = run(f, x @ w, a, b)
    assert found.dtype == ml_dtypes.bfloat16 and found[0, 0] == 2048


# --- Shapes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source, target",
    [
        ("B T 24", "B T 4 6"),
        ("B T 4 6", "B T 24"),
        ("B T 24", "B*T 24"),
        ("B T 4 6", "B*T 3 8"),
        ("B T 4 6", "B T*4 6"),
        ("B 1 T", "B T"),
        ("B T", "B T 1 1"),
        ("2 12", "24"),
    ],
)
def test_reshape(source, target):
    f, x = function(x=f"f32[{source}]")
    sizes = {"B": 2, "T": 3, "B*T": 6, "T*4": 12}

    def shape(text):
        return [sizes[word] if word in sizes else int(word) for word in text.split()]

    a = real(*shape(source))
    y = x.reshape(target)
    assert " ".join(map(str, y.shape)) == target
    close(run(f, y + 0, a), a.reshape(shape(target)))


@given(st.data())
@settings(deadline=None, max_examples=200, derandomize=True)
def test_groups_of_dimensions(data):
    factors = data.draw(st.lists(st.sampled_from([2, 3, "A", "B"]), min_size=1, max_size=5))

    def shape():
        cuts = sorted(data.draw(st.sets(st.integers(1, len(factors) - 1)))) if len(factors) > 1 else []
        return tuple(product(factors[i:j]) for i, j in zip([0, *cuts], [*cuts, len(factors)]))

    source, target = shape(), shape()
    groups = group_dims(source, target)
    assert [d for left, _ in groups for d in left] == list(range(len(source)))
    assert [d for _, right in groups for d in right] == list(range(len(target)))


def test_columns_and_transposes():
    f, x = function(x="f32[B, 3, 8]")
    a = real(2, 3, 8)
    y = x.columns(2, 6).transpose(2, 0, 1)
    assert y.shape == (4, "B", 3)
    close(run(f, y, a), a[..., 2:6].transpose(2, 0, 1))


def test_parts_of_stacked_weights():
    f, x = function(x="f32[3, B, 4]")
    a = real(3, 2, 4)
    close(run(f, x.with_part(1, x.part(2) + 1.0), a), np.stack([a[0], a[2] + 1, a[2]]))


def test_parts_may_be_empty():
    f, x, y = function(x="f32[3, 0, 4]", y="f32[B, 4]")
    a = real(2, 4)
    assert run(f, x.with_part(0, x.part(2)), np.zeros((3, 0, 4), np.float32), a).shape == (3, 0, 4)


def stacked_layers(count, left=0):
    """Layers in pairs and those that are left; what they see is kept, and how far they came."""
    f, x, w, kept = function(x="f32[B, 4]", w="f32[7, 4]", kept="f32[7, B, 4]")

    def layer(values, place):
        x, kept = values["x"], values["kept"].with_part(place, values["x"])
        return {"x": x * w.part(place) + 1.0, "kept": kept}

    def pair(number, values):
        return f.repeat(2, values, lambda step, inner: layer(inner, number * 2 + step), "step")

    values = f.repeat(count, {"x": x, "kept": kept}, pair, "pair")
    values = f.repeat(left, values, lambda step, inner: layer(inner, 2 * count + step))
    f.output(values["x"], "y")
    f.output(values["kept"], "next_kept")
    return f


@pytest.mark.parametrize("count, left", [(0, 0), (0, 1), (1, 0), (2, 3), (3, 1)])
def test_loops_over_layers(count, left):
    compiled = effattn.compile(str(stacked_layers(count, left)))
    x, w, kept = real(2, 4), real(7, 4), real(7, 2, 4)
    wanted = kept.copy()
    given = kept.copy()
    y, found = compiled(x, w, given, donate="kept")
    for place in range(2 * count + left):
        wanted[place] = x
        x = x * w[place] + 1
    close(y, x)
    close(found, wanted)
    assert found is given


def test_loops_read_as_loops():
    text = str(stacked_layers(2))
    assert text.count("scf.for") == 2 and text.count("arith.mulf") == 1
    assert "scf.for %pair = %c0 to %c2 step %c1\n      iter_args(%x_1 = %x, %kept_1 = %kept)" in text
    assert "\n    %x_3, %kept_3 = scf.for %step" in text and "\n      scf.yield " in text


def test_what_a_loop_defines_is_not_known_behind_it():
    f, x = function(x="f32[B, T]")
    y = f.repeat(2, {"x": x}, lambda step, inner: {"x": inner["x"] + 2.0})["x"]
    a = real(2, 3)
    close(run(f, y.reshape("B*T") + 2.0, a), a.reshape(-1) + 6)


@pytest.mark.parametrize("element, dtype", [("i32", np.int32), ("i64", np.int64)])
def test_counting_from_integers(element, dtype):
    f, x, _ = function(x=f"{element}[B]", y="f32[T]")
    found = run(f, x.count_from("T"), np.array([5, -1], dtype), real(3))
    assert found.dtype == dtype and np.array_equal(found, [[5, 6, 7], [-1, 0, 1]])


def test_constants():
    f, x = function(x="f32[N, 3]")
    table = np.array([1.0, -2.5, np.inf], np.float32)
    a = np.ones((2, 3), np.float32)
    assert np.array_equal(run(f, x * f.constant(table), a), a * table)
    f, x = function(x="i32[B, S]")
    bitmap = f.constant([True, False])
    found = run(f, ops.separator_positions(x, bitmap=bitmap), np.array([[0, 1]], np.int32))
    assert np.array_equal(found, [[True, False]])


# --- Sizes that data decide ----------------------------------------------------------------------------


def test_concepts_have_as_many_rows_as_there_are_boundaries():
    f, h, mask = function(h="f32[B, T, C]", mask="bool[B, T]")
    concepts, counts = ops.chunk(h, mask)
    assert concepts.shape == ("B", "N", "C")
    p = ops.boundary_probability(h, h)[0]
    y, _ = ops.dechunk(concepts, p, mask)
    f.output(concepts, "concepts")
    f.output(y, "y")
    a, flags = real(2, 4, 3), np.array([[1, 0, 1, 0], [1, 0, 0, 0]], bool)
    found = effattn.compile(str(f))(a, flags)
    assert found[0].shape == (2, 2, 3) and found[1].shape == a.shape


def test_scalars_are_inputs():
    f, q, offset = function(q="f32[B, H, T, D]", offset="i64")
    out = ops.attention(q, q, q, mask=ops.causal_mask(), offset=offset)
    a = real(1, 1, 3, 2)
    close(run(f, out, a, 0), reference.attention(a, a, a, mask=reference.causal_mask(), offset=0))
    f, h, mask, capacity = function(h="f32[B, T, C]", mask="bool[B, T]", capacity="index")
    concepts, _ = ops.chunk(h, mask, capacity=capacity)
    assert run(f, concepts, a[0], np.ones((1, 3), bool), 5).shape == (1, 5, 2)


def test_states_of_a_module_may_be_donated():
    f, y, p, mask, state = function(y="f32[B, N, C]", p="f32[B, T]", mask="bool[B, T]", state="f32[B, C]")
    out, after = ops.dechunk(y, p, mask, state=state)
    f.output(out, "out")
    f.output(after, "next_state")
    compiled = effattn.compile(str(f))
    array = real(1, 2)
    found = compiled(
        real(1, 1, 2), np.full((1, 3), 0.5, np.float32), np.ones((1, 3), bool), array, donate="state"
    )
    assert found[1] is array


def test_several_functions_share_a_module():
    module = effattn.Module()
    for name, scale in (("twice", 2), ("thrice", 3)):
        f = module.function(name)
        f.output(f.input("x", "f32[N]") * scale, "y")
    compiled = effattn.compile(module)
    assert np.array_equal(compiled["twice"](np.ones(2, np.float32)), [2, 2])
    assert np.array_equal(compiled["thrice"](np.ones(2, np.float32)), [3, 3])


# --- What is refused while it is written ---------------------------------------------------------------

X, F = "f32[B, T, 8]", "f32[8]"


def refused(*kinds):
    """Tensors of one function."""
    f = effattn.Module().function("f")
    return [f.input(f"x{i}", kind) for i, kind in enumerate(kinds)]


REFUSED = {
    "size": (
        lambda: ops.rms_norm(*refused(X, "f32[9]")),
        r"'effattn.rms_norm' op expected weight C \(dim 0\) to equal x C \(dim 2\), but got 9 and 8",
    ),
    "name": (
        lambda: ops.chunk(*refused(X, "bool[B, S]")),
        r"expected mask T \(dim 1\) to equal h T \(dim 1\), but got S and T",
    ),
    "rank": (lambda: ops.chunk(*refused("f32[B, T]", "bool[B, T]")), "expected h to have rank 3"),
    "type": (
        lambda: ops.rms_norm(*refused("i32[B, 8]", F)),
        "expected x to hold f32 or bf16 or f16, but got i32",
    ),
    "array": (
        lambda: ops.rms_norm(*refused(X), np.ones(8, np.float32)),
        "weight to be a tensor of function f, but got ndarray",
    ),
    "other function": (lambda: ops.rms_norm(*refused(X), *refused(F)), "but got one of f"),
    "number": (lambda: ops.rms_norm(*refused(X, "f32")), "expected weight to be a tensor, but got a number"),
    "mask": (
        lambda: (
            lambda q, flags: ops.attention(q, q, q, mask=ops.separator_mask(flags, initial=1, window=1))
        )(*refused("f32[B, H, T, D]", "bool[B, S]")),
        r"'effattn.separator_mask' op expected is_separator S \(dim 1\) to equal k S \(dim 2\), but got S and T",
    ),
    "leading": (
        lambda: ops.top_k(*refused("f32[]"), k=1),
        "expected x to have rank at least 1",
    ),
    "product": (
        lambda: (lambda x, w: x @ w)(*refused(X, "f32[4, 5]")),
        r"matmul: expected %x1 to be 8 x N for %x0",
    ),
    "product of types": (
        lambda: (lambda x, w: x @ w)(*refused(X, "i32[8, 5]")),
        "matmul: expected a tensor of f32",
    ),
    "product of ranks": (lambda: (lambda x, w: x @ w)(*refused(X, "f32[8]")), "to be a matrix"),
    "product with an array": (
        lambda: refused(X)[0] @ np.ones((8, 2)),
        "matmul: expected a tensor of the function",
    ),
    "sum": (
        lambda: (lambda x, y: x + y)(*refused(X, "f32[9]")),
        "add: expected dim 0 of %x1 .* but got 9 and 8",
    ),
    "sum of types": (
        lambda: (lambda x, y: x + y)(*refused(X, "bf16[8]")),
        "of one type, but got f32 and bf16",
    ),
    "sum with text": (
        lambda: refused(X)[0] + "1",
        "add: expected a tensor of the function or a number, but got str",
    ),
    "reshape": (
        lambda: refused(X)[0].reshape("B T 9"),
        r"reshape: expected as many elements as %x0 has \(B x T x 8\)",
    ),
    "heads": (lambda: refused(X)[0].split_heads(3), "known C that 3 divides"),
    "transpose": (lambda: refused(X)[0].transpose(0, 1), "an order of the 3 dimensions"),
    "columns": (lambda: refused(X)[0].columns(4, 9), "0 <= start <= stop"),
    "part": (lambda: refused("f32[3, 8]")[0].part(3), r"part: expected a place .* \(3 x 8\), but got 3"),
    "part of any": (lambda: refused(X)[0].part(0), "part: expected a place of the known first size"),
    "with part": (
        lambda: (lambda x, y: x.with_part(0, y))(*refused("f32[3, 8]", "f32[9]")),
        r"with_part: expected %x1 to be f32\[8\], but got f32\[9\]",
    ),
    "part of text": (lambda: refused("f32[3, 8]")[0].part("1"), "part: expected a place"),
    "part of a number": (
        lambda: (lambda x, n: x.part(n))(*refused("f32[3, 8]", "i64")),
        "part: expected a place",
    ),
    "repeat": (lambda: repeated(-1), "repeat: expected count to be an integer of at least 0, but got -1"),
    "repeat nothing": (lambda: repeated(1, {}), "repeat: expected values that the steps update, but got none"),
    "step": (
        lambda: repeated(1, step=lambda n, v: {}),
        "repeat: expected a step to give x, but got nothing",
    ),
    "step of another shape": (
        lambda: repeated(1, step=lambda n, v: {"x": v["x"].transpose(1, 0, 2)}),
        r"repeat: expected a step to give x as f32\[B x T x 8\], but got f32\[T x B x 8\]",
    ),
    "number of a step": (
        lambda: repeated(1, step=lambda n, v: {"x": v["x"].part(n + 0.5)}),
        "add: expected the number of a step or an integer, but got 0.5",
    ),
    "count": (lambda: refused(X)[0].count_from("T"), "count_from: expected a tensor of i32 or i64"),
    "rows": (
        lambda: (lambda x, w: x.dot_rows(w))(*refused(X, "f32[5, 4]")),
        "dot_rows: expected %x1 to be N x 8, but got 5 x 4",
    ),
    "cast": (lambda: refused(X)[0].cast("i8"), "cast: expected f32, bf16 and f16"),
    "input type": (
        lambda: refused("f31[B]"),
        r"expected a type such as f32\[B, T, 64\], .* but got 'f31\[B\]'",
    ),
    "input size": (lambda: refused("f32[B, -1]"), "expected sizes of at least 0 and names"),
    "input name": (
        lambda: effattn.Module().function("f").input("a b", X),
        "to be a C identifier, but got 'a b'",
    ),
    "input twice": (lambda: twice(), "expected a new name for an input"),
    "no output": (lambda: str(effattn.Module().function("f")), "expected function f to have an output"),
    "output of another": (
        lambda: effattn.Module().function("g").output(*refused(X)),
        "expected an output of g, but got a value of f",
    ),
    "truth": (lambda: bool(refused(X)[0]), "no truth value"),
    "function name": (lambda: effattn.Module().function("1"), "C identifier"),
    "unknown size": (
        lambda: ops.chunk(*refused(X, "bool[B, T]"), capacity="N"),
        "size N to be one of an input's",
    ),
    "k": (lambda: ops.top_k(*refused(X), k="2"), "expected k to be at least|expected k to be an integer"),
}


def repeated(count, values=None, step=lambda number, values: values):
    f = effattn.Module().function("f")
    f.repeat(count, {"x": f.input("x", X)} if values is None else values, step)


def twice():
    f = effattn.Module().function("f")
    f.input("x", X)
    f.input("x", X)


@pytest.mark.parametrize("case", REFUSED)
def test_mistakes_are_refused_where_they_are_made(case):
    write, sentence = REFUSED[case]
    with pytest.raises(effattn.Error, match=sentence):
        write()


def test_functions_have_different_names():
    module = effattn.Module()
    module.function("f")
    with pytest.raises(effattn.Error, match="'f' twice"):
        module.function("f")
