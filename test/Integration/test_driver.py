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
// The result succeeds the argument it is computed in.
func.func @fill_some(%state: tensor<?xf32>) -> tensor<?xf32> {
  %one = arith.constant 1.0 : f32
  %some = tensor.extract_slice %state[0] [8] [1] : tensor<?xf32> to tensor<8xf32>
  %ones = linalg.fill ins(%one : f32) outs(%some : tensor<8xf32>) -> tensor<8xf32>
  %result = tensor.insert_slice %ones into %state[0] [8] [1] : tensor<8xf32> into tensor<?xf32>
  return %result : tensor<?xf32>
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
    inherited = {key: value for key, value in os.environ.items() if key != "EFFATTN_EMULATOR_SEEDS"}
    environment = {**inherited, **environment, "LD_LIBRARY_PATH": str(folder / "driver") if driver else ""}
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


# Tensors that are on the device before the call.
DEVICE = """
import sys
sys.path.insert(0, {folder!r})
import ctypes, harness, numpy as np, pathlib
driver = ctypes.CDLL("libcuda.so.1")
driver.cuMemcpyAsync.argtypes = [ctypes.c_uint64, ctypes.c_uint64, ctypes.c_size_t, ctypes.c_void_p]
library = harness.Library(pathlib.Path({library!r}))

def on_device(array, number=0):
    memory = ctypes.c_uint64()
    driver.cuMemAllocAsync(ctypes.byref(memory), ctypes.c_size_t(array.nbytes), None)
    driver.cuMemcpyAsync(memory.value, array.ctypes.data, array.nbytes, None)
    tensor = harness.as_dl_tensor(array)
    tensor.data, tensor.device_type, tensor.device_id = memory.value, 2, number
    return tensor

def fetch(tensor):
    array = np.empty(tensor.shape[0], np.float32)
    driver.cuMemcpyAsync(array.ctypes.data, tensor.data, array.nbytes, None)
    return array

def call(inputs, outputs, *stream, name="fill"):
    function = getattr(library, name)
    entry = getattr(function._library, name + "_on_stream" * len(stream))
    pointers = [harness._pointers(tensors) for tensors in (inputs, outputs)]
    code = entry(*pointers, *map(ctypes.c_void_p, stream))
    print("returned", code, function._library.effattn_last_error().decode(), flush=True)

zeros = np.zeros(8, np.float32)
{body}
"""


def on_device(folder, body):
    """What a process prints that calls the function by tensors of the device."""
    code = DEVICE.format(folder=str(pathlib.Path(__file__).parent), library=str(folder / "f.so"), body=body)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder / "driver")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_tensors_of_the_device_are_not_copied(folder):
    lines = on_device(
        folder, "x, out = on_device(zeros), on_device(zeros)\ncall([x], [out])\nprint(fetch(out).sum())"
    )
    assert "returned 0 " in lines and "56.0" in lines
    assert lines.index("wait for stream 2") < lines.index("returned 0 ")
    assert not any("buffers left" in line for line in lines)


def test_a_stream_of_the_caller_is_not_waited_for(folder):
    lines = on_device(
        folder, "x, out = on_device(zeros), on_device(zeros)\ncall([x], [out], 77)\nprint(fetch(out).sum())"
    )
    assert "returned 0 " in lines and "56.0" in lines
    assert any(line.startswith("launch fill_0") and "stream 77" in line for line in lines)
    assert not any(line.startswith("wait") for line in lines)


def test_an_output_of_the_host_is_waited_for(folder):
    body = "out = np.zeros(8, np.float32)\ncall([on_device(zeros)], [harness.as_dl_tensor(out)], 77)\nprint(out.sum())"
    lines = on_device(folder, body)
    assert lines.index("wait for stream 77") < lines.index("returned 0 ") < lines.index("56.0")


def test_a_state_of_the_device_is_copied_to_its_successor(folder):
    body = (
        "state, out = on_device(np.arange(10, dtype=np.float32)), on_device(np.zeros(10, np.float32))\n"
        "call([state], [out], name='fill_some')\nprint(fetch(out), fetch(state)[0])\n"
        "call([state], [state], name='fill_some')\nprint(fetch(state))\n"
    )
    lines = on_device(folder, body)
    filled = "[7. 7. 7. 7. 7. 7. 7. 7. 8. 9.]"
    assert f"{filled} 0.0" in lines and filled in lines


@pytest.mark.parametrize(
    "body, sentence",
    [
        (
            "call([harness.as_dl_tensor(zeros)], [on_device(zeros)], name='fill_some')",
            "fill_some: output 0 'result0' must be in the same memory, of the host or the GPU, as input 0 'arg0', "
            "which it succeeds",
        ),
        (
            "call([on_device(zeros, 1)], [on_device(zeros)])",
            "fill: input 0 'arg0' is on GPU 1, but the function runs on GPU 0",
        ),
        (
            "x = on_device(zeros)\nx.strides = (ctypes.c_int64 * 1)(-1)\ncall([x], [on_device(zeros)])",
            "fill: input 0 'arg0' is on the GPU, where its innermost dimension must be contiguous and no stride negative",
        ),
        (
            "x = on_device(zeros)\nx.device_type = 9\ncall([x], [on_device(zeros)])",
            "fill: input 0 'arg0' is on a device of type 9 of DLPack, but must be in the memory of the host",
        ),
    ],
)
def test_tensors_of_the_device_that_do_not_fit(folder, body, sentence):
    assert on_device(folder, body)[-1] == f"returned 1 {sentence}"


def test_the_emulator_has_no_memory_of_a_device():
    function = harness.compile_ir(FILL, "--target=nvptx-emulated").fill
    array = harness.np.zeros(8, harness.np.float32)
    tensor = harness.as_dl_tensor(array)
    tensor.device_type = 2
    with pytest.raises(harness.CallError, match="on a device of type 2 of DLPack, but must be in the memory"):
        function._check(function._call(harness._pointers([tensor]), harness._pointers([harness.as_dl_tensor(array)])))
    assert not hasattr(function._library, "fill_on_stream")
