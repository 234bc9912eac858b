"""Matrix products of users' own linalg ops, at sizes around the tiles.

Tolerances: a sum of 40 products of numbers around 1 in f32 is good to 1e-5.
"""

import numpy as np
import pytest
from harness import assert_close, compile_ir
from hypothesis import given, settings
from hypothesis import strategies as st

PRODUCT = """
#a = affine_map<({loops}) -> ({a})>
#b = affine_map<({loops}) -> ({b})>
#c = affine_map<({loops}) -> ({c})>
func.func @f(%a: tensor<{ta}xf32>, %b: tensor<{tb}xf32>, %c: tensor<{tc}xf32>) -> tensor<{tc}xf32> {{
  %0 = linalg.contract indexing_maps = [#a, #b, #c]
    ins(%a, %b : tensor<{ta}xf32>, tensor<{tb}xf32>) outs(%c : tensor<{tc}xf32>) -> tensor<{tc}xf32>
  return %0 : tensor<{tc}xf32>
}}"""


def product(equation: str, *flags: str):
    """A compiled ``c + einsum(equation, a, b)``."""
    inputs, result = equation.split("->")
    a, b = inputs.split(",")
    text = PRODUCT.format(
        loops=", ".join(sorted(set(a + b))),
        **{n: ", ".join(v) for n, v in zip("abc", (a, b, result))},
        **{f"t{n}": "x".join("?" * len(v)) for n, v in zip("abc", (a, b, result))},
    )
    return compile_ir(text, *flags).f


EQUATIONS = ["ik,kj->ij", "ik,jk->ij", "ki,kj->ij", "bik,bkj->bij", "ik,k->i", "k,kj->j",
             "btc,cf->btf", "ij,kj->ik"]  # fmt: skip


@pytest.mark.parametrize("equation", EQUATIONS)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.sampled_from([0, 1, 2, 7, 8, 9, 40]), min_size=4, max_size=4),
    wide=st.booleans(),
)
def test_products_equal_numpy(equation, seed, sizes, wide):
    rng = np.random.default_rng(seed)
    letters = sorted(set(equation) - set(",->"))
    size = dict(zip(letters, sizes))
    inputs, result = equation.split("->")
    if wide:  # more than one tile of columns
        size[result[-1]] = 515
    a, b = inputs.split(",")
    arrays = [rng.normal(size=[size[x] for x in letters]).astype(np.float32) for letters in (a, b)]
    start = rng.normal(size=[size[x] for x in result]).astype(np.float32)
    want = start + np.einsum(equation, *(x.astype(np.float64) for x in arrays))
    assert_close(product(equation)(*arrays, start)[0], want, 1e-5)


@pytest.mark.parametrize("flags", [(), ("--cpu=x86-64-v3", "--threads=none"), ("--cpu=x86-64",)], ids=" ".join)
@pytest.mark.parametrize("equation", ["ik,kj->ij", "ki,kj->ij", "ik,jk->ij"])
@given(rows=st.sampled_from([64, 65, 70, 511, 512, 513]), depth=st.sampled_from([0, 1, 383, 385, 1023, 1024, 1025]),
       columns=st.sampled_from([1, 47, 48, 49, 100, 260]), seed=st.integers(0, 2**32 - 1))  # fmt: skip
@settings(max_examples=12)
def test_slabs_and_panels(flags, equation, rows, depth, columns, seed):
    rng = np.random.default_rng(seed)
    size = {"i": rows, "j": columns, "k": depth}
    inputs, result = equation.split("->")
    a, b, start = (rng.normal(size=[size[x] for x in n]).astype(np.float32) for n in (*inputs.split(","), result))
    want = start + np.einsum(equation, a.astype(np.float64), b.astype(np.float64))
    assert_close(product(equation, *flags)(a, b, start)[0], want, 2e-4)


def test_blocks_of_many_rows():
    """More blocks of rows than tasks."""
    rng = np.random.default_rng(0)
    a, b, start = (rng.normal(size=n).astype(np.float32) for n in ((8703, 5), (5, 70), (8703, 70)))
    assert_close(product("ik,kj->ij")(a, b, start)[0], start + a.astype(np.float64) @ b, 1e-5)
