"""Products with compressed tables as kernels of a GPU, run by the emulator in several orders.

Sizes lie around what kernels take at a time: few rows of activations, tiles of 64 and 128, chunks
and groups of 32 columns, and rows of codes that begin at multiples of 16 bytes or do not.
"""

import re

import embedding_programs as compiled
import numpy as np
import pytest
from harness import CallError
from quantized_tables import random_bytes
from test_quantized import DTYPES, ROUNDING, assert_sums

from effattn import reference

EMULATED = ("--target=nvptx-emulated",)


@pytest.fixture(params=[0, 1, 2])
def seed(request, monkeypatch):
    monkeypatch.setenv("EFFATTN_EMULATOR_SEED", str(request.param))
    return request.param


def a_table(rng, size, width, groups, *, residual, nearest):
    kind = (rng.random(size) < 0.5).astype(np.uint8)
    kind[0] = 1
    codes4 = random_bytes(rng, (size, (width + 1) // 2))
    codes8 = rng.integers(-127, 128, (size, width)).astype(np.int8)
    operands = codes4, codes8, kind, rng.permutation(size).astype(np.int32), rng.normal(size=(size, groups)).astype(np.float32)
    keywords = {}
    if residual:
        keywords["residual_codes"] = random_bytes(rng, codes4.shape)
        keywords["residual_scales"] = rng.normal(size=(size, groups)).astype(np.float32)
    if nearest:
        keywords["nearest"] = rng.choice([-1, *np.flatnonzero(kind)], size).astype(np.int32)
        keywords["nearest_weight"] = rng.normal(size=size).astype(np.float32)
    return operands, keywords


def check(rng, table, rows, dtype, activation):
    operands, keywords = table
    x = rng.normal(size=(rows, operands[1].shape[1])).astype(DTYPES[dtype])
    got = compiled.quantized_matmul(x, *operands, activation=activation, flags=EMULATED, **keywords)
    want = reference.quantized_matmul(x, *operands, activation=activation, **keywords)
    dense = reference.quantized_embedding(np.arange(len(operands[2])), *operands, **keywords)
    size = np.abs(x.astype(np.float64)) @ np.abs(dense).T
    assert_sums(got, want, size, ROUNDING[dtype])


# Rows of x, rows of the table, columns, groups.
FEW = [(1, 1, 32, 1), (1, 70, 1056, 33), (5, 9, 96, 3), (8, 33, 64, 1)]
MANY = [(9, 63, 32, 1), (64, 65, 96, 3), (65, 129, 128, 2)]
ANY = [(1, 7, 33, 3), (3, 40, 48, 1), (20, 66, 31, 1), (9, 5, 40, 5)]


@pytest.mark.parametrize("residual, nearest", [(False, False), (True, True)])
@pytest.mark.parametrize(
    "dtype, activation", [("f32", "f32"), ("bf16", "f32"), ("f16", "f32"), ("f32", "i8"), ("bf16", "i8")]
)
def test_around_what_kernels_take(dtype, activation, residual, nearest, seed):
    rng = np.random.default_rng(seed)
    for rows, size, width, groups in FEW + MANY + ANY:
        table = a_table(rng, size, width, groups, residual=residual, nearest=nearest)
        check(rng, table, rows, dtype, activation)


@pytest.mark.parametrize("activation", ["f32", "i8"])
@pytest.mark.parametrize("width, groups", [(64, 2), (40, 1)])
def test_codes_out_of_range(width, groups, activation, seed):
    rng = np.random.default_rng(seed)
    operands, keywords = a_table(rng, 70, width, groups, residual=True, nearest=False)
    row = rng.integers(70)
    name, place, most = [
        ("codes8" if operands[2][row] else "codes4", operands[3][row], 127 if operands[2][row] else 7),
        ("residual_codes", row, 7),
    ][rng.integers(2)]
    codes = {"codes4": operands[0], "codes8": operands[1], **keywords}[name]
    column = rng.integers(codes.shape[1])
    codes[place, column] = -128 if name == "codes8" else codes[place, column] & 15 | 0x80
    message = f"the codes of {name} to lie in [-{most}, {most}], but got {-most - 1} in row {place}"
    for rows in (0, 1, 8, 70):
        x = np.ones((rows, width), np.float32)
        with pytest.raises(CallError, match=re.escape(message)):
            compiled.quantized_matmul(x, *operands, activation=activation, flags=EMULATED, **keywords)


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@pytest.mark.parametrize("rows", [2, 10])
def test_sums_that_leave_f32_before_they_are_scaled(rows, dtype):
    """What is infinite or NaN stays in its row, and only where it is so in full precision."""
    rng = np.random.default_rng(rows)
    operands, keywords = a_table(rng, 12, 64, 2, residual=True, nearest=True)
    operands[4][:] *= 1e-6
    keywords["residual_scales"] *= 1e-6
    x = rng.normal(size=(rows, 64)).astype(DTYPES[dtype])
    x[0] = (x[0].astype(np.float64) * 5e36).astype(DTYPES[dtype])
    x[1, 3] = np.inf
    with np.errstate(invalid="ignore"):
        want = reference.quantized_matmul(x, *operands, **keywords)
    got = compiled.quantized_matmul(x, *operands, flags=EMULATED, **keywords).astype(np.float64)
    assert np.isfinite(want[0]).all() and np.isinf(want[1]).any()
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(want))
    if dtype == "f32":
        np.testing.assert_allclose(got[0] / 1e36, want[0] / 1e36, rtol=1e-4, atol=1e-3)


def test_rows_that_do_not_begin_at_multiples_of_16_bytes():
    rng = np.random.default_rng(0)
    operands, keywords = a_table(rng, 30, 64, 2, residual=False, nearest=False)

    def moved(array):
        memory = np.zeros(array.nbytes + 64, np.uint8)
        start = -memory.ctypes.data % 16 + array.itemsize
        view = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
        view[...] = array
        return view

    operands = (moved(operands[0]), moved(operands[1]), *operands[2:])
    for rows in (2, 20):
        check(rng, (operands, keywords), rows, "bf16", "f32")
