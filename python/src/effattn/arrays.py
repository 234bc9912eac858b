# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Element types, and results in the kind of array that a call was given."""

from __future__ import annotations

import collections
import functools
import sys
from typing import Any, Callable, Dict, Iterable, NamedTuple, Optional, Tuple

import ml_dtypes
import numpy as np


class Element(NamedTuple):
    """An element type under the name that signatures use."""

    name: str
    dtype: np.dtype
    dlpack: Tuple[int, int]
    """DLPack's code and bits."""


_SIGNED, _UNSIGNED, _FLOAT, _BFLOAT, _BOOL = 0, 1, 2, 4, 6

ELEMENTS: Dict[str, Element] = {
    name: Element(name, np.dtype(dtype), (code, 8 * np.dtype(dtype).itemsize))
    for name, dtype, code in (
        ("bool", np.bool_, _BOOL),
        ("i8", np.int8, _SIGNED),
        ("ui8", np.uint8, _UNSIGNED),
        ("i16", np.int16, _SIGNED),
        ("i32", np.int32, _SIGNED),
        ("i64", np.int64, _SIGNED),
        ("f16", np.float16, _FLOAT),
        ("bf16", ml_dtypes.bfloat16, _BFLOAT),
        ("f32", np.float32, _FLOAT),
        ("f64", np.float64, _FLOAT),
    )
}


_NAMES = {element.dtype: element.name for element in ELEMENTS.values()}


def element_of(array: Any) -> Optional[str]:
    """The name of an array's element type; nothing for other types and for what is no array."""
    if isinstance(array, (np.ndarray, np.generic)):
        return _NAMES.get(array.dtype)
    return _torch_names()[array.dtype] if is_torch(array) else None


class Kind(NamedTuple):
    """What the results of a call are, going by its operands."""

    allocate: Callable[[Tuple[int, ...], Element], Any]
    adopt: Callable[[np.ndarray, Element], Any]
    """Makes an array of memory that a function has allocated; it comes as unsigned integers."""
    finish: Optional[Callable[[Any], Any]] = None
    """Converts a result at the end."""


def _allocate_numpy(shape: Tuple[int, ...], element: Element) -> np.ndarray:
    return np.empty(shape, element.dtype)


def _adopt_numpy(bits: np.ndarray, element: Element) -> np.ndarray:
    return bits.view(element.dtype)


NUMPY = Kind(_allocate_numpy, _adopt_numpy)


@functools.lru_cache(maxsize=None)
def _torch_types() -> Dict[str, Any]:
    import torch

    return {name: getattr(torch, str(element.dtype)) for name, element in ELEMENTS.items()}


@functools.lru_cache(maxsize=None)
def _torch_names() -> Dict[Any, Optional[str]]:
    return collections.defaultdict(lambda: None, {dtype: name for name, dtype in _torch_types().items()})


@functools.lru_cache(maxsize=None)
def _torch_kind() -> Kind:
    import torch

    types = _torch_types()

    def allocate(shape: Tuple[int, ...], element: Element) -> Any:
        return torch.empty(shape, dtype=types[element.name])

    def adopt(bits: np.ndarray, element: Element) -> Any:
        return torch.from_numpy(bits.view(f"i{bits.itemsize}")).view(types[element.name])

    return Kind(allocate, adopt)


def is_torch(array: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def as_stored(array: Any) -> Any:
    """The array, copied where it is a view of PyTorch's that changes signs on reading: DLPack drops that."""
    return array.resolve_neg() if is_torch(array) and array.is_neg() else array


def kind_of(arrays: Iterable[Any]) -> Kind:
    """The kind of the first array that is not NumPy's; NumPy's without one."""
    for array in arrays:
        if isinstance(array, (np.ndarray, np.generic, int, float)):
            continue
        if is_torch(array):
            return _torch_kind()
        if hasattr(array, "__array_namespace__"):
            return Kind(_allocate_numpy, _adopt_numpy, array.__array_namespace__().asarray)
    return NUMPY
