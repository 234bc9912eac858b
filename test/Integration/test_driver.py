"""What objects for a GPU ask of NVIDIA's driver, shown to one that has no GPU."""

import os
import pathlib
import re
import subprocess
import sys

import harness
import pytest

FILL = """
func.func @fill(%x: tensor<8xf32>) -> tensor<8xf32> {
  %empty = tensor.empty() : tensor<8xf32>
  %one = arith.constant 1.0 : f32
  %result = linalg.fill ins(%one : f32) outs(%empty : tensor<8xf32>) -> tensor<8xf32>
  return %result : tensor<8xf32>
}
"""

# Loaded in a process of its own, because a process opens one driver.
CALL = """
import sys
sys.path.insert(0, {folder!r})
import harness, numpy as np, pathlib
function = harness.Library(pathlib.Path({library!r})).fill
for _ in range(2):
    try:
        print(function(np.zeros(8, np.float32))[0], flush=True)
    except harness.CallError as error:
        print(error.code, error, flush=True)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("driver")
    source = pathlib.Path(__file__).parent / "driver" / "driver.c"
    library = folder / "driver" / "libcuda.so.1"
    library.parent.mkdir()
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    command = [str(harness.BUILD / "bin" / "effattn-compile"), "-", "-o", str(folder / "f.so"), "--target=nvptx"]
    subprocess.run(command, input=FILL, text=True, check=True)
    return folder


def call(folder, driver=True, **environment):
    """What a process prints that calls the function twice."""
    code = CALL.format(folder=str(pathlib.Path(__file__).parent), library=str(folder / "f.so"))
    environment = {**os.environ, **environment, "LD_LIBRARY_PATH": str(folder / "driver") if driver else ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_kernels_are_loaded_once_and_launched(folder):
    lines = call(folder)
    sevens = "[7. 7. 7. 7. 7. 7. 7. 7.]"
    launch = "launch fill_0 (1, 1, 1) of (128, 1, 1), 0 bytes, stream 2, arguments"
    assert [line for line in lines if line == sevens] == [sevens] * 2
    assert [line for line in lines if line.startswith("launch")] == [launch] * 2
    assert sum(line.startswith("load .version") for line in lines) == 1
    assert [line for line in lines if "buffers" in line][-1] == "0 buffers left"


def test_without_a_driver(folder):
    if os.path.exists("/usr/lib/x86_64-linux-gnu/libcuda.so.1"):
        pytest.skip("there is a driver")
    assert call(folder, driver=False) == [
        "5 fill: no NVIDIA driver: libcuda.so.1 was not found; compile with --target=nvptx-emulated to run "
        "kernels without a GPU"
    ] * 2


@pytest.mark.parametrize(
    "function, sentence",
    [
        ("cuInit", "5 fill: the NVIDIA driver cannot find a GPU: it was told to fail"),
        ("cuDeviceGet", "5 fill: the NVIDIA driver cannot find a GPU: it was told to fail"),
        ("cuDevicePrimaryCtxRetain", "5 fill: the NVIDIA driver cannot use the GPU: it was told to fail"),
        ("cuModuleLoadDataEx", "5 fill: the NVIDIA driver cannot load the kernels: unsupported PTX version"),
        ("cuModuleGetFunction", "5 fill: the NVIDIA driver cannot find a kernel: it was told to fail"),
        ("cuLaunchKernel", "5 fill: the NVIDIA driver cannot launch a kernel: it was told to fail"),
        ("cuMemcpyAsync", "5 fill: the NVIDIA driver cannot copy memory: it was told to fail"),
        ("cuStreamSynchronize", "5 fill: the NVIDIA driver cannot run a kernel: it was told to fail"),
        ("cuMemAllocAsync", "3 fill: out of memory: cannot allocate 32 bytes for input 0 'arg0'"),
    ],
)
def test_a_driver_that_fails(folder, function, sentence):
    lines = call(folder, FAIL=function)
    assert [line for line in lines if re.match(r"\d ", line) and "buffers" not in line] == [sentence] * 2
    left = [line for line in lines if "buffers" in line]
    assert not left or left[-1] == "0 buffers left"
