"""Arithmetic on whole tensors, as one writes it between the ops."""

import numpy as np
import pytest
from harness import assert_close, compile_ir
from hypothesis import given
from hypothesis import strategies as st

import effattn

GATE = """
func.func @gate(%x: tensor<?x?xf32>, %y: tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?x?xi1>, tensor<?x?xf16>) {
  %sum = arith.addf %x, %y : tensor<?x?xf32>
  %product = arith.mulf %sum, %x : tensor<?x?xf32>
  %power = math.exp %product : tensor<?x?xf32>
  %less = arith.cmpf olt, %power, %y : tensor<?x?xf32>
  %chosen = arith.select %less, %power, %x : tensor<?x?xi1>, tensor<?x?xf32>
  %half = arith.truncf %sum : tensor<?x?xf32> to tensor<?x?xf16>
  return %chosen, %less, %half : tensor<?x?xf32>, tensor<?x?xi1>, tensor<?x?xf16>
}
"""
# A sum that is left beside an op whose own sum is fused.
RESIDUAL = """
func.func @residual(%x: tensor<?x?xf32>, %weight: tensor<?xf32>) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c0 : tensor<?x?xf32>
  %c = tensor.dim %x, %c1 : tensor<?x?xf32>
  %e = tensor.empty(%t, %c) : tensor<?x?xf32>
  %n = effattn.rms_norm ins(%x, %weight : tensor<?x?xf32>, tensor<?xf32>) outs(%e : tensor<?x?xf32>)
  %sum = arith.addf %x, %n : tensor<?x?xf32>
  return %sum : tensor<?x?xf32>
}
"""


def drawn(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@given(seed=st.integers(0, 99), t=st.sampled_from([0, 1, 5, 64]), c=st.sampled_from([0, 1, 7, 33]))
def test_arithmetic(seed, t, c):
    x, y = drawn(seed, t, c), drawn(seed + 100, t, c)
    chosen, less, half = compile_ir(GATE).gate(x, y)
    power = np.exp((x + y) * x)
    sure = np.abs(power - y) > 1e-5 * (1 + np.abs(y))
    np.testing.assert_array_equal(less[sure], (power < y)[sure])
    assert_close(chosen[sure], np.where(power < y, power, x)[sure], 1e-6)
    np.testing.assert_array_equal(half, (x + y).astype(np.float16))


def test_arguments_stay_as_they_are():
    """The result of arithmetic has memory of its own, also where an argument is not needed any more."""
    x, y = drawn(0, 9, 4), drawn(1, 9, 4)
    kept = x.copy(), y.copy()
    compile_ir(GATE).gate(x, y)
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(y, kept[1])


def test_sums_beside_ops():
    x, weight = drawn(2, 6, 8), drawn(3, 8)
    norm = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6) * weight
    assert_close(compile_ir(RESIDUAL).residual(x, weight)[0], x + norm, 1e-5)


def test_sizes_agree():
    with pytest.raises(effattn.Error, match=r"input 1 'arg1': expected f32\[.*\] .* but got f32\[3, 4\]"):
        effattn.compile(GATE)(drawn(0, 2, 4), drawn(1, 3, 4))
