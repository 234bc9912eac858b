"""Compiled rotary positions against the NumPy reference.

Tolerances: sine and cosine are rounded to f32 once, two products and a sum follow; results in bf16
and f16 are rounded once more, by 2^-9 and 2^-12 of their size.
"""

import ml_dtypes
import numpy as np
import pytest
from attention_programs import dynamic_dims
from harness import CallError, assert_close, compile_ir
from hypothesis import given
from hypothesis import strategies as st

from effattn import reference

DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16, "f16": np.float16}
TOLERANCE = {"f32": 1e-6, "bf16": 4e-3, "f16": 6e-4}
# (attributes of IR, keywords of the reference, element type, type of positions)
SETTINGS = [
    ("", {}, "f32", "i32"),
    ("layout = #effattn.rope_layout<interleaved>", {"layout": "interleaved"}, "f32", "i64"),
    ("dims = 4, base = 500.0, scaling = 2.5", {"dims": 4, "base": 500.0, "scaling": 2.5}, "f32", "i64"),
    ("dims = 2, layout = #effattn.rope_layout<interleaved>", {"dims": 2, "layout": "interleaved"}, "f16", "i32"),
    ("dims = 0", {"dims": 0}, "bf16", "i64"),
    ("scaling = 1.0e-3 : f32", {"scaling": float(np.float32(1e-3))}, "bf16", "i64"),
]
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def rotary(attributes="", dtype="f32", position_type="i32"):
    x, positions = f"tensor<?x?x?x?x{dtype}>", f"tensor<?x?x{position_type}>"
    return compile_ir(f"""
    func.func @f(%x: {x}, %p: {positions}) -> {x} {{
      {dynamic_dims({"b": 0, "h": 1, "t": 2, "d": 3}, "%x", x)}
      %out = tensor.empty(%b, %h, %t, %d) : {x}
      %r = effattn.rotary_embedding ins(%x, %p : {x}, {positions}) outs(%out : {x}) {{{attributes}}}
      return %r : {x}
    }}""").f


@pytest.mark.parametrize("attributes, options, dtype, position_type", SETTINGS)
@given(
    rng=seeds,
    batch=st.integers(0, 3),
    heads=st.integers(0, 4),
    tokens=st.sampled_from([0, 1, 2, 31, 32, 33, 65]),
    pairs=st.integers(0, 9),
    reach=st.sampled_from([10, 10**7, 2**31]),
)
def test_rotary_embedding(attributes, options, dtype, position_type, rng, batch, heads, tokens, pairs, reach):
    width = 2 * pairs
    if options.get("dims", 0) > width:
        width = options["dims"] + int(rng.integers(2))
    x = rng.standard_normal((batch, heads, tokens, width)).astype(DTYPES[dtype])
    positions = rng.integers(-reach, reach, (batch, tokens))
    positions = positions.astype({"i32": np.int32, "i64": np.int64}[position_type])
    got = rotary(attributes, dtype, position_type)(x, positions)[0]
    assert got.dtype == x.dtype
    assert_close(got, reference.rotary_embedding(x, positions, **options), TOLERANCE[dtype])


@pytest.mark.parametrize("start", [0, -40, 2**24 - 20, -(2**24) - 7, 2**31 - 200])
def test_tokens_in_a_row(start):
    """Those that stand next to each other, near and far, with jumps and repetitions between them."""
    x = np.random.default_rng(0).standard_normal((2, 3, 100, 64)).astype(np.float32)
    positions = start + np.arange(200).reshape(2, 100)
    positions[0, 17:] += 31
    positions[0, 40:] -= 5
    positions[1, 70:80] = positions[1, 70]
    got = rotary(position_type="i64")(x, positions)[0]
    assert_close(got, reference.rotary_embedding(x, positions), 1e-6)


def test_positions_of_millions_lose_nothing():
    """The rotated keys and queries of a distance are those of the same distance at the start."""
    rng = np.random.default_rng(0)
    q, k = rng.standard_normal((2, 1, 1, 1, 128)).astype(np.float32)
    products = []
    for start in (0, 4_000_000, 2**52):
        turned = [rotary(position_type="i64")(x, np.array([[start + at]]))[0] for x, at in ((q, 17), (k, 3))]
        products.append(np.vdot(*turned))
    assert abs(products[1] - products[0]) < 1e-5
    want = [reference.rotary_embedding(x, np.array([[2**52 + at]])) for x, at in ((q, 17), (k, 3))]
    assert abs(products[2] - np.vdot(*want)) < 1e-5


def test_layouts_are_permutations_of_each_other():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 3, 5, 8)).astype(np.float32)
    at = rng.integers(0, 100, (2, 5)).astype(np.int64)
    order = [0, 4, 1, 5, 2, 6, 3, 7]
    half = rotary(position_type="i64")(x, at)[0]
    function = rotary("layout = #effattn.rope_layout<interleaved>", position_type="i64")
    interleaved = function(np.ascontiguousarray(x[..., order]), at)[0]
    np.testing.assert_array_equal(interleaved, half[..., order])


def test_a_nan_reaches_its_pair():
    x = np.ones((1, 1, 1, 8), np.float32)
    x[..., 1] = np.nan
    got = rotary()(x, np.array([[3]], np.int32))[0]
    np.testing.assert_array_equal(np.isnan(got[0, 0, 0]), np.arange(8) % 4 == 1)


def test_strided_operands():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((5, 3, 2, 8)).astype(np.float32).transpose(2, 1, 0, 3)
    positions = rng.integers(0, 50, (5, 2)).astype(np.int32).T
    assert_close(rotary()(x, positions)[0], reference.rotary_embedding(x, positions), 1e-6)
    # Columns that do not stand side by side.
    wide = rng.standard_normal((2, 3, 5, 16)).astype(np.float32)[..., ::2]
    assert_close(rotary()(wide, positions)[0], reference.rotary_embedding(wide, positions), 1e-6)


@pytest.mark.parametrize("form", ["tensor", "memref"])
def test_in_the_memory_of_x(form):
    """Pairs are read before they are written, or x is copied."""
    kind, buffer = "tensor<?x?x?x?xf32>", "memref<?x?x?x?xf32>"
    if form == "tensor":
        body = f"%r = effattn.rotary_embedding ins(%x, %p : {kind}, tensor<?x?xi32>) outs(%x : {kind})"
    else:
        body = f"""%m = bufferization.alloc_tensor() copy(%x) : {kind}
        %b = bufferization.to_buffer %m : {kind} to {buffer}
        %q = bufferization.to_buffer %p : tensor<?x?xi32> to memref<?x?xi32>
        effattn.rotary_embedding ins(%b, %q : {buffer}, memref<?x?xi32>) outs(%b : {buffer})
        %r = bufferization.to_tensor %b restrict writable : {buffer} to {kind}"""
    text = f"func.func @f(%x: {kind}, %p: tensor<?x?xi32>) -> {kind} {{ {body} return %r : {kind} }}"
    function = compile_ir(text).f
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, 3, 40, 6)).astype(np.float32)
    positions = rng.integers(0, 50, (2, 40)).astype(np.int32)
    given_x = x.copy()
    assert_close(function(x, positions)[0], reference.rotary_embedding(x, positions), 1e-6)
    np.testing.assert_array_equal(x, given_x)


def test_sizes_known_to_be_zero():
    for shape in ((2, 3, 4, 0), (2, 0, 4, 6), (0, 3, 4, 6), (2, 3, 0, 6)):
        kind, at = f"tensor<{'x'.join(map(str, shape))}xf32>", f"tensor<{shape[0]}x{shape[2]}xi32>"
        function = compile_ir(f"""
        func.func @f(%x: {kind}, %p: {at}) -> {kind} {{
          %out = tensor.empty() : {kind}
          %r = effattn.rotary_embedding ins(%x, %p : {kind}, {at}) outs(%out : {kind})
          return %r : {kind}
        }}""").f
        assert function(np.zeros(shape, np.float32), np.zeros(shape[::2], np.int32))[0].shape == shape


def test_what_data_decides():
    positions = np.zeros((1, 2), np.int32)
    with pytest.raises(CallError, match="'effattn.rotary_embedding' op expected dims to be even, but got 5"):
        rotary()(np.zeros((1, 1, 2, 5), np.float32), positions)
    message = r"expected dims to be at most the head size of x \(dim 3\), but got 4 and 3"
    with pytest.raises(CallError, match=message):
        rotary(SETTINGS[2][0])(np.zeros((1, 1, 2, 3), np.float32), positions)
