"""Products with compressed tables as every kind of CPU computes them, against the NumPy reference.

Sizes lie around what tuned code takes at a time: rows of activations that are few or many, sets
and panels of rows of the table, groups of whole and of broken vectors.
"""

import pathlib

import embedding_programs as compiled
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quantized_tables import quantized_tables, random_bytes
from test_quantized import DTYPES, ROUNDING, assert_sums, in_types

from effattn import reference

FEATURES = pathlib.Path("/proc/cpuinfo").read_text()
# What a CPU must have to run the code: alderlake sums products of bytes 256 bits at a time.
CPUS = {"native": "", "x86-64": "", "x86-64-v3": "avx2", "x86-64-v4": "avx512vl", "alderlake": "avx_vnni"}
ROWS = st.sampled_from([(0,), (1,), (5,), (6,), (7,), (17,), (70,)])
tables = quantized_tables(most_rows=75, most_groups=4, columns=st.sampled_from([1, 5, 8, 16, 32, 48, 64, 96]))
activations = pytest.mark.parametrize("activation", ["f32", "i8"])


def flags_of(cpu):
    if CPUS[cpu] not in FEATURES:
        pytest.skip(f"this machine has no {CPUS[cpu]}")
    if cpu == "x86-64-v4":
        return (f"--cpu={cpu}", "--threads=none")
    return () if cpu == "native" else (f"--cpu={cpu}",)


def check(case, shape, activation, scale, dtype, flags):
    rng, operands, keywords, dense = case
    table, keywords = in_types(operands, keywords, scale)
    x = rng.normal(size=(*shape, dense.shape[1])).astype(DTYPES[dtype])
    got = compiled.quantized_matmul(x, *table, activation=activation, flags=flags, **keywords)
    assert got.dtype == DTYPES[dtype]
    want = reference.quantized_matmul(x, *table, activation=activation, **keywords)
    size = np.abs(x.astype(np.float64)) @ np.abs(dense).T
    assert_sums(got, want, size, ROUNDING[dtype])


# Rounded activations are f32 again on CPUs that do not sum products of bytes.
@pytest.mark.parametrize(
    "cpu, activation",
    [("native", "f32"), ("native", "i8"), ("x86-64", "f32"), ("x86-64", "i8"), ("x86-64-v3", "f32"), ("x86-64-v3", "i8"),
     ("x86-64-v4", "i8"), ("alderlake", "i8")],
)  # fmt: skip
@settings(max_examples=40)
@given(tables, ROWS)
def test_cpus(cpu, activation, case, shape):
    check(case, shape, activation, "f16", "f32", flags_of(cpu))


@activations
@settings(max_examples=25)
@given(tables, ROWS)
def test_results_in_bf16(activation, case, shape):
    check(case, shape, activation, "f32", "bf16", ())


def plain_table(rng, rows, width, groups, kinds):
    """A table whose rows have ``kinds`` in turn."""
    kind = np.resize(np.array(kinds, np.uint8), rows)
    codes4 = random_bytes(rng, (rows, (width + 1) // 2))
    codes8 = rng.integers(-127, 128, (rows, width)).astype(np.int8)
    scales = rng.normal(size=(rows, groups)).astype(np.float16)
    return codes4, codes8, kind, rng.permutation(rows).astype(np.int32), scales


@activations
@pytest.mark.parametrize("kinds", [[0], [1], [0, 1], [0, 0, 0, 0, 1, 1, 1, 1]])
@pytest.mark.parametrize("groups", [1, 3, 12])
def test_many_rows_and_slabs(kinds, groups, activation):
    """More than a task of columns, a slab of f32 and all codes."""
    rng = np.random.default_rng(groups)
    table = plain_table(rng, 301, 384 * 2, groups, kinds)
    for rows in (3, 12, 67):
        x = rng.normal(size=(rows, 768)).astype(np.float32)
        x[rows // 2, :] = 0
        got = compiled.quantized_matmul(x, *table, activation=activation)
        want = reference.quantized_matmul(x, *table, activation=activation)
        np.testing.assert_allclose(got, want, atol=2e-6 * 768 * 128, rtol=1e-5)


@pytest.mark.parametrize("groups", [1, 7])
def test_halves_of_steps(groups):
    """Numbers at and next to halves of steps go where the reference sends them."""
    rng = np.random.default_rng(groups)
    width = 64 * groups
    table = plain_table(rng, 9, width, groups, [1])
    for largest in (1.0, 0.7, 3.0, 127.0, 1e-36, 1e33):
        halves = np.float32((rng.integers(-126, 127, (9, width)) + 0.5) * np.float64(np.float32(largest)) / 127)
        x = np.nextafter(halves, np.float32(rng.choice([-np.inf, 0, np.inf], (9, width))) + halves)
        x = np.clip(x, -np.float32(largest), np.float32(largest)).astype(np.float32)
        x[:, ::64] = largest
        got = compiled.quantized_matmul(x, *table, activation="i8")
        want = reference.quantized_matmul(x, *table, activation="i8")
        size = np.abs(x.astype(np.float64)).max() * 128 * width
        np.testing.assert_allclose(got, want, atol=2e-6 * size, rtol=1e-5)


@activations
@pytest.mark.parametrize("rows", [1, 6, 30])
def test_nan_stays_in_its_row(rows, activation):
    """With scales of 0, codes of 0 and infinities as well."""
    rng = np.random.default_rng(rows)
    table = plain_table(rng, 37, 64, 2, [0, 1])
    table[4][3] = 0
    table[1][:] = np.where(rng.random((37, 64)) < 0.3, 0, table[1])
    x = rng.normal(size=(rows, 64)).astype(np.float32)
    x[rows // 2, 40] = np.nan
    got = compiled.quantized_matmul(x, *table, activation=activation)
    want = reference.quantized_matmul(x, *table, activation=activation)
    assert np.isnan(want[rows // 2]).all()
    np.testing.assert_allclose(got, want, atol=0.05)
    x[rows // 2, 40] = -np.inf
    with np.errstate(invalid="ignore"):
        want = reference.quantized_matmul(x, *table, activation=activation)
    got = compiled.quantized_matmul(x, *table, activation=activation)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
def test_blocks_of_the_table(dtype):
    """More rows of a table than are decoded at a time."""
    rng = np.random.default_rng(4)
    table = plain_table(rng, 2100, 40, 5, [0, 1])
    x = rng.normal(size=(20, 40)).astype(DTYPES[dtype])
    got = compiled.quantized_matmul(x, *table)
    want = reference.quantized_matmul(x, *table)
    assert_sums(got, want, 1000 + np.abs(want), ROUNDING[dtype])


@activations
def test_scattered_operands(activation):
    """Rows and columns that do not lie side by side."""
    rng = np.random.default_rng(1)
    table = plain_table(rng, 21, 64, 2, [0, 1])
    spread = [np.repeat(np.repeat(part, 2, axis=0), 2, axis=-1)[::2, ::2] if part.ndim == 2 else part
              for part in table]  # fmt: skip
    for rows in (2, 40):
        x = rng.normal(size=(rows, 128)).astype(ml_dtypes.bfloat16)[:, ::2]
        np.testing.assert_array_equal(
            compiled.quantized_matmul(x, *spread, activation=activation),
            compiled.quantized_matmul(x.copy(), *table, activation=activation),
        )


@activations
def test_the_plain_lowering_agrees(activation):
    rng = np.random.default_rng(2)
    table = plain_table(rng, 130, 96, 3, [0, 1, 1])
    for rows in (1, 20):
        x = rng.normal(size=(rows, 96)).astype(np.float32)
        plain = compiled.quantized_matmul(x, *table, activation=activation, flags=("--lowering=linalg",))
        tuned = compiled.quantized_matmul(x, *table, activation=activation)
        np.testing.assert_allclose(tuned, plain, atol=2e-6 * 96 * 128)
