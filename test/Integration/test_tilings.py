"""Sizes of blocks that a user gives: code is right whatever they are."""

import functools

import numpy as np
import pytest
from harness import compile_ir

from effattn import reference

TILINGS = [
    "tile-rows:1,tile-vectors:1,task-rows:1,task-columns:1",
    "tile-rows:12,tile-vectors:2,slab-depth:64,task-rows:5,task-columns:7,prefetch-rows:64",
    "tile-rows:5,tile-vectors:4,slab-depth:1024,task-rows:1024,task-columns:1024",
    "panel-depth:64,tile-rows:7",
    "panel-depth:1024,second-cache:1048576",
    "key-tile:16,query-vectors:1",
    "key-tile:48,query-vectors:4",
    "key-tile:1024,query-vectors:2",
    "key-tile:32,query-vectors:1,query-tiles:3",
    "first-cache:1024,second-cache:1024",
]
PROGRAM = """
func.func @product(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %m = tensor.dim %a, %c0 : tensor<?x?xf32>
  %n = tensor.dim %b, %c1 : tensor<?x?xf32>
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty(%m, %n) : tensor<?x?xf32>
  %filled = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x?xf32>) -> tensor<?x?xf32>
  %product = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>)
    outs(%filled : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %product : tensor<?x?xf32>
}
func.func @attend(%q: tensor<1x2x?x?xf32>, %k: tensor<1x2x?x?xf32>, %v: tensor<1x2x?x?xf32>) -> tensor<1x2x?x?xf32> {
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %t = tensor.dim %q, %c2 : tensor<1x2x?x?xf32>
  %d = tensor.dim %v, %c3 : tensor<1x2x?x?xf32>
  %empty = tensor.empty(%t, %d) : tensor<1x2x?x?xf32>
  %out = effattn.attention ins(%q, %k, %v : tensor<1x2x?x?xf32>, tensor<1x2x?x?xf32>, tensor<1x2x?x?xf32>)
      outs(%empty : tensor<1x2x?x?xf32>) mask {
    %keep = effattn.causal_mask
    effattn.yield %keep : !effattn.mask
  }
  return %out : tensor<1x2x?x?xf32>
}"""


@functools.cache
def library(tiling):
    return compile_ir(PROGRAM, f"--tiling={tiling}")


@pytest.mark.parametrize("tiling", TILINGS)
@pytest.mark.parametrize("rows, columns, depth", [(1, 1, 1), (9, 50, 70), (67, 97, 131), (130, 17, 400)])
def test_products(tiling, rows, columns, depth):
    rng = np.random.default_rng(rows)
    a, b = (rng.normal(size=shape).astype(np.float32) for shape in ((rows, depth), (depth, columns)))
    (got,) = library(tiling).product(a, b)
    np.testing.assert_allclose(got, a.astype(np.float64) @ b, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("tiling", TILINGS)
@pytest.mark.parametrize("queries, keys, width", [(1, 1, 1), (1, 300, 24), (70, 130, 16), (129, 129, 7), (1100, 1200, 7)])
def test_attention(tiling, queries, keys, width):
    rng = np.random.default_rng(keys)
    q, k, v = (rng.normal(size=(1, 2, n, width)).astype(np.float32) for n in (queries, keys, keys))
    (got,) = library(tiling).attend(q, k, v)
    want = reference.attention(q, k, v, mask=reference.causal_mask())
    np.testing.assert_allclose(got, want, atol=2e-5, rtol=1e-5)
