# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calling ops on arrays: one compilation for each signature, whatever the sizes."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any, Callable, Dict, Hashable, List, NamedTuple, Sequence, TypeVar

import numpy as np

from effattn.arrays import ELEMENTS, as_stored, element_of, is_torch, kind_of
from effattn.compiled import Function
from effattn.compiler import compile
from effattn.error import Error
from effattn.ir.module import Module
from effattn.ops.op import KINDS, Call, Group, Place, refuse_element
from effattn.reference.operands import at_least, refuse

# How ``effattn.compile`` is told.
LOWERINGS = {"cpu": {}, "linalg": {"lowering": "linalg"}, "nvptx-emulated": {"target": "nvptx-emulated"}}
Result = TypeVar("Result")


class OnceByKey:
    """Makes a value once for each key, whichever threads ask; a failure is forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: Dict[Hashable, "Future[Any]"] = {}

    def get(self, key: Hashable, make: Callable[[], Result]) -> Result:
        future = self._values.get(key)
        if future is not None:
            return future.result()
        with self._lock:
            future, mine = self._values.get(key), False
            if future is None:
                future, mine = Future(), True
                self._values[key] = future
        if mine:
            try:
                future.set_result(make())
            except BaseException as problem:
                del self._values[key]
                interrupted = Error("another thread was to compile this, and was interrupted")
                future.set_exception(problem if isinstance(problem, Exception) else interrupted)
                raise
        return future.result()


_functions = OnceByKey()


# --- Operands ----------------------------------------------------------------------------------------

_PYTHON_ELEMENTS = {"F": "f32", "float": "f32", "int": "i64", "flag": "bool"}
_LARGEST_SIZE = 2**63 - 1
_PYTHON_KINDS = {"f": "fiu", "i": "iu", "b": "b"}


def _from_python(op: str, group: Group, value: Any) -> np.ndarray:
    """Numbers, nested lists and arrays of other libraries as NumPy's."""
    if hasattr(value, "__dlpack__"):
        try:
            return np.from_dlpack(value)
        except (BufferError, RuntimeError, TypeError, ValueError) as problem:
            # NumPy knows no bf16 in DLPack; libraries that have it offer an array of ml_dtypes' type.
            if hasattr(value, "__array__"):
                return np.asarray(value)
            raise refuse(op, f"cannot borrow the memory of {group.name}: {problem}") from None
    if not isinstance(value, (bool, int, float, list, tuple, range)):
        raise refuse(op, f"expected {group.name} to be an array, but got {type(value).__name__}")
    dtype = ELEMENTS[_PYTHON_ELEMENTS.get(group.kind, group.kind)].dtype
    try:
        found = np.asarray(value)
        array = found.astype(dtype)
    except (TypeError, ValueError, OverflowError):
        raise refuse_element(op, group, f"{value!r:.60}") from None
    known = found.dtype.kind in ("biu" if group.kind == "flag" else _PYTHON_KINDS[dtype.kind])
    if found.size and (not known or dtype.kind == "i" and (found != array).any()):
        raise refuse_element(op, group, f"{value!r:.60}")
    return array


def _narrow(op: str, name: str, array: Any) -> Any:
    """64-bit integers as 32-bit ones, refused where they do not fit."""
    if is_torch(array):
        import torch

        narrow = array.to(torch.int32)
    else:
        narrow = array.astype(np.int32)
    lost = narrow != array
    if bool(lost.any()):
        raise refuse(op, f"expected {name} to fit 32 bits, but got {int(array[lost].reshape(-1)[0])}")
    return narrow


def _as_signed(array: Any) -> Any:
    if is_torch(array):
        import torch

        return array.view(torch.int8)
    return array.view(np.int8)


class Operand(NamedTuple):
    """An array of a call, as a compiled function takes it."""

    group: Group
    array: Any
    element: str

    @property
    def form(self) -> Hashable:
        return self.group.name, self.element, len(self.array.shape)

    def type(self, name: str) -> str:
        """The type of the function's input ``name``; sizes have the op's own names."""
        rank, words = len(self.array.shape), list(self.group.dims)
        if self.group.kind == "size" or self.group.or_scalar and rank == 0:
            return self.element
        if words[:1] == [".."]:
            words[:1] = [f"L{i}" for i in range(rank - len(words) + 1)]
        for i, word in enumerate(words):
            if word == "_" or "|" in word:
                words[i] = f"{name}_{i}"
        return f"{self.element}[{' '.join(words)}]"


def as_operand(op: str, group: Group, value: Any) -> Operand:
    """``value`` as the operand wants it, or refused."""
    if group.kind == "size":
        if at_least(op, group.name, value, 0) > _LARGEST_SIZE:
            raise refuse(op, f"expected {group.name} to be at most {_LARGEST_SIZE}, but got {value}")
        return Operand(group, np.array(int(value)), "index")
    if is_torch(value):
        value = as_stored(value)
    elif not isinstance(value, (np.ndarray, np.generic)):
        value = _from_python(op, group, value)
    element = element_of(value)
    if group.kind == "flag" and element in ("i8", "ui8", "i32", "i64"):
        value, element = value != 0, "bool"
    if element == "i64" and group.kind == "i32":
        value, element = _narrow(op, group.name, value), "i32"
    elif element == "ui8" and group.kind == "bool":
        element = "bool"  # compiled functions take flags as bytes, too
    elif element == "ui8" and group.kind == "i8":
        value, element = _as_signed(value), "i8"
    elif element not in KINDS[group.kind]:
        raise refuse_element(op, group, element or str(value.dtype))
    group.check_rank(op, len(value.shape))
    return Operand(group, value, element)


# --- Calls -------------------------------------------------------------------------------------------


def _compile(call: Call, operands: Sequence[Operand], lowering: str) -> Function:
    """The op alone, in a function of its operands."""
    module = Module()
    function = module.function(call.op.name)
    inputs, names = [], set()
    for operand in operands:
        name = function.free_name(operand.group.name)
        inputs.append(function.input(name, operand.type(name)))
        names.add(name)
    results = call.op.write(function, call.replace(iter(inputs)))
    for group, value in zip(call.op.wanted(call), results):
        name = f"next_{group.name}" if group.state else group.name
        function.output(value, f"{name}_out" if name in names else name)
    try:
        return compile(module, **LOWERINGS[lowering]).function
    except Error as problem:
        # The place in IR that the user has not written says nothing.
        sentence = str(problem).partition("error: ")[2].partition("\n")[0]
        raise Error(sentence or str(problem)) from None


def run(call: Call, places: Sequence[Place], lowering: str, donate: bool) -> List[Any]:
    """The results for arrays, of the kind of the arrays."""
    operands = [as_operand(*place) for place in places]
    key = call.form, lowering, tuple([operand.form for operand in operands])
    function = _functions.get(key, lambda: _compile(call, operands, lowering))
    kind = kind_of([value for _, _, value in places])
    results = function.call([operand.array for operand in operands], kind, donate)
    return [r[()] if isinstance(r, np.ndarray) and r.ndim == 0 else r for r in results]
