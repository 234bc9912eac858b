# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arrays between pages that nobody may touch: code that reads or writes beside them crashes.

Sanitizers do not see compiled functions, which allocate and index by themselves.
"""

import ctypes
import math
import mmap

import numpy as np

from effattn import arrays

_libc = ctypes.CDLL(None, use_errno=True)
_NO_ACCESS = 0


def guarded(shape, dtype, at_end=True):
    """An array that ends at the second of two forbidden pages, or starts behind the first."""
    dtype, page = np.dtype(dtype), mmap.PAGESIZE
    used = math.prod(shape) * dtype.itemsize
    pages = max(-(-used // page), 1)
    # The array keeps the memory, which goes back with all its pages.
    memory = mmap.mmap(-1, (pages + 2) * page)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for place in (0, pages + 1):
        start = ctypes.c_void_p(address + place * page)
        if _libc.mprotect(start, ctypes.c_size_t(page), _NO_ACCESS):
            raise OSError(ctypes.get_errno(), "mprotect")
    offset = page + (pages * page - used if at_end else 0)
    return np.frombuffer(memory, np.uint8, used, offset).view(dtype).reshape(shape)


def copy(array, at_end=True):
    found = guarded(array.shape, array.dtype, at_end)
    found[...] = array
    return found


RESULTS = arrays.NUMPY._replace(allocate=lambda shape, element: guarded(shape, element.dtype))
"""Allocates the results of calls: to stand in for ``arrays.NUMPY``."""
