"""Tuned matrix products, at sizes around the blocks, for several CPUs and layouts.

Tolerances: sums of up to 400 products of numbers around 1 in f32, divided by the square root of their
number. A result in bf16 or f16 is rounded once.
"""

import ml_dtypes
import numpy as np
import pytest
from harness import assert_close, compile_ir
from hypothesis import given, settings
from hypothesis import strategies as st

PRODUCT = """
#a = affine_map<({loops}) -> ({a})>
#b = affine_map<({loops}) -> ({b})>
#c = affine_map<({loops}) -> ({c})>
func.func @f(%a: tensor<{ta}>, %b: tensor<{tb}>, %c: tensor<{tc}>) -> tensor<{tc}> {{
  %zero = arith.constant 0.0 : {result}
  %start = linalg.fill ins(%zero : {result}) outs(%c : tensor<{tc}>) -> tensor<{tc}>
  %0 = linalg.contract indexing_maps = [#a, #b, #c]
    ins(%a, %b : tensor<{ta}>, tensor<{tb}>) outs(%{start} : tensor<{tc}>) -> tensor<{tc}>
  return %0 : tensor<{tc}>
}}"""

ROUNDING = {"f32": 2e-6, "bf16": 2**-8, "f16": 2**-11}
DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16, "f16": np.float16}


def split(equation):
    inputs, result = equation.split("->")
    return (*inputs.split(","), result)


def product(equation, type, adds, *flags, result=None):
    """A compiled ``einsum(equation, a, b)``, added to ``c`` where ``adds``; the result may be of another type."""
    terms = dict(zip("abc", split(equation)))
    result = result or type
    types = {"a": type, "b": type, "c": result}
    text = PRODUCT.format(
        loops=", ".join(sorted(set("".join(terms.values())))),
        result=result,
        start="c" if adds else "start",
        **{name: ", ".join(term) for name, term in terms.items()},
        **{f"t{name}": "x".join("?" * len(term)) + f"x{types[name]}" for name, term in terms.items()},
    )
    return compile_ir(text, *flags).f


SIZES = {
    "i": [0, 1, 2, 8, 9, 17, 64, 65, 130],
    "j": [0, 1, 15, 16, 48, 49, 97, 300],
    "k": [0, 1, 15, 17, 384, 385, 400],
    "b": [0, 1, 3],
}


def check(run, equation, type, adds, seed, sizes, result=None):
    rng = np.random.default_rng(seed)
    result = result or type

    def draw(term, type):
        return rng.normal(size=[sizes[letter] for letter in term]).astype(DTYPES[type])

    a, b, c = map(draw, split(equation), (type, type, result))
    want = np.einsum(equation, a.astype(np.float64), b.astype(np.float64))
    if adds:
        want = want + c.astype(np.float64)
    scale = max(sizes["k"], 1) ** 0.5
    got = run(a, b, c)[0].astype(np.float64)
    assert_close(got / scale, want / scale, ROUNDING[result])


def cases(function):
    drawn = {letter: st.sampled_from(choices) for letter, choices in SIZES.items()}
    return given(seed=st.integers(0, 2**32 - 1), sizes=st.fixed_dictionaries(drawn))(function)


@pytest.mark.parametrize("adds", [False, True])
@pytest.mark.parametrize("equation", ["ik,kj->ij", "ik,jk->ij", "ki,kj->ij", "bik,bkj->bij",
                                      "bik,kj->bij", "kj,ik->ij", "ik,k->i", "k,kj->j"])  # fmt: skip
@settings(max_examples=25)
@cases
def test_layouts(equation, adds, seed, sizes):
    check(product(equation, "f32", adds), equation, "f32", adds, seed, sizes)


@pytest.mark.parametrize("type", ["bf16", "f16"])
@pytest.mark.parametrize("equation", ["ik,kj->ij", "ik,jk->ij"])
@settings(max_examples=25)
@cases
def test_types(type, equation, seed, sizes):
    check(product(equation, type, True), equation, type, True, seed, sizes)


@pytest.mark.parametrize("flags", [(), ("--tiling=slab-depth:64",)], ids=" ".join)
@pytest.mark.parametrize("equation", ["ik,kj->ij", "ik,jk->ij", "ki,kj->ij", "bik,bkj->bij"])
@settings(max_examples=25)
@cases
def test_sums_of_bf16_products(flags, equation, seed, sizes):
    """In f32, by pairs where the CPU is fast at it: half of the last pair may be missing."""
    run = product(equation, "bf16", True, *flags, result="f32")
    check(run, equation, "bf16", True, seed, sizes, result="f32")


@pytest.mark.parametrize("threads", ["none", "openmp"])
@pytest.mark.parametrize("cpu", ["x86-64", "x86-64-v3", "x86-64-v4"])
@settings(max_examples=25)
@cases
def test_cpus(cpu, threads, seed, sizes):
    if cpu == "x86-64-v4" and "avx512vl" not in open("/proc/cpuinfo").read():
        pytest.skip("this machine has no AVX-512")
    run = product("ik,kj->ij", "f32", False, f"--cpu={cpu}", f"--threads={threads}")
    check(run, "ik,kj->ij", "f32", False, seed, sizes)


def test_results_between_others_stay_whole():
    """A product of many rows into some columns of a wider buffer."""
    run = product("ik,kj->ij", "f32", False)
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=size).astype(np.float32) for size in ((70, 400), (400, 50)))
    whole = np.full((70, 60), 7, np.float32)
    run.into([a, b, whole[:, 4:54]], [whole[:, 4:54]])
    assert_close(whole[:, 4:54] / 20, a.astype(np.float64) @ b / 20, ROUNDING["f32"])
    assert (whole[:, :4] == 7).all() and (whole[:, 54:] == 7).all()
