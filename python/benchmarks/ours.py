# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Our side: the ordinary way of a user, with results in memory that is kept from call to call."""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, List, Sequence

import numpy as np

import effattn
from effattn.arrays import NUMPY, Kind


@functools.lru_cache(maxsize=None)
def compile_text(text: str) -> effattn.Compiled:
    """One compilation for all sizes."""
    return effattn.compile(text)


def function(name: str, inputs: Dict[str, str], body: Callable[..., Any]) -> effattn.Compiled:
    """A compiled function: types of the inputs by name, and what is computed from them."""
    module = effattn.Module()
    f = module.function(name)
    results = body(*(f.input(key, kind) for key, kind in inputs.items()))
    for value in results if isinstance(results, tuple) else (results,):
        f.output(value)
    return compile_text(str(module))


def bind(
    compiled: effattn.Compiled, arrays: Sequence[Any], donate: Any = ()
) -> Callable[[], List[np.ndarray]]:
    """A call with these arrays. Results are allocated by the first call and overwritten by later ones."""
    function, kept, place = compiled.function, [], 0
    arrays = list(arrays)

    def allocate(shape, element):
        nonlocal place
        if place == len(kept):
            kept.append(np.empty(shape, element.dtype))
        place += 1
        return kept[place - 1]

    kind = Kind(allocate, NUMPY.adopt)

    def call():
        nonlocal place
        place = 0
        return function.call(arrays, kind, donate)

    return call
