# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the peers need: their packages with the threads of this process, and a C compiler."""

from __future__ import annotations

import ctypes
import functools
import importlib
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile
from typing import Any, Callable, Dict, Sequence

import ml_dtypes
import numpy as np

from benchmarks.rows import Call, NotMeasured, Peer

PACKAGES = ("torch", "jax", "onnxruntime", "onnx", "iree.compiler", "iree.runtime")


def threads() -> int:
    """Of this process; every library was told the same through the environment."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def need(name: str) -> Any:
    """A package, or the reason why its peers are not measured."""
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        raise NotMeasured(f"{name} cannot be imported: {problem}") from None


# --- PyTorch -----------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=None)
def torch() -> Any:
    found = need("torch")
    found.set_num_threads(threads())
    found.set_grad_enabled(False)
    found.manual_seed(0)
    return found


def tensor(array: np.ndarray) -> Any:
    """The same memory as a tensor."""
    if array.dtype == ml_dtypes.bfloat16:
        return torch().from_numpy(array.view(np.int16)).view(torch().bfloat16)
    return torch().from_numpy(array)


def to_numpy(result: Any) -> np.ndarray:
    return result.float().numpy() if result.is_floating_point() else result.numpy()


def torch_peer(name: str, function: Callable[..., Any], arrays: Sequence[np.ndarray], **options: Any) -> Peer:
    """``function`` of the arrays as tensors."""

    def prepare() -> Call:
        torch()
        tensors = [tensor(array) for array in arrays]
        return lambda: function(*tensors)

    return Peer(name, prepare, **{"result": to_numpy, **options})


def compiled_peer(
    name: str, function: Callable[..., Any], arrays: Sequence[np.ndarray], **options: Any
) -> Peer:
    """The same through ``torch.compile``, for exactly these sizes."""

    def prepare() -> Call:
        torch()._dynamo.reset()
        compiled = torch().compile(function, dynamic=False)
        tensors = [tensor(array) for array in arrays]
        return lambda: compiled(*tensors)

    return Peer(name, prepare, **{"compiles": True, "result": to_numpy, **options})


# --- onnxruntime -------------------------------------------------------------------------------------


def onnx_peer(
    name: str,
    node: str,
    inputs: Dict[str, np.ndarray],
    shape: Sequence[int],
    *,
    constants: Sequence[str] = (),
    domain: str = "",
    opset: int = 23,
    attributes: Dict[str, Any] = {},
    **options: Any,
) -> Peer:
    """One node of ONNX as a session; ``constants`` are inputs that it may pack ahead of time."""

    def prepare() -> Call:
        onnx, runtime = need("onnx"), need("onnxruntime")
        helper, kinds = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype
        given = [key for key in inputs if key not in constants]
        graph = helper.make_graph(
            [helper.make_node(node, list(inputs), ["out"], domain=domain, **attributes)],
            "benchmark",
            [helper.make_tensor_value_info(k, kinds(inputs[k].dtype), inputs[k].shape) for k in given],
            [helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, shape)],
            [onnx.numpy_helper.from_array(inputs[key], key) for key in constants],
        )
        versions = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
        model = helper.make_model(graph, opset_imports=versions, ir_version=10)
        choices = runtime.SessionOptions()
        choices.intra_op_num_threads, choices.inter_op_num_threads = threads(), 1
        choices.log_severity_level = 3
        # Its threads spin inside of a call and stop with it.
        choices.add_session_config_entry("session.force_spinning_stop", "1")
        session = runtime.InferenceSession(
            model.SerializeToString(), choices, providers=["CPUExecutionProvider"]
        )
        out = np.empty(shape, np.float32)
        binding = session.io_binding()
        for key in given:
            binding.bind_cpu_input(key, inputs[key])
        binding.bind_output("out", "cpu", 0, np.float32, list(shape), out.ctypes.data)

        def call():
            session.run_with_iobinding(binding)
            return out

        return call

    return Peer(name, prepare, **options)


# --- C -----------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=None)
def native() -> ctypes.CDLL:
    """native.c, compiled for this machine."""
    compiler = next((path for path in map(shutil.which, ("clang-22", "clang")) if path), None)
    if compiler is None:
        raise NotMeasured("there is no clang")
    source = pathlib.Path(__file__).with_name("native.c")
    with tempfile.TemporaryDirectory(prefix="effattn-bench-") as folder:
        library = pathlib.Path(folder) / "native.so"
        flags = ["-O3", "-march=native", "-fopenmp", "-shared", "-fPIC"]
        if platform.machine() == "x86_64":
            flags.append("-mprefer-vector-width=512")
        done = subprocess.run(
            [compiler, *flags, str(source), "-o", str(library)], capture_output=True, text=True
        )
        if done.returncode:
            raise NotMeasured(f"{compiler} failed: {done.stderr.strip().splitlines()[0]}")
        found = ctypes.CDLL(str(library))
    for name in ("peak_f32", "peak_bf16", "peak_i8"):
        getattr(found, name).restype = ctypes.c_double
        getattr(found, name).argtypes = [ctypes.c_long]
    for name in ("read_memory", "write_memory"):
        getattr(found, name).argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    found.read_memory.restype = ctypes.c_uint64
    found.copy_memory.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    return found


def address(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def read_probe(arrays: Sequence[np.ndarray], **options: Any) -> Peer:
    """Reading every byte of the arrays, and nothing else."""

    def prepare() -> Call:
        library = native()
        pieces = [(array.ctypes.data, array.nbytes // 8 * 8) for array in arrays]

        def call():
            for pointer, size in pieces:
                library.read_memory(pointer, size)

        return call

    return Peer("read probe", prepare, **{"result": None, **options})


def copy_probe(array: np.ndarray, size: int, **options: Any) -> Peer:
    """Copying so many bytes from the beginning of an array, and nothing else."""

    def prepare() -> Call:
        library, out = native(), np.empty(size, np.uint8)
        return lambda: library.copy_memory(out.ctypes.data, array.ctypes.data, size)

    return Peer("copy probe", prepare, **{"result": None, **options})
