# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Efficient attention: a compiler of IR to functions on arrays, and what every op means.

``compile`` and ``load`` give functions that take NumPy, PyTorch or other DLPack arrays; ``ops`` are the
ops of the dialect on such arrays, and ``Module`` writes IR with them.
``effattn.reference`` says in NumPy float64 what every op means; ``effattn.compress`` makes smaller
embedding tables; ``effattn.plot`` draws.
"""

import importlib
from typing import TYPE_CHECKING, Any, List

from effattn.error import Error

if TYPE_CHECKING:
    from effattn.compiled import Compiled, load
    from effattn.compiler import compile
    from effattn.ir import Module, Tensor

    __version__: str

__all__ = ["Compiled", "Error", "Module", "Tensor", "__version__", "compile", "load", "ops"]

# The reference and the pictures do without the compiler, so it is loaded when it is first used.
_LAZY = {
    "Compiled": "effattn.compiled",
    "Module": "effattn.ir",
    "Tensor": "effattn.ir",
    "__version__": "effattn._native",
    "compile": "effattn.compiler",
    "load": "effattn.compiled",
}
_SUBMODULES = ("compress", "models", "ops", "plot", "reference", "torch")


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"effattn.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module 'effattn' has no attribute '{name}'")
    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted({*__all__, *_SUBMODULES})
