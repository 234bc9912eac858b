# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products of llama.cpp: its library ggml, out of the shared libraries of llama-cpp-python."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import math
import pathlib
import time
import weakref
from typing import Any, List

import numpy as np

from benchmarks.peers import address, threads
from benchmarks.rows import Call, NotMeasured, Peer

POINTER = ctypes.c_void_p
# Calls of which the fastest decides between two forms of the weights.
TRIALS = 5


class _Parameters(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("memory", POINTER), ("no_alloc", ctypes.c_bool)]


SIGNATURES = {
    "ggml_type_name": (ctypes.c_char_p, [ctypes.c_int]),
    "ggml_row_size": (ctypes.c_size_t, [ctypes.c_int, ctypes.c_int64]),
    "ggml_tensor_overhead": (ctypes.c_size_t, []),
    "ggml_graph_overhead": (ctypes.c_size_t, []),
    "ggml_init": (POINTER, [_Parameters]),
    "ggml_new_tensor_2d": (POINTER, [POINTER, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]),
    "ggml_mul_mat": (POINTER, [POINTER, POINTER, POINTER]),
    "ggml_new_graph": (POINTER, [POINTER]),
    "ggml_build_forward_expand": (None, [POINTER, POINTER]),
    "ggml_get_data": (POINTER, [POINTER]),
    "ggml_backend_cpu_init": (POINTER, []),
    "ggml_backend_cpu_set_n_threads": (None, [POINTER, ctypes.c_int]),
    "ggml_backend_get_device": (POINTER, [POINTER]),
    "ggml_backend_get_default_buffer_type": (POINTER, [POINTER]),
    "ggml_backend_dev_backend_reg": (POINTER, [POINTER]),
    "ggml_backend_dev_supports_op": (ctypes.c_bool, [POINTER, POINTER]),
    "ggml_backend_reg_get_proc_address": (POINTER, [POINTER, ctypes.c_char_p]),
    "ggml_backend_alloc_ctx_tensors_from_buft": (POINTER, [POINTER, POINTER]),
    "ggml_backend_buffer_free": (None, [POINTER]),
    "ggml_free": (None, [POINTER]),
    "ggml_backend_tensor_set": (None, [POINTER, POINTER, ctypes.c_size_t, ctypes.c_size_t]),
    "ggml_backend_graph_compute": (ctypes.c_int, [POINTER, POINTER]),
}


@functools.lru_cache(maxsize=None)
def library() -> ctypes.CDLL:
    """The library, whose dependencies come with it."""
    package = importlib.util.find_spec("llama_cpp")
    if package is None or package.origin is None:
        raise NotMeasured("llama-cpp-python is not installed")
    found = ctypes.CDLL(str(pathlib.Path(package.origin).with_name("lib") / "libggml.so"))
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


@functools.lru_cache(maxsize=None)
def _backend() -> int:
    backend = library().ggml_backend_cpu_init()
    library().ggml_backend_cpu_set_n_threads(backend, threads())
    return backend


def _buffer_types() -> List[int]:
    """Where weights may lie: as they are, and in the orders that the CPU prefers."""
    ggml = library()
    device = ggml.ggml_backend_get_device(_backend())
    find = ggml.ggml_backend_reg_get_proc_address(
        ggml.ggml_backend_dev_backend_reg(device), b"ggml_backend_dev_get_extra_bufts"
    )
    found = [ggml.ggml_backend_get_default_buffer_type(_backend())]
    if find:
        extra = ctypes.CFUNCTYPE(ctypes.POINTER(POINTER), POINTER)(find)(device)
        for kind in extra or ():
            if not kind:
                break
            found.append(kind)
    return found


def _type(name: str) -> int:
    return next(number for number in range(64) if library().ggml_type_name(number) == name.encode())


def blocks(codes: np.ndarray, scales: np.ndarray, bits: int) -> np.ndarray:
    """The bytes of Q8_0 or Q4_0: of every 32 columns, a scale and the codes."""
    groups = codes.reshape(len(codes), -1, 32)
    if bits == 4:
        raised = (groups + 8).astype(np.uint8)
        groups = raised[..., :16] | raised[..., 16:] << 4
    parts = [scales.astype(np.float16)[..., None].view(np.uint8), groups.view(np.uint8)]
    return np.concatenate(parts, axis=-1).reshape(len(codes), -1)


class _Tensors:
    """Tensors that live as long as this, in memory that is taken when all are known."""

    def __init__(self, room: int):
        self.context = library().ggml_init(_Parameters(room, None, True))
        weakref.finalize(self, library().ggml_free, self.context)

    def allocate(self, buffer_type: int) -> None:
        buffer = library().ggml_backend_alloc_ctx_tensors_from_buft(self.context, buffer_type)
        if not buffer:
            raise NotMeasured("ggml has no memory for the tensors")
        weakref.finalize(self, library().ggml_backend_buffer_free, buffer)


class _Product:
    """x W^T as a graph of one operation, with weights in one form."""

    def __init__(self, x: np.ndarray, data: np.ndarray, kind: int, buffer_type: int):
        ggml, tensor = library(), library().ggml_tensor_overhead()
        self._shape = (len(x), len(data))
        self._weights, self._others = _Tensors(tensor), _Tensors(2 * tensor + ggml.ggml_graph_overhead())
        others = self._others.context
        w = ggml.ggml_new_tensor_2d(self._weights.context, kind, x.shape[1], len(data))
        rows = ggml.ggml_new_tensor_2d(others, _type("f32"), x.shape[1], len(x))
        self._result = ggml.ggml_mul_mat(others, w, rows)
        self._graph = ggml.ggml_new_graph(others)
        ggml.ggml_build_forward_expand(self._graph, self._result)
        self._weights.allocate(buffer_type)
        self._others.allocate(ggml.ggml_backend_get_default_buffer_type(_backend()))
        device = ggml.ggml_backend_get_device(_backend())
        self.supported = ggml.ggml_backend_dev_supports_op(device, self._result)
        if self.supported:
            ggml.ggml_backend_tensor_set(w, address(data), 0, data.nbytes)
            ggml.ggml_backend_tensor_set(rows, address(x), 0, x.nbytes)

    def __call__(self) -> np.ndarray:
        if library().ggml_backend_graph_compute(_backend(), self._graph):
            raise NotMeasured("ggml could not compute the product")
        return self._results

    @functools.cached_property
    def _results(self) -> np.ndarray:
        """The memory of the result."""
        memory = (ctypes.c_float * math.prod(self._shape)).from_address(library().ggml_get_data(self._result))
        return np.frombuffer(memory, np.float32).reshape(self._shape)

    def seconds(self) -> float:
        def once() -> float:
            start = time.perf_counter()
            self()
            return time.perf_counter() - start

        return min(once() for _ in range(TRIALS))


def peer(x: np.ndarray, weights: Any, **options: Any) -> Peer:
    """llama.cpp's product with weights in its own format, ordered as it likes them best."""

    def prepare() -> Call:
        ggml, kind = library(), _type(f"q{weights.bits}_0")
        data = blocks(weights.codes, weights.scales, weights.bits)
        assert data.shape[1] == ggml.ggml_row_size(kind, x.shape[1])
        forms = [_Product(x, data, kind, buffer_type) for buffer_type in _buffer_types()]
        return min((form for form in forms if form.supported), key=_Product.seconds)

    return Peer("llama.cpp", prepare, **options)
