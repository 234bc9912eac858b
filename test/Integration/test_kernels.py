"""Products that share a function (effattn-outline-kernels)."""

import contextlib
import resource
import subprocess

import ml_dtypes
import numpy as np
import pytest
from harness import BUILD, CallError, assert_close, compile_ir

CHAIN = """
func.func @chain(%x: tensor<?x?xf32>, %a: tensor<?x?xf32>, %b: tensor<?x?xf32>, %y: tensor<?x?xf32>,
    %z: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = linalg.matmul ins(%x, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%y : tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = linalg.matmul ins(%0, %b : tensor<?x?xf32>, tensor<?x?xf32>) outs(%z : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}"""


@contextlib.contextmanager
def little_memory(limit):
    """No more than ``limit`` bytes beyond what the process has."""
    with open("/proc/self/statm") as statm:
        used = int(statm.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("rows", [1, 9, 100])
def test_products_that_share_a_function(rows):
    rng = np.random.default_rng(rows)
    x, a, b, y, z = (rng.normal(size=shape).astype(np.float32) for shape in
                     [(rows, 30), (30, 20), (20, 50), (rows, 20), (rows, 50)])  # fmt: skip
    assert_close(compile_ir(CHAIN).chain(x, a, b, y, z)[0], z + (y + x.astype(np.float64) @ a) @ b, 1e-4)


@pytest.mark.cpu
def test_no_memory_inside_of_a_shared_function():
    # So many that memory comes from the system, whatever tests before have left.
    rows, bf16 = 3_000_000, ml_dtypes.bfloat16
    x, a, y = (np.ones(shape, bf16) for shape in [(rows, 8), (8, 8), (rows, 8)])
    function, out = compile_ir(CHAIN.replace("f32", "bf16")).chain, [np.empty_like(x)]
    # Enough for a copy of y, but not for sums in f32.
    with little_memory(3 * y.nbytes // 2), pytest.raises(CallError, match="^chain: out of memory$") as error:
        function.into([x, a, a, y, y], out)
    assert error.value.code == 3
    function.into([x, a, a, y, y], out)
    assert (out[0] == 1 + 8 * 9).all()


def test_shared_functions_are_local_to_their_object(tmp_path):
    path = tmp_path / "chain.o"
    subprocess.run([BUILD / "bin" / "effattn-compile", "-", "-o", path, "--emit=obj"], input=CHAIN, text=True, check=True)
    symbols = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines()
    kernels = [line.split() for line in symbols if "effattn_kernel" in line]
    assert [name for _, kind, name in kernels if "." not in name] == ["effattn_kernel_matmul_0"]
    assert {kind for _, kind, _ in kernels} == {"t"}
