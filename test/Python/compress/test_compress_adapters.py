# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Low-rank changes of a table: found exactly where they are, the best ones elsewhere, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds
from tables import NO_TABLES, ROUNDING, TYPES

from effattn import Error, reference
from effattn.compress import extract_lora

ALPHAS = st.sampled_from([None, 1.0, 0.25, 16.0])


def changed(rng, rows, columns, domains, rank):
    """A table, and tables that are changes of it of some rank."""
    base = rng.normal(size=(rows, columns)).astype(np.float32)
    changes = rng.normal(size=(domains, rows, rank)) @ rng.normal(size=(domains, rank, columns))
    return base, (base + changes).astype(np.float32)


@given(seeds, st.integers(1, 15), st.integers(1, 9), st.integers(1, 3), ALPHAS, st.data())
def test_changes_of_low_rank_are_found(rng, rows, columns, domains, alpha, data):
    rank = data.draw(st.integers(1, min(rows, columns)))
    base, tables = changed(rng, rows, columns, domains, rank)
    adapters = extract_lora(base, tables, rank=rank, alpha=alpha)
    assert adapters.a.shape == (domains, rows, rank) and adapters.b.shape == (domains, rank, columns)
    assert adapters.alpha == (rank if alpha is None else alpha)
    scale = 1 + np.abs(tables).max()
    for n in range(domains):
        np.testing.assert_allclose(adapters.reconstruct(domain=n), tables[n], atol=1e-5 * scale)
        product = adapters.alpha / rank * adapters.a[n].astype(float) @ adapters.b[n]
        np.testing.assert_allclose(base + product, adapters.reconstruct(domain=n), atol=1e-10 * scale)
    # The op itself, with all domains at once.
    every = adapters.apply(reference.lora_embedding, [0, rows - 1])
    expected = base.astype(float) + np.sum(tables.astype(float) - base, axis=0)
    np.testing.assert_allclose(every, expected[[0, rows - 1]], atol=1e-4 * scale)


@given(seeds, st.integers(1, 6))
def test_the_best_change_of_its_rank(rng, rank):
    base, tables = changed(rng, 11, 6, 1, 6)
    report = extract_lora(base, tables, rank=rank).report
    change = tables[0].astype(float) - base
    values = np.linalg.svd(change, compute_uv=False)
    best = math.sqrt(np.sum(values[rank:] ** 2))
    assert report.details["error bound of changes"] == pytest.approx(best / np.linalg.norm(change), abs=1e-7)
    assert report.details["relative error of changes"] == pytest.approx(
        best / np.linalg.norm(change), abs=1e-5
    )
    assert report.relative_error == pytest.approx(best / np.linalg.norm(tables[0].astype(float)), abs=1e-5)


@given(seeds, st.floats(0.01, 1.0))
def test_every_domain_stays_within_the_error(rng, allowed):
    base, tables = changed(rng, 14, 7, 3, 7)
    tables[1] = base + 0.1 * np.outer(rng.normal(size=14), rng.normal(size=7))
    adapters = extract_lora(base, tables, max_error=allowed)
    rank = adapters.a.shape[2]

    def worst(rank):
        adapters = extract_lora(base, tables, rank=rank)
        return max(
            np.linalg.norm(adapters.reconstruct(domain=n) - table)
            / np.linalg.norm(table.astype(float) - base)
            for n, table in enumerate(tables)
        )

    assert worst(rank) <= allowed + 1e-4
    assert rank == 1 or worst(rank - 1) >= allowed - 1e-4


def test_a_table_without_change():
    base = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    adapters = extract_lora(base, [base, base + 1], rank=2)
    np.testing.assert_array_equal(adapters.reconstruct([[5, 0]], domain=0), base[[[5, 0]]])
    assert adapters.report.relative_error < 1e-6
    assert extract_lora(base, [base], max_error=0.0).a.shape == (1, 6, 1)
    with pytest.raises(Error, match=r"domain to lie in \[0, 2\), but got 2"):
        adapters.reconstruct(domain=2)
    with pytest.raises(Error, match="ids to lie in"):
        adapters.reconstruct(6)


@pytest.mark.parametrize("name", TYPES)
def test_factors_have_the_type_of_the_table(name):
    rng = np.random.default_rng(1)
    base, tables = changed(rng, 12, 5, 2, 5)
    base, tables = base.astype(TYPES[name]), tables.astype(TYPES[name])
    adapters = extract_lora(base, tables, rank=5)
    assert adapters.a.dtype == adapters.b.dtype == (np.float32 if name == "f64" else TYPES[name])
    assert adapters.report.relative_error <= ROUNDING[name]
    assert adapters.report.bytes_before == base.nbytes + tables.nbytes


def test_an_alpha_too_small_for_the_type():
    base = np.random.default_rng(2).normal(size=(4, 3)).astype(np.float16)
    with pytest.raises(Error, match="alpha to leave a and b in the range of float16, but got 1e-20"):
        extract_lora(base, [base * 2], rank=1, alpha=1e-20)


def test_refused_tables():
    for table, message in NO_TABLES:
        with pytest.raises(Error, match=message):
            extract_lora(table, [table], rank=1)


@pytest.mark.parametrize(
    "domains, options, message",
    [
        (3, {"rank": 1}, "expected domains to be tables, but got int"),
        ([], {"rank": 1}, "domains to name at least one table, but got none"),
        ([np.ones((4, 3))], {"rank": 1}, r"domains\[0\] to have table's shape \(3, 4\), but got \(4, 3\)"),
        ([np.ones(3)], {"rank": 1}, r"domains\[0\] to have rank 2"),
        ([np.full((3, 4), np.nan)], {"rank": 1}, r"domains\[0\] to hold finite numbers"),
        ([np.ones((3, 4))], {}, "either rank or max_error, but got neither"),
        ([np.ones((3, 4))], {"rank": 1, "max_error": 0.5}, "but got both"),
        ([np.ones((3, 4))], {"rank": 4}, "rank to be at most 3, the largest that is possible, but got 4"),
        ([np.ones((3, 4))], {"rank": 0}, "rank to be an integer of at least 1, but got 0"),
        ([np.ones((3, 4))], {"max_error": 2.0}, r"max_error to lie in \[0, 1\], but got 2"),
        ([np.ones((3, 4))], {"rank": 1, "alpha": 0.0}, "alpha to be positive, but got 0.0"),
    ],
)
def test_refused_options(domains, options, message):
    with pytest.raises(Error, match=message):
        extract_lora(np.ones((3, 4)), domains, **options)
