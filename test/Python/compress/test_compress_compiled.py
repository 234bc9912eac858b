# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled ops read compressed tables and give the rows that they reconstruct."""

import numpy as np
import pytest
from compiler import needs_compiler

from effattn.compress import extract_lora, learn_codebook, quantize_rows, tensor_train

TABLE = np.random.default_rng(0).normal(size=(30, 9)).astype(np.float32)
IDS = np.array([[0, 29, 3], [7, 7, 1]], np.int32)
# Sums in f32, of values near 1.
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def op(name):
    """An op as it is compiled; one that the compiler does not have yet is skipped."""
    from effattn import ops

    if not hasattr(ops, name):
        pytest.skip(f"the compiler has no op {name}")
    return getattr(ops, name)


@needs_compiler
def test_tensor_train():
    train = tensor_train(TABLE, rank=4)
    rows = train.apply(op("tensor_train_embedding"), IDS, lowering="linalg")
    np.testing.assert_allclose(rows, train.reconstruct(IDS), **CLOSE)


@needs_compiler
@pytest.mark.parametrize("compensation", ["none", "residual", "nearest"])
def test_quantized_table(compensation):
    table = quantize_rows(TABLE, group=3, compensation=compensation)
    rows = table.apply(op("quantized_embedding"), IDS, lowering="linalg")
    np.testing.assert_allclose(rows, table.reconstruct(IDS), **CLOSE)
    out = table.apply(op("quantized_matmul"), TABLE[:4], lowering="linalg")
    np.testing.assert_allclose(out, TABLE[:4] @ table.reconstruct().T, rtol=1e-4, atol=1e-4)


@needs_compiler
@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_codebook(metric):
    learned = learn_codebook(TABLE, codes=6, groups=3, metric=metric)
    codes, rows = learned.apply(op("vector_quantize"), TABLE, lowering="linalg")
    np.testing.assert_array_equal(codes, learned.codes)
    np.testing.assert_allclose(rows, learned.reconstruct(), **CLOSE)


@needs_compiler
def test_adapters():
    adapters = extract_lora(TABLE, [TABLE * 2, TABLE[::-1]], rank=3)
    weights = np.array([0, 1], np.float32)
    rows = adapters.apply(op("lora_embedding"), IDS, weights=weights, lowering="linalg")
    np.testing.assert_allclose(rows, adapters.reconstruct(IDS, domain=1), **CLOSE)
