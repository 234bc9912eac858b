# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables of 8-bit and 4-bit rows: widths, errors, compensation, and what is refused."""

import numpy as np
import pytest
from cases import Case
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds
from tables import NO_TABLES, TYPES, check_report, tables

from effattn import Error, reference
from effattn.compress import quantize_rows

WIDTHS = st.floats(4.0, 8.0)


def squared_errors(quantized, table):
    return np.sum((quantized.reconstruct() - table) ** 2, axis=1)


@given(tables(), WIDTHS, st.sampled_from(["max", "mse"]), st.sampled_from(["none", "residual", "nearest"]))
def test_operands_are_those_of_the_ops(table, width, clip, compensation):
    quantized = quantize_rows(table, width=width, clip=clip, compensation=compensation)
    rows, columns = table.shape
    wide = int(quantized.row_kind.sum())
    assert width - 4 / rows - 1e-6 < quantized.average_width <= width + 1e-6
    assert quantized.average_width == 4 + 4 * wide / rows
    halves = (columns + 1) // 2
    shapes = {
        "codes4": ((rows - wide, halves), np.uint8),
        "codes8": ((wide, columns), np.int8),
        "row_kind": ((rows,), np.uint8),
        "row_index": ((rows,), np.int32),
        "scales": ((rows, 1), np.float32),
    }
    if compensation == "residual":
        shapes.update(residual_codes=((rows, halves), np.uint8), residual_scales=((rows, 1), np.float32))
    if compensation == "nearest":
        shapes.update(nearest=((rows,), np.int32), nearest_weight=((rows,), np.float32))
    found = quantized.operands()
    assert {name: (array.shape, array.dtype) for name, array in found.items()} == shapes

    assert quantized.codes8.min(initial=0) >= -127
    for packed in (quantized.codes4, found.get("residual_codes", quantized.codes4)):
        assert not np.any((packed & 15) == 8) and not np.any((packed >> 4) == 8), "codes lie in [-7, 7]"
        assert columns % 2 == 0 or not np.any(packed[:, -1] >> 4), "the last half is unused"
    assert np.all(quantized.scales > 0.0)
    check_report(quantized, table)

    x = np.random.default_rng(0).normal(size=(3, columns))
    np.testing.assert_allclose(
        quantized.apply(reference.quantized_matmul, x),
        x @ quantized.reconstruct().T,
        rtol=1e-9,
        atol=1e-9 * (1 + np.abs(table).max()),
    )


@given(tables(), WIDTHS)
def test_values_move_by_half_a_step_at_most(table, width):
    quantized = quantize_rows(table, width=width)
    error = np.abs(quantized.reconstruct() - table)
    # Scales in f32 may round down, which moves the largest magnitude a little further.
    assert np.all(error <= quantized.scales * (0.5 + 1e-4))


@given(tables(), st.sampled_from([4.0, 5.2, 6.5]))
def test_options_only_reduce_the_error(table, width):
    # The same rows have 8 bits in all.
    importance = np.arange(len(table))
    plain = squared_errors(quantize_rows(table, width=width, importance=importance), table)
    slack = 1e-9 * np.sum(table.astype(float) ** 2)
    for options in ({"clip": "mse"}, {"compensation": "residual"}, {"compensation": "nearest"}):
        better = squared_errors(quantize_rows(table, width=width, importance=importance, **options), table)
        assert np.all(better <= plain + slack), options


@given(seeds)
def test_more_width_means_less_error(rng):
    table = rng.normal(size=(12, 16)).astype(np.float32)
    widths = np.linspace(4, 8, 13)
    for clip in ("max", "mse"):
        errors = [quantize_rows(table, width=width, clip=clip).report.relative_error for width in widths]
        assert all(second <= first for first, second in zip(errors, errors[1:]))


@given(seeds, st.sampled_from([1, 2, 3, 4, 6, 12]))
def test_groups_have_scales_of_their_own(rng, group):
    table = rng.normal(size=(7, 12)).astype(np.float32)
    quantized = quantize_rows(table, group=group)
    assert quantized.scales.shape == (7, 12 // group)
    parts = np.abs(table).reshape(7, 12 // group, group).max(axis=2)
    limits = np.where(quantized.row_kind[:, None] == 1, 127, 7)
    np.testing.assert_allclose(quantized.scales, parts / limits, rtol=1e-6)
    assert (
        quantized.report.relative_error
        <= quantize_rows(table, importance=quantized.row_kind).report.relative_error
    )


def test_important_rows_have_8_bits_and_the_first_of_equal_ones():
    table = np.random.default_rng(1).normal(size=(8, 4))
    quantized = quantize_rows(table, width=6, importance=[1, 5, 5, 0, 5, 5, 5, 2])
    assert quantized.row_kind.tolist() == [0, 1, 1, 0, 1, 1, 0, 0]
    assert quantized.row_index.tolist() == [0, 0, 1, 1, 2, 3, 2, 3]
    # By default those that 8 bits improve most.
    table[[2, 6]] *= 100
    assert np.flatnonzero(quantize_rows(table, width=5).row_kind).tolist() == [2, 6]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("columns", [1, 5])
@pytest.mark.parametrize("width", [4, 8])
@pytest.mark.parametrize("compensation", ["residual", "nearest"])
def test_one_width_only(rows, columns, width, compensation):
    table = np.random.default_rng(2).normal(size=(rows, columns)).astype(np.float32)
    quantized = quantize_rows(table, width=width, compensation=compensation)
    assert len(quantized.codes4) == (rows if width == 4 else 0)
    assert len(quantized.codes8) == (rows if width == 8 else 0)
    if compensation == "nearest":
        assert quantized.nearest.tolist() == [-1] * rows
    check_report(quantized, table)


@given(seeds, st.integers(2, 10))
def test_nearest_rows_explain_most(rng, rows):
    table = rng.normal(size=(rows, 6))
    quantized = quantize_rows(table, width=6, compensation="nearest")
    plain = reference.quantized_embedding(
        np.arange(rows), *[quantized.operands()[name] for name in list(quantized.operands())[:5]]
    )
    wide = np.flatnonzero(quantized.row_kind)
    assert np.all(quantized.nearest[wide] == -1)
    found = squared_errors(quantized, table)
    for row in np.flatnonzero(quantized.row_kind == 0):
        missing = table[row] - plain[row]
        left = [
            np.sum((missing - plain[w] * (missing @ plain[w]) / (plain[w] @ plain[w])) ** 2) for w in wide
        ]
        assert quantized.nearest[row] in wide
        assert found[row] <= min(left) * (1 + 1e-5) + 1e-12


def test_rows_that_nothing_helps_have_no_nearest():
    # Exact in 4 bits; orthogonal to the 8-bit row; the 8-bit row itself.
    table = np.array([[7.0, 1, 0, 0], [7, 0.4, 0, 0], [0, 0, 0, 9.0]])
    quantized = quantize_rows(table, width=4 + 4 / 3, importance=[0, 0, 1], compensation="nearest")
    assert quantized.nearest.tolist() == [-1, -1, -1] and not quantized.nearest_weight.any()


def test_worked_case():
    case = Case("mixq_p30")
    table, wide = case["E"], case["hi"].astype(bool)
    width, importance = case.params["avg_bits"], case["importance"]
    near = quantize_rows(table, width=width, importance=importance, compensation="nearest")
    np.testing.assert_array_equal(near.row_kind, case["hi"])
    np.testing.assert_array_equal(near.nearest, case["src_row"])
    case.check(near.scales[:, 0], "scale")
    case.check(near.nearest_weight, "alpha")
    case.check(near.reconstruct(), "compensated")
    case.check(quantize_rows(table, width=width, importance=importance).reconstruct(), "deq")
    # The case compensates 4-bit rows only; here 8-bit ones gain too, as their residual is stored anyway.
    residual = quantize_rows(table, width=width, importance=importance, compensation="residual")
    case.arrays["narrow"] = case["compensated2"][~wide]
    case.check(residual.reconstruct()[~wide], "narrow")
    assert np.all(
        squared_errors(residual, table)[wide] <= np.sum((case["compensated2"] - table)[wide] ** 2, axis=1)
    )


@pytest.mark.parametrize("name", TYPES)
def test_tables_of_every_type(name):
    table = np.random.default_rng(3).normal(size=(20, 8)).astype(TYPES[name])
    quantized = quantize_rows(table, width=8, scale_type="f16")
    assert quantized.scales.dtype == np.float16
    assert quantized.report.relative_error < 0.01


def test_same_table_same_codes():
    table = np.random.default_rng(4).normal(size=(50, 9))
    first, second = (quantize_rows(table, clip="mse", compensation="residual").operands() for _ in range(2))
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


def test_blocks_do_not_matter(monkeypatch):
    table = np.random.default_rng(5).normal(size=(23, 6))
    options = {"clip": "mse", "compensation": "nearest", "group": 3}
    whole = quantize_rows(table, **options).operands()
    monkeypatch.setattr("effattn.compress.arrays.BLOCK_VALUES", 64)
    for name, array in quantize_rows(table, **options).operands().items():
        np.testing.assert_array_equal(array, whole[name])


def test_small_scales_of_f16_do_not_vanish():
    table = np.array([[1e-9, -1e-9], [1.0, 0.5]])
    quantized = quantize_rows(table, width=4, scale_type="f16")
    assert np.all(quantized.scales > 0) and np.all(np.isfinite(quantized.reconstruct()))
    with pytest.raises(Error, match="scale_type to hold the largest scale, but got float16 and 100000"):
        quantize_rows(table * 7e5, width=4, scale_type="f16")


def test_refused_tables():
    for table, message in NO_TABLES:
        with pytest.raises(Error, match=message):
            quantize_rows(table)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"width": 3.9}, r"width to lie in \[4, 8\], but got 3.9"),
        ({"width": 8.1}, r"width to lie in \[4, 8\], but got 8.1"),
        ({"width": float("nan")}, r"width to lie in \[4, 8\], but got nan"),
        ({"width": "5"}, "width to be a number, but got '5'"),
        ({"group": 0}, "group to be an integer of at least 1, but got 0"),
        ({"group": 3}, "group to divide the 4 columns of table, but got 3"),
        ({"importance": [1.0, 2.0]}, r"importance to have shape \(3,\), one for each row, but got \(2,\)"),
        ({"importance": [1.0, -2.0, 0]}, r"importance to be finite and not negative, but got -2.0 at \[1\]"),
        ({"importance": [1.0, 2.0, np.nan]}, r"finite and not negative, but got nan at \[2\]"),
        ({"importance": ["a", "b", "c"]}, "importance to hold real numbers, but got <U1"),
        ({"clip": "mean"}, "clip to be one of max, mse, but got 'mean'"),
        ({"compensation": "A"}, "compensation to be one of none, residual, nearest, but got 'A'"),
        ({"scale_type": "bf16"}, "scale_type to be one of f32, f16, but got 'bf16'"),
    ],
)
def test_refused_options(options, message):
    with pytest.raises(Error, match=message):
        quantize_rows(np.ones((3, 4)), **options)


def test_reports_are_a_choice():
    table = np.random.default_rng(0).standard_normal((3, 4))
    assert quantize_rows(table, report=False).report is None
    check_report(quantize_rows(table), table)
