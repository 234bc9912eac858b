# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensor trains of tables: exact at full rank, within their bounds below it, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds
from tables import NO_TABLES, ROUNDING, TYPES, check_report, tables

from effattn import Error, reference
from effattn.compress import tensor_train
from effattn.compress.tensor_trains import balanced_column_factors, balanced_row_factors

EVERY = 10**6


@given(tables(), st.integers(1, 4))
def test_full_rank_is_exact(table, cores):
    train = tensor_train(table, rank=EVERY, cores=cores)
    assert train.report.relative_error <= ROUNDING["f32"]
    assert train.report.details["error bound"] == 0.0
    assert len(train.cores) == cores and train.vocabulary == len(table)
    check_report(train, table)


@given(tables(), st.integers(1, 4), st.integers(1, 5))
def test_operands_are_those_of_the_op(table, cores, rank):
    train = tensor_train(table, rank=rank, cores=cores)
    assert list(train.operands()) == [f"core_{c}" for c in range(cores)]
    assert all(1 <= r <= rank for r in train.ranks) and all(core.dtype == np.float32 for core in train.cores)
    rows = reference.tensor_train_embedding(np.arange(len(table)), *train.cores, vocabulary=train.vocabulary)
    np.testing.assert_allclose(train.reconstruct(), rows, rtol=1e-9, atol=1e-11 * np.abs(rows).max())
    with pytest.raises(Error, match="ids to lie in"):
        train.reconstruct(len(table))


@given(tables(), st.integers(2, 4), st.floats(1e-4, 1.0))
def test_error_stays_within_what_was_asked(table, cores, allowed):
    report = tensor_train(table, max_error=allowed, cores=cores).report
    assert report.details["error bound"] <= allowed * (1 + 1e-9)
    assert report.relative_error <= allowed + ROUNDING["f32"]


@given(tables(), st.integers(2, 4), st.integers(1, 4))
def test_error_stays_within_its_bound(table, cores, rank):
    report = tensor_train(table, rank=rank, cores=cores).report
    assert report.relative_error <= report.details["error bound"] * (1 + 1e-6) + ROUNDING["f32"]


@given(seeds, st.integers(2, 3))
def test_more_rank_means_less_error(rng, cores):
    table = rng.normal(size=(27, 8)).astype(np.float32)
    errors = [tensor_train(table, rank=rank, cores=cores).report.relative_error for rank in range(1, 9)]
    assert all(second <= first + 1e-6 for first, second in zip(errors, errors[1:]))


@given(seeds, st.integers(1, 6))
def test_rows_apart_from_columns_is_the_plain_decomposition(rng, rank):
    table = rng.normal(size=(13, 6)).astype(np.float32)
    train = tensor_train(table, rank=rank, row_factors=[13, 1], column_factors=[1, 6])
    values = np.linalg.svd(table.astype(float), compute_uv=False)
    best = math.sqrt(np.sum(values[rank:] ** 2) / np.sum(values**2))
    assert train.report.relative_error == pytest.approx(best, abs=1e-6)
    assert train.report.details["error bound"] == pytest.approx(best, abs=1e-7)


@given(seeds)
def test_trains_of_low_rank_are_found(rng):
    cores = [rng.normal(size=size) for size in ((1, 3, 2, 2), (2, 4, 3, 3), (3, 2, 2, 1))]
    table = reference.tensor_train_embedding(np.arange(24), *cores)
    shape = {"row_factors": (3, 4, 2), "column_factors": (2, 3, 2)}
    train = tensor_train(table, rank=[2, 3], **shape)
    assert train.ranks == [2, 3] and train.report.relative_error <= 1e-6
    by_error = tensor_train(table, max_error=1e-5, **shape)
    assert by_error.ranks[0] <= 2 and by_error.ranks[1] <= 3


@pytest.mark.parametrize("name", TYPES)
def test_cores_have_the_type_of_the_table(name):
    table = np.random.default_rng(0).normal(scale=0.05, size=(50, 12)).astype(TYPES[name])
    train = tensor_train(table, rank=EVERY)
    assert all(core.dtype == (np.float32 if name == "f64" else TYPES[name]) for core in train.cores)
    assert train.report.relative_error <= ROUNDING[name]
    assert train.report.bytes_before == table.nbytes


def test_integers_are_a_table():
    assert tensor_train(np.arange(12).reshape(4, 3), rank=EVERY).report.max_error < 1e-5


@given(st.integers(1, 100000), st.integers(1, 5))
def test_balanced_factors(size, count):
    rows = balanced_row_factors(size, count)
    assert len(rows) == count and math.prod(rows) >= size and max(rows) - min(rows) <= 1
    # One step less anywhere would not do.
    shorter = sorted(rows)
    if shorter[-1] > 1:
        shorter[-1] -= 1
        assert math.prod(shorter) < size

    columns = balanced_column_factors(size % 5000 + 1, count)
    assert len(columns) == count and math.prod(columns) == size % 5000 + 1
    assert columns == sorted(columns, reverse=True)


def test_balanced_factors_of_usual_sizes():
    assert balanced_row_factors(30522, 3) == [31, 31, 32]
    assert balanced_row_factors(262144, 3) == [64, 64, 64]
    assert balanced_column_factors(384, 3) == [8, 8, 6]
    assert balanced_column_factors(640, 3) == [10, 8, 8]
    assert balanced_column_factors(13, 3) == [13, 1, 1]


def test_refused_tables():
    for table, message in NO_TABLES:
        with pytest.raises(Error, match=message):
            tensor_train(table, rank=1)


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "either rank or max_error, but got neither"),
        ({"rank": 1, "max_error": 0.1}, "either rank or max_error, but got both"),
        ({"rank": 0}, "rank to be an integer of at least 1, but got 0"),
        ({"rank": 1.5}, "rank to be an integer of at least 1, but got 1.5"),
        ({"rank": True}, "rank to be an integer"),
        ({"rank": [2]}, "one entry for each of 2 bonds, but got 1"),
        ({"rank": [2, 0]}, r"rank\[1\] to be an integer of at least 1, but got 0"),
        ({"rank": [9, 1]}, r"rank\[0\] to be at most 4, the largest that is possible, but got 9"),
        ({"rank": [1, 5]}, r"rank\[1\] to be at most 2, .* but got 5"),
        ({"max_error": -0.1}, r"max_error to lie in \[0, 1\], but got -0.1"),
        ({"max_error": float("nan")}, r"max_error to lie in \[0, 1\], but got nan"),
        ({"max_error": "0.1"}, "max_error to be a number"),
        ({"rank": 1, "cores": 0}, "cores to be an integer of at least 1, but got 0"),
        ({"rank": 1, "cores": 17}, "at most 16 cores, but got 17"),
        ({"rank": 1, "cores": 10**9}, "at most 16 cores, but got 1000000000"),
        ({"rank": 1, "row_factors": []}, "row_factors to have at least one factor"),
        ({"rank": 1, "row_factors": [3, 0]}, r"row_factors\[1\] to be an integer of at least 1, but got 0"),
        ({"rank": 1, "row_factors": [3, 2]}, "row_factors to be at least the 8 rows of table, but got 6"),
        ({"rank": 1, "column_factors": [2, 3]}, "column_factors to be the 4 columns of table, but got 6"),
        (
            {"rank": 1, "row_factors": [4, 2], "column_factors": [4]},
            "as many column_factors as row_factors, but got 1 and 2",
        ),
    ],
)
def test_refused_options(options, message):
    with pytest.raises(Error, match=message):
        tensor_train(np.ones((8, 4)), **options)
