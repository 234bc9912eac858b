# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Symbolic sizes of PyTorch as sizes of a function."""

from __future__ import annotations

from typing import Any, Dict, Sequence, Tuple

import sympy
import torch
from torch.utils._sympy import functions as symbolic

from effattn.error import Error
from effattn.ir import Function
from effattn.ir.dims import Dim, product

_OPS = {
    sympy.Add: "arith.addi",
    sympy.Mul: "arith.muli",
    symbolic.FloorDiv: "arith.floordivsi",
    symbolic.CleanDiv: "arith.floordivsi",
    symbolic.Mod: "arith.remsi",
    symbolic.PythonMod: "arith.remsi",
    symbolic.Max: "arith.maxsi",
    symbolic.Min: "arith.minsi",
    sympy.Max: "arith.maxsi",
    sympy.Min: "arith.minsi",
}


class Sizes:
    """The sizes of a function under the symbols that a program has for them."""

    def __init__(self, function: Function):
        self.function = function
        self._known: Dict[Any, Dim] = {}

    def name_inputs(self, shape: Sequence[Any]) -> None:
        """Name the sizes of an input that no earlier one has."""
        for size in shape:
            expression = _expression(size)
            if isinstance(expression, sympy.Symbol):
                self._known.setdefault(expression, f"S{len(self._known)}")

    def bind(self, shape: Sequence[Any], dims: Sequence[Dim]) -> None:
        """Learn the sizes of a result that the function has computed."""
        for size, dim in zip(shape, dims):
            expression = _expression(size)
            if isinstance(expression, sympy.Symbol):
                self._known.setdefault(expression, dim)

    def shape(self, shape: Sequence[Any]) -> Tuple[Dim, ...]:
        return tuple(map(self.dim, shape))

    def dim(self, size: Any) -> Dim:
        expression = _expression(size)
        if expression not in self._known:
            self._known[expression] = self._compute(expression)
        return self._known[expression]

    def _compute(self, expression: Any) -> Dim:
        if expression.is_Integer:
            return int(expression)
        if expression.is_Pow and expression.exp.is_Integer and expression.exp > 0:
            return product([self.dim(expression.base)] * int(expression.exp))
        parts = [self.dim(part) for part in expression.args]
        if expression.is_Mul and all(isinstance(part, str) or part >= 0 for part in parts):
            return product(parts)
        if type(expression) not in _OPS:
            raise Error(f"cannot compute the size {expression}")
        values = [self.index(part) for part in parts]
        value = values[0]
        for other in values[1:]:
            name = self.function.fresh("size")
            self.function.emit(f"{name} = {_OPS[type(expression)]} {value}, {other} : index")
            value = name
        return self.function.define_size("S", value)

    def index(self, dim: Dim) -> str:
        """The name of the index that holds a size, or a number below 0."""
        return self.function.size(dim)


def _expression(size: Any) -> Any:
    return size.node.expr if isinstance(size, torch.SymInt) else sympy.sympify(size)
