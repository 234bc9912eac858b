# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Codebooks: codes are what vector_quantize says, equal rows share one, seeds decide, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds
from tables import NO_TABLES, TYPES, check_report, tables

from effattn import Error, reference
from effattn.compress import learn_codebook

METRICS = st.sampled_from(["l2", "cosine"])


@given(tables(), METRICS, st.integers(1, 24), st.integers(1, 3), st.integers(0, 3))
def test_codes_are_those_of_the_op(table, metric, codes, groups, iterations):
    rows, columns = table.shape
    codes, groups = min(codes, rows), groups if columns % groups == 0 else 1
    learned = learn_codebook(table, codes=codes, metric=metric, groups=groups, iterations=iterations)
    assert learned.codebook.shape == (codes, columns) and learned.codebook.dtype == np.float32
    assert learned.codes.dtype == np.int32 and np.all((0 <= learned.codes) & (learned.codes < codes))
    chosen, rows_of_codes = learned.apply(reference.vector_quantize, table)
    np.testing.assert_array_equal(learned.codes, chosen)
    np.testing.assert_array_equal(learned.reconstruct(), rows_of_codes)
    check_report(learned, table)


@given(tables(), st.integers(1, 3))
def test_as_many_codes_as_rows_are_exact(table, groups):
    groups = groups if table.shape[1] % groups == 0 else 1
    learned = learn_codebook(table, codes=len(table), groups=groups)
    assert learned.report.relative_error <= 1e-6


@given(seeds)
def test_one_code_is_the_mean(rng):
    table = rng.normal(size=(9, 4)).astype(np.float32)
    np.testing.assert_allclose(learn_codebook(table, codes=1).codebook[0], table.mean(axis=0), atol=1e-6)


@given(seeds, METRICS)
def test_planted_clusters_are_found(rng, metric):
    centres = np.eye(5) * rng.uniform(2.0, 4.0, 5)
    label = np.concatenate([np.arange(5), rng.integers(0, 5, 60)])
    table = centres[label] + rng.normal(scale=1e-3, size=(65, 5))
    learned = learn_codebook(table, codes=5, metric=metric)
    assert learned.report.details["codes in use"] == 5
    assert len({(a, b) for a, b in zip(label, learned.codes)}) == 5
    means = np.array([table[label == k].mean(axis=0) for k in range(5)])
    np.testing.assert_allclose(learned.codebook[learned.codes[:5]], means, atol=2e-3)


@given(seeds, METRICS)
def test_iterations_reduce_the_error(rng, metric):
    table = rng.normal(size=(60, 4)).astype(np.float32)
    if metric == "cosine":
        # Of equal length, where direction is all there is to the error.
        table /= np.linalg.norm(table, axis=1, keepdims=True)
    options = {"codes": 6, "metric": metric, "tolerance": 0.0}
    few, many = (learn_codebook(table, iterations=n, **options).report for n in (1, 30))
    assert many.relative_error <= few.relative_error * 1.02


def test_cosine_ignores_lengths():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(40, 3))
    longer = table * rng.uniform(0.1, 10.0, (40, 1))
    first, second = (learn_codebook(t, codes=7, metric="cosine", seed=3).codes for t in (table, longer))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_fewer_different_rows_than_codes(metric):
    table = np.array([[1.0, 0], [0, 2]])[np.arange(10) % 2]
    learned = learn_codebook(table, codes=4, metric=metric)
    assert learned.report.max_error == 0.0
    assert learned.report.details["codes in use"] == 2


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_rows_of_zeros(metric):
    learned = learn_codebook(np.zeros((5, 4)), codes=3, metric=metric, groups=2)
    assert learned.report.max_error == 0.0 and not learned.codes.any()
    mixed = learn_codebook(np.array([[0.0, 0], [3, 4], [0, 0]]), codes=2, metric=metric)
    assert mixed.reconstruct(1).tolist() == [3.0, 4.0]


def test_codes_without_rows_start_anew():
    # Two of three first centres coincide after one step unless the third moves to the far row.
    table = np.concatenate(
        [np.full((50, 2), 1.0), np.full((50, 2), 1.001), [[100.0, -100.0]], [[-100.0, 7.0]]]
    )
    for seed in range(6):
        assert learn_codebook(table, codes=4, seed=seed).report.max_error < 1e-5


@given(seeds, st.integers(0, 100))
def test_a_seed_gives_the_same_codes(rng, seed):
    table = rng.normal(size=(30, 6))
    first, second = (learn_codebook(table, codes=8, groups=2, seed=seed) for _ in range(2))
    np.testing.assert_array_equal(first.codebook, second.codebook)
    np.testing.assert_array_equal(first.codes, second.codes)


def test_blocks_do_not_matter(monkeypatch):
    table = np.random.default_rng(1).normal(size=(90, 6))
    whole = learn_codebook(table, codes=9, groups=2)
    monkeypatch.setattr("effattn.compress.arrays.BLOCK_VALUES", 40)
    parts = learn_codebook(table, codes=9, groups=2)
    np.testing.assert_array_equal(parts.codes, whole.codes)
    np.testing.assert_allclose(parts.codebook, whole.codebook, rtol=1e-6)


@pytest.mark.parametrize("name", TYPES)
def test_codebooks_have_the_type_of_the_table(name):
    table = np.random.default_rng(2).normal(size=(12, 4)).astype(TYPES[name])
    learned = learn_codebook(table, codes=12)
    assert learned.codebook.dtype == (np.float32 if name == "f64" else TYPES[name])
    assert learned.report.relative_error <= 1e-7


def test_refused_tables():
    for table, message in NO_TABLES:
        with pytest.raises(Error, match=message):
            learn_codebook(table, codes=1)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"codes": 0}, "codes to be an integer of at least 1, but got 0"),
        ({"codes": 4}, "codes to be at most the 3 rows of table, but got 4"),
        ({"metric": "dot"}, "metric to be one of l2, cosine, but got 'dot'"),
        ({"groups": 3}, "groups to divide the 4 columns of table, but got 3"),
        ({"groups": 0}, "groups to be an integer of at least 1, but got 0"),
        ({"seed": -1}, "seed to be an integer of at least 0, but got -1"),
        ({"iterations": -1}, "iterations to be an integer of at least 0, but got -1"),
        ({"tolerance": -1.0}, r"tolerance to lie in \[0, 1\], but got -1"),
    ],
)
def test_refused_options(options, message):
    with pytest.raises(Error, match=message):
        learn_codebook(np.ones((3, 4)), **{"codes": 2, **options})
