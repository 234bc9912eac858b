# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every op with one operand spoilt: compiled code refuses what the reference refuses, and computes the
same otherwise, from NaN and infinity too."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operands import FLOATS, Draw
from test_ops import LONG, arrays_of, check, combinations

from effattn import Error, ops

# Those of test_ops have compiled the signatures.
EXAMPLES = settings(deadline=None, max_examples=300 if LONG else 20, derandomize=not LONG)
SPECIAL = (np.nan, np.inf, -np.inf)


def places(operands, options):
    """Where arrays are: lists of keys into [operands, options]."""
    for i, value in enumerate(operands):
        if isinstance(value, np.ndarray):
            yield 0, i
        elif isinstance(value, tuple):
            yield from ((0, i, j) for j in range(len(value)))
    yield from ((1, name) for name, value in options.items() if isinstance(value, np.ndarray))


def change(value, place, array):
    """``value``, with another array in a place of it."""
    if not place:
        return array
    if isinstance(value, dict):
        return {**value, place[0]: change(value[place[0]], place[1:], array)}
    items = list(value)
    items[place[0]] = change(items[place[0]], place[1:], array)
    return type(value)(items)


def spoil(rng, array):
    """Another element, size or rank."""
    way = rng.integers(4)
    if way == 0 and array.ndim:
        dim = rng.integers(array.ndim)
        size = max(array.shape[dim] + rng.choice([-1, 1]), 0)
        return np.take(array, range(size), dim, mode="clip") if array.size else array[:size]
    if way == 1:
        return array[None] if rng.random() < 0.5 or not array.shape or not array.shape[0] else array[0]
    found = array.copy()
    if found.size and found.dtype in FLOATS.values():
        found.flat[rng.integers(found.size)] = rng.choice(SPECIAL)
    elif found.size and found.dtype.kind == "i" and found.itemsize >= 4:
        beside = [-1, int(found.max()) + 1, -(2**31), 2**30]
        found.flat[rng.integers(found.size)] = rng.choice(beside)
    return found


def blurred(results):
    """With NaN for infinities: the order of products decides which of them comes out."""
    return tuple(
        array if array.dtype.kind in "biu" else np.where(np.isfinite(array), array, array.dtype.type(np.nan))
        for array in map(np.asarray, arrays_of(results))
    )


def attempt(call):
    try:
        return call(), None
    except Error as problem:
        return None, str(problem)


@pytest.mark.parametrize("name, form, dtype, lowering", list(combinations()))
@EXAMPLES
@given(seed=st.integers(0, 2**32 - 1))
def test_spoilt_operands(name, form, dtype, lowering, seed):
    rng = np.random.default_rng(seed)
    call = form(Draw(rng, dtype))
    found_places = list(places(*call))
    if not found_places:
        return
    place = found_places[rng.integers(len(found_places))]
    array = call[place[0]][place[1]]
    spoilt = spoil(rng, array[place[2]] if len(place) > 2 else array)
    operands, options = change(call, place, spoilt)
    function = getattr(ops, name)
    with np.errstate(all="ignore"):
        wanted, refused = attempt(lambda: function(*operands, **options, lowering="reference"))
        found, sentence = attempt(lambda: function(*operands, **options, lowering=lowering))
    assert (sentence is None) == (refused is None), f"{sentence} but the reference: {refused}"
    if sentence is None:
        if spoilt.dtype in FLOATS.values() and np.isinf(spoilt).any():
            found, wanted = blurred(found), blurred(wanted)
        check(found, wanted, name)
    else:
        assert "expected" in sentence and "but got" in sentence and "\n" not in sentence
