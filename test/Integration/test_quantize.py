"""Compiled vector quantization against the NumPy reference.

Both measure distances in float64, so codes are the same; what they stand for is rounded once where
the vectors have fewer bits than the codes.
"""

import ml_dtypes
import numpy as np
import pytest
from cases import Case
from harness import CallError, compile_ir
from hypothesis import given
from hypothesis import strategies as st

from effattn import reference

DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16, "f16": np.float16}
# (metric, groups, type of x, type of the codebook, leading dimensions)
SETTINGS = [
    ("l2", 1, "f32", "f32", 2),
    ("l2", 3, "bf16", "f32", 1),
    ("l2", 1, "f16", "bf16", 0),
    ("cosine", 1, "f32", "f32", 1),
    ("cosine", 2, "f32", "f16", 2),
]
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def vector_quantize(metric="l2", groups=1, dtype="f32", book_dtype="f32", leading=1, group_dim=None):
    """A function for all sizes; ``group_dim`` says whether codes have a dimension of groups."""
    if group_dim is None:
        group_dim = groups > 1
    many = "?x" * leading
    x, book = f"tensor<{many}?x{dtype}>", f"tensor<?x?x{book_dtype}>"
    codes = f"tensor<{many}{f'{groups}x' if group_dim else ''}i32>"
    sizes = [f"%d{dim}" for dim in range(leading + 1)]
    dims = "\n".join(
        f"%c{dim} = arith.constant {dim} : index\n%d{dim} = tensor.dim %x, %c{dim} : {x}"
        for dim in range(leading + 1)
    )
    return compile_ir(f"""
    func.func @f(%x: {x}, %book: {book}) -> ({codes}, {x}) {{
      {dims}
      %codes = tensor.empty({", ".join(sizes[:-1])}) : {codes}
      %out = tensor.empty({", ".join(sizes)}) : {x}
      %r:2 = effattn.vector_quantize ins(%x, %book : {x}, {book}) outs(%codes, %out : {codes}, {x})
        {{groups = {groups}, metric = #effattn.metric<{metric}>}}
      return %r#0, %r#1 : {codes}, {x}
    }}""").f


def check(function, x, book, **options):
    codes, quantized = function(x, book)
    want_codes, want = reference.vector_quantize(x, book, **options)
    assert codes.dtype == np.int32 and quantized.dtype == x.dtype
    np.testing.assert_array_equal(codes.reshape(want_codes.shape), want_codes)
    with np.errstate(over="ignore"):
        rounded = want.astype(x.dtype)
    # NaNs of bf16 are equal as numbers only.
    np.testing.assert_array_equal(quantized.astype(np.float64), rounded.astype(np.float64))


@pytest.mark.parametrize("metric, groups, dtype, book_dtype, leading", SETTINGS)
@given(
    rng=seeds,
    sizes=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    width=st.integers(0, 11),
    codes=st.sampled_from([1, 2, 5, 40]),
    kind=st.sampled_from(["normal", "ties", "wild"]),
)
def test_vector_quantize(metric, groups, dtype, book_dtype, leading, rng, sizes, width, codes, kind):
    shape = (*sizes[:leading], width * groups)
    x = rng.standard_normal(shape)
    book = rng.standard_normal((codes, shape[-1]))
    if kind == "ties":
        # Many vectors are as far from several codes.
        x, book = rng.integers(-1, 2, x.shape), rng.integers(-1, 2, book.shape)
    if kind == "wild":
        # Squares that f32 does not hold, infinities, numbers that are none.
        x, book = 3e4 * x, 3e4 * book
        for array in (x, book):
            special = rng.random(array.shape) < 0.1
            array[special] = rng.choice([np.nan, np.inf, -np.inf, 0.0], array.shape)[special]
    with np.errstate(over="ignore"):
        x, book = x.astype(DTYPES[dtype]), book.astype(DTYPES[book_dtype])
    check(vector_quantize(metric, groups, dtype, book_dtype, leading), x, book, metric=metric, groups=groups)


def test_ties_go_to_the_lowest_code():
    function = vector_quantize()
    book = np.repeat(np.random.default_rng(0).standard_normal((7, 33)).astype(np.float32), 3, axis=0)
    codes, quantized = function(book, book)
    np.testing.assert_array_equal(codes, np.arange(21) // 3 * 3)
    np.testing.assert_array_equal(quantized, book)
    # Halfway between two codes whose columns stand in another order.
    book = np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]], np.float32)
    assert function(np.zeros((1, 3), np.float32), book)[0].tolist() == [0]
    assert function(np.zeros((1, 3), np.float32), book[::-1])[0].tolist() == [0]


def test_cosine_knows_no_length():
    function = vector_quantize("cosine")
    book = np.array([[0, 0], [1, 1], [4, 4], [0, 3]], np.float32)
    x = np.array([[9, 9], [0, 1e-3], [0, 0], [-1, -1]], np.float32)
    assert function(x, book)[0].tolist() == [1, 3, 0, 0]


def test_large_numbers_do_not_overflow():
    x = np.array([[3e38, -3e38]], np.float32)
    book = np.array([[-3e38, 3e38], [3e38, 3e38], [2e38, -2e38]], np.float32)
    assert vector_quantize()(x, book)[0].tolist() == [2]
    assert vector_quantize("cosine")(x, book)[0].tolist() == [2]


def test_one_group_with_a_dimension():
    x = np.random.default_rng(1).standard_normal((4, 6)).astype(np.float32)
    codes, _ = vector_quantize(group_dim=True)(x, x[::2])
    assert codes.shape == (4, 1)
    np.testing.assert_array_equal(codes[:, 0], vector_quantize()(x, x[::2])[0])


def test_strided_operands():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((6, 5, 4)).astype(np.float32).transpose(1, 0, 2)
    book = rng.standard_normal((4, 14)).astype(np.float32).T[::2]
    check(vector_quantize(leading=2), x, book)


@pytest.mark.parametrize("shape, codes", [((2, 3, 0), 4), ((2, 0, 6), 4), ((0, 3, 6), 4)])
def test_sizes_known_to_be_zero(shape, codes):
    x, index = f"tensor<{'x'.join(map(str, shape))}xf32>", f"tensor<{shape[0]}x{shape[1]}x2xi32>"
    book = f"tensor<{codes}x{shape[2]}xf32>"
    function = compile_ir(f"""
    func.func @f(%x: {x}, %book: {book}) -> ({index}, {x}) {{
      %codes = tensor.empty() : {index}
      %out = tensor.empty() : {x}
      %r:2 = effattn.vector_quantize ins(%x, %book : {x}, {book}) outs(%codes, %out : {index}, {x}) {{groups = 2}}
      return %r#0, %r#1 : {index}, {x}
    }}""").f
    check(function, np.ones(shape, np.float32), np.ones((codes, shape[2]), np.float32), groups=2)


def test_what_data_decides():
    x, book = np.zeros((2, 8), np.float32), np.zeros((3, 8), np.float32)
    with pytest.raises(CallError, match=r"expected codebook size \(dim 0\) to be at least 1, but got 0"):
        vector_quantize()(x, book[:0])
    message = r"expected groups to divide the width of x \(dim 1\), but got 3 and 8"
    with pytest.raises(CallError, match=message):
        vector_quantize("l2", 3, "bf16")(x.astype(ml_dtypes.bfloat16), book)


def test_codes_of_the_worked_case():
    case = Case("vq_basic")
    groups = case.params["groups"]
    book = np.ascontiguousarray(np.concatenate(list(case["codebook"]), axis=-1))
    codes, quantized = vector_quantize(groups=groups, group_dim=True)(case["x"], book)
    np.testing.assert_array_equal(codes, case["idx"])
    case.check(quantized, "quantised")
