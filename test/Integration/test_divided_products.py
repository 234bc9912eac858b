"""Products of few tiles and a large depth on the emulator, whose depth is divided among blocks.

The order of additions depends on sizes alone: results are equal to the last bit whatever the order of threads.
"""

import functools

import numpy as np
import pytest
from test_products import DTYPES, check, product, split

EQUATIONS = ["ik,kj->ij", "ik,jk->ij", "ki,kj->ij", "bik,bkj->bij"]
# Rows and columns that fill no tile, one, and several; depths of two parts, of a part that ends inside of a tile, and
# of as many parts as there may be.
SIZES = [(9, 64, 1, 512), (64, 65, 1, 1031), (17, 5, 2, 777), (70, 130, 1, 2050), (33, 64, 3, 1500)]


@functools.lru_cache(maxsize=None)
def compiled(equation, type, adds):
    return product(equation, type, adds, "--target=nvptx-emulated")


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("type", ["f32", "bf16", "f16"])
@pytest.mark.parametrize("equation", EQUATIONS)
def test_depths_around_parts(equation, type, seed, monkeypatch):
    monkeypatch.setenv("EFFATTN_EMULATOR_SEED", str(seed))
    adds = bool(seed)
    for i, j, b, k in SIZES[seed::2]:
        check(compiled(equation, type, adds), equation, type, adds, seed, {"i": i, "j": j, "b": b, "k": k})


@pytest.mark.parametrize("type", ["f32", "bf16"])
def test_results_do_not_depend_on_the_order_of_threads(type, monkeypatch):
    rng = np.random.default_rng(2)
    terms = split(EQUATIONS[0])
    sizes = {"i": 40, "j": 70, "k": 1200}
    operands = [rng.normal(size=[sizes[letter] for letter in term]).astype(DTYPES[type]) for term in terms]
    found = []
    for seed in range(3):
        monkeypatch.setenv("EFFATTN_EMULATOR_SEED", str(seed))
        found.append(compiled(EQUATIONS[0], type, False)(*operands)[0])
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)
