# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which function writes which op of PyTorch.

A lowering takes the importer, the node and the arguments of the op, with values of the function in place
of tensors, and gives the value of the node.
"""

from __future__ import annotations

from typing import Any, Callable, Dict

Lowering = Callable[..., Any]
LOWERINGS: Dict[Any, Lowering] = {}


def lower(*overloads: Any) -> Callable[[Lowering], Lowering]:
    def register(function: Lowering) -> Lowering:
        LOWERINGS.update(dict.fromkeys(overloads, function))
        return function

    return register
