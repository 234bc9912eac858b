"""Fused functions against their parts, compiled apart: equal to the bit."""

import ml_dtypes
import numpy as np
import pytest
from harness import compile_ir
from hypothesis import given
from hypothesis import strategies as st

DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16}
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
sizes = st.sampled_from([0, 1, 2, 7, 8, 9, 17])
widths = st.sampled_from([0, 1, 5, 16, 33])


def numbers(rng, shape, dtype="f32"):
    """Numbers around 1 in a type of IR."""
    return rng.normal(size=shape).astype(DTYPES[dtype])


def function(arguments, results, body):
    """A compiled function; ``arguments`` are pairs of name and type."""
    types = ", ".join(f"%{name}: {type}" for name, type in arguments)
    return compile_ir(f"""
    #rows = affine_map<(b, t, c, f) -> (b, t, c)>
    #weight = affine_map<(b, t, c, f) -> (c, f)>
    #product = affine_map<(b, t, c, f) -> (b, t, f)>
    func.func @f({types}) -> ({results}) {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %zero = arith.constant 0.0 : f32
      {body}
    }}""").f


# --- norm and matmul --------------------------------------------------------

X3, W2, W1 = "tensor<?x?x?xf32>", "tensor<?x?xf32>", "tensor<?xf32>"
NORM = """
      %b = tensor.dim %x, %c0 : {x}
      %t = tensor.dim %x, %c1 : {x}
      %c = tensor.dim %x, %c2 : {x}
      %e = tensor.empty(%b, %t, %c) : {x}
      %n = effattn.{op} ins(%x, %weight : {x}, tensor<?xf32>) outs(%e : {x})
"""
PROJECT = """
      %b_{y} = tensor.dim %n, %c0 : {x}
      %t_{y} = tensor.dim %n, %c1 : {x}
      %f_{y} = tensor.dim %{w}, %c1 : tensor<?x?xf32>
      %e_{y} = tensor.empty(%b_{y}, %t_{y}, %f_{y}) : tensor<?x?x?xf32>
      %i_{y} = linalg.fill ins(%zero : f32) outs(%e_{y} : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
      %{y} = linalg.contract indexing_maps = [#rows, #weight, #product]
        ins(%n, %{w} : {x}, tensor<?x?xf32>) outs(%i_{y} : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
"""


@pytest.mark.parametrize("op", ["rms_norm", "layer_norm"])
@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@given(rng=seeds, b=sizes, t=sizes, c=widths, f=st.sampled_from([0, 1, 9, 515]))
def test_norm_and_two_products(op, dtype, rng, b, t, c, f):
    tensor = f"tensor<?x?x?x{dtype}>"
    norm = function(
        [("x", tensor), ("weight", W1)], tensor, NORM.format(op=op, x=tensor) + f"return %n : {tensor}"
    )
    project = function(
        [("n", tensor), ("w", W2)], X3, PROJECT.format(w="w", y="y", x=tensor) + f"return %y : {X3}"
    )
    fused = function(
        [("x", tensor), ("weight", W1), ("w", W2), ("v", W2)],
        f"{X3}, {X3}",
        NORM.format(op=op, x=tensor)
        + PROJECT.format(w="w", y="y", x=tensor)
        + PROJECT.format(w="v", y="z", x=tensor)
        + f"return %y, %z : {X3}, {X3}",
    )
    x, weight = numbers(rng, (b, t, c), dtype), numbers(rng, c)
    w, v = numbers(rng, (c, f)), numbers(rng, (c, 3))
    normed = norm(x, weight)[0]
    got = fused(x, weight, w, v)
    np.testing.assert_array_equal(got[0], project(normed, w)[0])
    np.testing.assert_array_equal(got[1], project(normed, v)[0])
