# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every op, compiled in every way, against the reference."""

import inspect
import itertools
import os
from unittest import mock

import guarded
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operands import FLOATS, FORMS, Draw

from effattn import arrays, ops, reference

LONG = bool(os.environ.get("EFFATTN_LONG"))
# The first example of a signature compiles, which takes longer than any deadline for the others.
EXAMPLES = settings(deadline=None, max_examples=300 if LONG else 40, derandomize=not LONG)
LOWERINGS = ("cpu", "linalg", "nvptx-emulated")
# Of results in each type, relative to 1 + |x|: products and sums in f32, rounded once at the end.
TOLERANCES = {"float32": 2e-5, "bfloat16": 8e-3, "float16": 1e-3}
# Slots that nearly tie may change places: their values are compared, and below the values at the slots.
UNORDERED = {"product_softmax_top_k", "address_decode"}
WITHOUT_LOWERING = {name for name in ops.__all__ if name.endswith("_mask") or name.startswith("mask_")} - {
    "boundary_mask",
    "materialize_mask",
}
FUNCTIONS = [name for name in ops.__all__ if name[0].islower()]


def combinations():
    """In the short run every form has one type, runs on the emulator and by one of the other lowerings."""
    number = 0
    for name, forms in FORMS.items():
        for form in forms:
            for dtype, lowering in itertools.product(FLOATS, LOWERINGS):
                lowerings = ("linalg" if number % 4 == 0 else "cpu", "nvptx-emulated")
                if LONG or (dtype == list(FLOATS)[number % 3] and lowering in lowerings):
                    yield pytest.param(name, form, dtype, lowering, id=f"{form.__name__}-{dtype}-{lowering}")
            number += 1


def arrays_of(results):
    """The arrays of results, without what a cache holds past its lengths."""
    if isinstance(results, ops.SeparatorCache):
        used = np.arange(results.flags.shape[1]) < np.asarray(results.length)[:, None]
        entries = (np.where(used[:, None, :, None], x, 0) for x in (results.keys, results.values))
        return [*entries, results.flags & used, results.length, results.separator_end]
    if isinstance(results, tuple):
        return [array for part in results for array in arrays_of(part)]
    return [results]


def check(found, wanted, name):
    for found_one, wanted_one in zip(arrays_of(found), arrays_of(wanted)):
        found_one, wanted_one = np.asarray(found_one), np.asarray(wanted_one)
        assert found_one.shape == wanted_one.shape
        if found_one.dtype.kind in "biu":
            if name not in UNORDERED:
                np.testing.assert_array_equal(found_one, wanted_one)
            continue
        tolerance = TOLERANCES[found_one.dtype.name]
        numbers, finite = found_one.astype(np.float64), np.isfinite(wanted_one)
        np.testing.assert_array_equal(numbers[~finite], wanted_one[~finite])
        error = np.abs(numbers[finite] - wanted_one[finite]) / (1 + np.abs(wanted_one[finite]))
        assert error.size == 0 or error.max() <= tolerance, f"{error.max():.2g} > {tolerance}"


def copies(value):
    if isinstance(value, (tuple, list)):
        return [copies(item) for item in value]
    return value.copy() if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("name, form, dtype, lowering", list(combinations()))
@EXAMPLES
@given(seed=st.integers(0, 2**32 - 1))
def test_ops_agree_with_the_reference(name, form, dtype, lowering, seed):
    operands, options = form(Draw(np.random.default_rng(seed), dtype))
    before = copies(operands)
    function = getattr(ops, name)
    with mock.patch.object(arrays, "NUMPY", guarded.RESULTS):
        found = function(*operands, **options, lowering=lowering)
    check(found, function(*operands, **options, lowering="reference"), name)
    for now, then in zip(copies(operands), before):
        np.testing.assert_equal(now, then)


def test_every_op_of_the_reference_is_there():
    assert set(reference.__all__) <= set(ops.__all__)
    assert {name for name in FUNCTIONS if name not in WITHOUT_LOWERING} == set(FORMS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signatures_are_those_of_the_reference(name):
    found = inspect.signature(getattr(ops, name)).parameters
    wanted = inspect.signature(getattr(reference, name)).parameters
    more = {"lowering", "donate"}
    assert [p for p in found if p not in more] == list(wanted)
    assert all(found[p].default == wanted[p].default and found[p].kind == wanted[p].kind for p in wanted)
    assert ("lowering" in found) == (name not in WITHOUT_LOWERING)
    doc = getattr(ops, name).__doc__
    assert all(p in doc for p in found if found[p].kind != inspect.Parameter.VAR_POSITIONAL)
    assert "lowering:" in doc or "lowering" not in found
