"""Products of f32 and bf16 or f16 around infinities.

On tensor cores a factor of f32 is a sum of bf16 numbers, and so is f16 beside it. Most of them are 0 where one is
infinite, and 0 times an infinity is NaN: the product of the numbers themselves is another.
"""

import ml_dtypes
import numpy as np
import pytest
from feed_forward_programs import gated_ffn, gated_weights
from harness import assert_close, compile_ir

from effattn import reference

TARGET = "--target=nvptx-emulated"
DTYPES = {"bf16": ml_dtypes.bfloat16, "f16": np.float16}
# Of feed-forward layers, whose results are of two products and an activation.
TOLERANCE = 2e-5


def product(element, columns_last):
    """A compiled ``c + a b``, or ``c + a b^T`` where columns do not lie side by side."""
    right = "k, n" if columns_last else "n, k"
    return compile_ir(f"""
    #a = affine_map<(m, n, k) -> (m, k)>
    #b = affine_map<(m, n, k) -> ({right})>
    #c = affine_map<(m, n, k) -> (m, n)>
    func.func @f(%a: tensor<?x?xf32>, %b: tensor<?x?x{element}>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {{
      %0 = linalg.contract indexing_maps = [#a, #b, #c]
        ins(%a, %b : tensor<?x?xf32>, tensor<?x?x{element}>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
      return %0 : tensor<?x?xf32>
    }}""", TARGET).f


def assert_sums(got, want, depth):
    """Sums of ``depth`` products of numbers around 1 are about the root of ``depth``.

    The parts of both factors are all of them, so that only additions round, up to 5 for a product, each by up to 2^-24
    of the sum so far. Such errors add up as a random walk does, to the root of their number; 4 allows for the farthest.
    """
    scale = depth**0.5
    assert_close(got / scale, want / scale, 4 * 2.0**-24 * (5 * depth) ** 0.5)


def check(element, columns_last, a, b, start):
    stored = b if columns_last else np.ascontiguousarray(b.T)
    got = product(element, columns_last)(a, stored, start)[0]
    with np.errstate(invalid="ignore"):
        want = start + a.astype(np.float64) @ b.astype(np.float64)
    assert_sums(got, want, b.shape[0])
    return want


@pytest.mark.parametrize("columns_last", [True, False], ids=["rows", "columns"])
@pytest.mark.parametrize("element", ["bf16", "f16"])
# A large tile, and a depth that several blocks divide.
@pytest.mark.parametrize("rows, depth, columns", [(9, 16, 16), (70, 37, 45), (70, 8, 12800), (20, 1100, 24)])
def test_infinities_on_the_right(element, columns_last, rows, depth, columns):
    rng = np.random.default_rng(rows + depth)
    a, start = (rng.standard_normal(n).astype(np.float32) for n in ((rows, depth), (rows, columns)))
    b = rng.standard_normal((depth, columns)).astype(DTYPES[element])
    b[2, 3], b[5, 7], b[1, columns - 1] = np.inf, -np.inf, np.inf
    a[4, 2], a[6, 5] = 0, 1.0
    want = check(element, columns_last, a, b, start)
    assert np.isinf(want).sum() >= 3 * rows - 3 and np.isnan(want).sum() == 1


@pytest.mark.parametrize("element", ["bf16", "f16"])
def test_infinities_on_the_left(element):
    """Weights of f16 that bf16 holds have nothing left for a second part."""
    rng = np.random.default_rng(0)
    a, start = (rng.standard_normal(n).astype(np.float32) for n in ((20, 18), (20, 24)))
    b = rng.integers(1, 5, (18, 24)).astype(DTYPES[element])
    a[3, 4], a[5, 0], a[8, 2], b[4, 6] = np.inf, -np.inf, np.nan, 0
    check(element, True, a, b, start)


@pytest.mark.parametrize("element", ["bf16", "f16"])
def test_numbers_that_bf16_rounds_to_infinity(element):
    rng = np.random.default_rng(0)
    a, start = rng.standard_normal((12, 17)).astype(np.float32), np.zeros((12, 20), np.float32)
    b = np.full((17, 20), 2.0**-3, DTYPES[element])
    a[2, 5], a[9, 16] = np.finfo(np.float32).max, np.finfo(np.float32).min
    check(element, True, a, b, start)


def test_every_batch_has_its_own_infinities():
    text = """
    #a = affine_map<(p, m, n, k) -> (p, m, k)>
    #b = affine_map<(p, m, n, k) -> (p, k, n)>
    #c = affine_map<(p, m, n, k) -> (p, m, n)>
    func.func @f(%a: tensor<?x?x?xf32>, %b: tensor<?x?x?xbf16>, %c: tensor<?x?x?xf32>) -> tensor<?x?x?xf32> {
      %0 = linalg.contract indexing_maps = [#a, #b, #c]
        ins(%a, %b : tensor<?x?x?xf32>, tensor<?x?x?xbf16>) outs(%c : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
      return %0 : tensor<?x?x?xf32>
    }"""
    rng = np.random.default_rng(2)
    a, start = (rng.standard_normal(n).astype(np.float32) for n in ((3, 20, 7), (3, 20, 30)))
    b = rng.standard_normal((3, 7, 30)).astype(ml_dtypes.bfloat16)
    b[1, 4, 11] = np.inf
    want = start + a.astype(np.float64) @ b.astype(np.float64)
    assert_sums(compile_ir(text, TARGET).f(a, b, start)[0], want, 7)
    assert np.isinf(want).sum() == 20


@pytest.mark.parametrize("element", ["bf16", "f16"])
def test_infinite_weights_of_feed_forward_layers(element):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((20, 24)).astype(np.float32)
    matrices = gated_weights(rng, width=24, hidden=40, dtype=element)
    matrices[2][3, 5] = np.inf
    got = gated_ffn(weight=element, flags=(TARGET,))(x, *matrices)[0]
    assert_close(got, reference.gated_ffn(x, *matrices), TOLERANCE)
    assert np.isinf(got).sum() == 20
