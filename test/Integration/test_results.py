"""Functions with several results, which are built in memory of the caller.

Tolerances: sums of 12 products of numbers around 1 in f32, squared once, are good to 1e-4.
"""

import numpy as np
import pytest
from harness import assert_close, compile_ir

BEGIN = """
func.func @f(%x: tensor<?x12xf32>, %w: tensor<12x12xf32>, %n: index) -> ({results}) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %half = arith.constant 0.5 : f32
  %T = tensor.dim %x, %c0 : tensor<?x12xf32>
  %e = tensor.empty(%T) : tensor<?x12xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x12xf32>) -> tensor<?x12xf32>
  %a = linalg.matmul ins(%x, %w : tensor<?x12xf32>, tensor<12x12xf32>) outs(%z : tensor<?x12xf32>) -> tensor<?x12xf32>
"""
MATMUL_A = "linalg.matmul ins(%a, %w : tensor<?x12xf32>, tensor<12x12xf32>) outs({out} : tensor<?x12xf32>) -> tensor<?x12xf32>"


def function(body: str, results: int, *flags: str):
    """What ``body`` returns of x, w, n and a = x w."""
    types = ", ".join(["tensor<?x12xf32>"] * results)
    return compile_ir(BEGIN.format(results=types) + body + f" : {types}\n}}", *flags).f


# Bodies and what they return, of x, w, a = x w and n.
CASES = {
    "two products on the same zeros": (
        f"%b = {MATMUL_A.format(out='%z')}\nreturn %a, %b",
        lambda x, w, a, n: (a, a @ w),
    ),
    "the second first": (
        f"%b = {MATMUL_A.format(out='%z')}\nreturn %b, %a",
        lambda x, w, a, n: (a @ w, a),
    ),
    "a sum that starts from the other result": (
        f"%b = {MATMUL_A.format(out='%a')}\nreturn %b, %a",
        lambda x, w, a, n: (a @ w + a, a),
    ),
    "one tensor twice": ("return %a, %a", lambda x, w, a, n: (a, a)),
    "zeros and what starts from them": (
        f"%b = {MATMUL_A.format(out='%z')}\nreturn %z, %b",
        lambda x, w, a, n: (np.zeros_like(a), a @ w),
    ),
    "branches": (
        f"""
  %even = arith.cmpi eq, %n, %c0 : index
  %r = scf.if %even -> tensor<?x12xf32> {{
    scf.yield %a : tensor<?x12xf32>
  }} else {{
    %halves = linalg.fill ins(%half : f32) outs(%e : tensor<?x12xf32>) -> tensor<?x12xf32>
    %b = {MATMUL_A.format(out="%halves")}
    scf.yield %b : tensor<?x12xf32>
  }}
  return %r, %a""",
        lambda x, w, a, n: (a @ w + 0.5 if n else a, a),
    ),
    "values of a loop that start from one tensor": (
        f"""
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%p = %z, %q = %z) -> (tensor<?x12xf32>, tensor<?x12xf32>) {{
    %p1 = linalg.add ins(%q, %a : tensor<?x12xf32>, tensor<?x12xf32>) outs(%p : tensor<?x12xf32>) -> tensor<?x12xf32>
    %q1 = linalg.add ins(%p1, %a : tensor<?x12xf32>, tensor<?x12xf32>) outs(%q : tensor<?x12xf32>) -> tensor<?x12xf32>
    scf.yield %p1, %q1 : tensor<?x12xf32>, tensor<?x12xf32>
  }}
  return %r#1, %r#0""",
        lambda x, w, a, n: (2 * n * a, max(2 * n - 1, 0) * a),
    ),
}

LOWERINGS = {"tuned": (), "linalg": ("--lowering=linalg",), "kernels": ("--target=nvptx-emulated",)}


@pytest.mark.parametrize("flags", LOWERINGS.values(), ids=LOWERINGS)
@pytest.mark.parametrize("case", CASES)
def test_results_do_not_share_memory(case, flags):
    body, want = CASES[case]
    compiled = function(body, 2, *flags)
    rng = np.random.default_rng(0)
    for rows, n in ((0, 1), (1, 0), (7, 0), (7, 1), (70, 3)):
        x, w = rng.normal(size=(rows, 12)), rng.normal(size=(12, 12))
        got = compiled(x.astype(np.float32), w.astype(np.float32), n)
        for result, expected in zip(got, want(x, w, x @ w, n)):
            assert_close(result, expected, 1e-4)
