"""Compile IR ahead of time and call it with NumPy arrays.

``compile_ir(text)`` runs effattn-compile on the text and loads the shared
library; ``library.f(*arrays)`` calls the function ``f`` over its C interface
(DLPack tensors) and returns what it gives. One compilation per text and flags
is kept for the session.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
from collections.abc import Callable

import ml_dtypes
import numpy as np

SOURCE = pathlib.Path(__file__).resolve().parents[2]
# Whether compiled code is to check its loads and stores.
SANITIZE = os.environ.get("EFFATTN_SANITIZE") == "address"
BUILD = pathlib.Path(os.environ.get("EFFATTN_BUILD_DIR", SOURCE / "build"))

# What all functions are compiled for.
TARGET = os.environ.get("EFFATTN_TARGET", "cpu")
# In which orders the emulator is to run all threads: "0 1 2". Where a test sets
# EFFATTN_EMULATOR_SEED, it means that one.
SEEDS = os.environ.get("EFFATTN_EMULATOR_SEEDS", "").split() or ["0"]

# DLPack type codes; bool is 6.
_CODES = {
    np.dtype(np.bool_): (6, 8),
    np.dtype(np.uint8): (1, 8),
    np.dtype(np.int8): (0, 8),
    np.dtype(np.int16): (0, 16),
    np.dtype(np.int32): (0, 32),
    np.dtype(np.int64): (0, 64),
    np.dtype(np.float16): (2, 16),
    np.dtype(np.float32): (2, 32),
    np.dtype(np.float64): (2, 64),
    np.dtype(ml_dtypes.bfloat16): (4, 16),
}
_DTYPES = {
    "bool": np.bool_,
    "i8": np.int8,
    "ui8": np.uint8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "f32": np.float32,
    "f64": np.float64,
}


class DLTensor(ctypes.Structure):
    """``DLTensor`` of dlpack.h."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


# Of effattn.h: what an error of a device gives.
BAD_DEVICE = 5


class CallError(Exception):
    """A compiled function returned an error; ``code`` says which kind."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


class CompileError(Exception):
    """effattn-compile refused the IR; the text is what it said."""


def as_dl_tensor(array: np.ndarray) -> DLTensor:
    """Describe ``array`` without copying; the array must stay alive."""
    code, bits = _CODES[array.dtype]
    shape = (ctypes.c_int64 * array.ndim)(*array.shape)
    strides = (ctypes.c_int64 * array.ndim)(*(s // array.itemsize for s in array.strides))
    return DLTensor(array.ctypes.data, 1, 0, array.ndim, code, bits, 1, shape, strides, 0)


def _pointers(tensors: list[DLTensor]):
    array = (ctypes.POINTER(DLTensor) * max(len(tensors), 1))()
    for i, tensor in enumerate(tensors):
        array[i] = ctypes.pointer(tensor)
    return array


class Function:
    """One compiled function; call it with arrays in the order of its inputs."""

    def __init__(self, library: ctypes.CDLL, name: str):
        self._library = library
        self._call = getattr(library, name)
        self._shapes = getattr(library, name + "_output_shapes")
        text = ctypes.c_char.in_dll(library, name + "_signature")
        self.signature = json.loads(ctypes.string_at(ctypes.addressof(text)))
        library.effattn_last_error.restype = ctypes.c_char_p

    def _check(self, code: int) -> None:
        if code:
            raise CallError(code, self._library.effattn_last_error().decode())

    def output_shapes(self, *inputs: np.ndarray) -> list[tuple[int, ...]]:
        """Sizes of the outputs for these inputs; -1 where data decides."""
        outputs = self.signature["outputs"]
        buffers = [(ctypes.c_int64 * max(len(o["shape"]), 1))() for o in outputs]
        pointers = (ctypes.POINTER(ctypes.c_int64) * max(len(outputs), 1))(
            *(ctypes.cast(b, ctypes.POINTER(ctypes.c_int64)) for b in buffers)
        )
        tensors = [as_dl_tensor(a) for a in inputs]
        self._check(self._shapes(_pointers(tensors), pointers))
        return [tuple(b[: len(o["shape"])]) for o, b in zip(outputs, buffers)]

    def into(self, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> None:
        """Call with outputs of the caller, which are overwritten."""

        def call() -> None:
            self._check(
                self._call(
                    _pointers([as_dl_tensor(a) for a in inputs]),
                    _pointers([as_dl_tensor(a) for a in outputs]),
                )
            )

        # Tests that measure time are not to measure copies.
        if not _has_orders():
            return call()
        before = [output.copy() for output in outputs]

        def call_again() -> tuple[np.ndarray, ...]:
            for output, old in zip(outputs, before):
                np.copyto(output, old)
            call()
            return tuple(output.copy() for output in outputs)

        _in_any_order(call_again)

    def __call__(self, *inputs) -> tuple[np.ndarray, ...]:
        arrays = [
            np.asarray(value, dtype=_DTYPES[entry["type"]])
            if np.isscalar(value)
            else value
            for value, entry in zip(inputs, self.signature["inputs"])
        ]
        return _in_any_order(lambda: self._call_once(arrays))

    def _call_once(self, arrays: list[np.ndarray]) -> tuple[np.ndarray, ...]:
        tensors, owned = [], []
        for entry, shape in zip(self.signature["outputs"], self.output_shapes(*arrays)):
            dtype = np.dtype(_DTYPES[entry["type"]])
            if -1 in shape:
                code, bits = _CODES[dtype]
                sizes = (ctypes.c_int64 * len(shape))()
                tensors.append(DLTensor(None, 1, 0, len(shape), code, bits, 1, sizes, None, 0))
                owned.append(dtype)
            else:
                array = np.empty(shape, dtype)
                tensors.append(as_dl_tensor(array))
                owned.append(array)
        self._check(
            self._call(_pointers([as_dl_tensor(a) for a in arrays]), _pointers(tensors))
        )
        return tuple(
            item if isinstance(item, np.ndarray) else _take_over(tensor, item)
            for tensor, item in zip(tensors, owned)
        )


def _has_orders() -> bool:
    return len(SEEDS) > 1 and "EFFATTN_EMULATOR_SEED" not in os.environ


def _in_any_order(call: Callable[[], tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    """Results of the call, which every order of the threads gives to the bit."""
    if not _has_orders():
        return call()
    outcomes = []
    try:
        for seed in SEEDS:
            os.environ["EFFATTN_EMULATOR_SEED"] = seed
            try:
                outcomes.append(call())
            except CallError as error:
                outcomes.append(error)
    finally:
        os.environ.pop("EFFATTN_EMULATOR_SEED", None)
    first = outcomes[0]
    for seed, other in zip(SEEDS[1:], outcomes[1:]):
        assert _describe(other) == _describe(first), f"seed {seed} does not give what {SEEDS[0]} gives"
    if isinstance(first, CallError):
        raise first
    return first


def _describe(outcome: tuple[np.ndarray, ...] | CallError) -> list:
    """What must not differ between two calls of one function.

    A fault of the device is the first that a thread comes upon.
    """
    if isinstance(outcome, CallError):
        return [outcome.code, *([] if outcome.code == BAD_DEVICE else [str(outcome)])]
    return [(result.shape, result.tobytes()) for result in outcome]


def _take_over(tensor: DLTensor, dtype: np.dtype) -> np.ndarray:
    """Copy what the callee allocated, and free it."""
    shape = tuple(tensor.shape[: tensor.ndim])
    count = int(np.prod(shape, dtype=np.int64))
    data = ctypes.string_at(tensor.data, count * dtype.itemsize) if count else b""
    assert tensor.data is None or tensor.data % 64 == 0
    ctypes.CDLL(None).free(ctypes.c_void_p(tensor.data))
    return np.frombuffer(data, dtype).reshape(shape).copy()


class Library:
    """A loaded shared library; its functions are attributes."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self._library = ctypes.CDLL(str(path))

    @functools.lru_cache(maxsize=None)
    def __getattr__(self, name: str) -> Function:
        if name.startswith("__"):
            raise AttributeError(name)
        return Function(self._library, name)


def _link_with_sanitizer(ir: str, library: pathlib.Path) -> None:
    """A library of the very code, each of whose loads and stores is checked.

    The process must have AddressSanitizer's runtime from its start: see build.sh.
    """
    checked = re.sub(r"^(define .*) \{$", r"\1 sanitize_address {", ir, flags=re.MULTILINE)
    command = [
        "clang-22", "-x", "ir", "-", "-o", str(library), "-O1", "-shared", "-fPIC",
        "-fsanitize=address", "-shared-libasan", "-Wno-override-module", "-l:libomp.so.5", "-lm",
    ]  # fmt: skip
    subprocess.run(command, input=checked, text=True, check=True)


_folder = tempfile.TemporaryDirectory(prefix="effattn-test-")


@functools.lru_cache(maxsize=None)
def compile_ir(text: str, *flags: str) -> Library:
    """Compile IR with effattn-compile and load the result."""
    key = hashlib.sha256("\0".join((text, *flags)).encode()).hexdigest()[:16]
    library = pathlib.Path(_folder.name) / f"{key}.so"
    output = "-" if SANITIZE else str(library)
    stage = ["--emit=llvm-ir"] if SANITIZE else []
    command = [str(BUILD / "bin" / "effattn-compile"), "-", "-o", output, *stage]
    command += [f"--target={TARGET}", *flags]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode:
        raise CompileError(done.stderr.strip())
    if SANITIZE:
        _link_with_sanitizer(done.stdout, library)
    return Library(library)


def assert_close(got: np.ndarray, want: np.ndarray, tolerance: float) -> None:
    """Error relative to 1 + |x| within ``tolerance``; NaN and infinities equal."""
    got = np.asarray(got, dtype=np.float64)
    want = np.asarray(want, dtype=np.float64)
    assert got.shape == want.shape, (got.shape, want.shape)
    finite = np.isfinite(want)
    np.testing.assert_array_equal(got[~finite], want[~finite])
    error = np.abs(got[finite] - want[finite]) / (1 + np.abs(want[finite]))
    assert np.all(np.isfinite(got[finite])), "finite in the reference, not here"
    assert error.size == 0 or error.max() <= tolerance, (
        f"largest error {error.max():.3g} exceeds {tolerance:.3g}"
    )
