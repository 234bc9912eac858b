# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What goes by element: bodies of linalg.generic, written number by number."""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Sequence, Union

from effattn.error import Error
from effattn.ir.arithmetic import generic, index_map
from effattn.ir.attributes import real_text
from effattn.ir.dims import ELEMENTS, Dim, Shape, shape_text
from effattn.ir.module import Function
from effattn.ir.tensor import Tensor

FLOATS = ("f16", "bf16", "f32", "f64")
Number = Union[bool, int, float]


class Value(NamedTuple):
    """A number in a body."""

    name: str
    element: str


def computed_in(element: str) -> str:
    """The type that numbers of a type are computed in."""
    return "f32" if element in ("f16", "bf16") else element


class Body:
    """The lines of a body under construction."""

    def __init__(self) -> None:
        self.lines: List[str] = []

    def _emit(self, text: str, element: str) -> Value:
        name = f"%t{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        return Value(name, element)

    def constant(self, number: Number, element: str) -> Value:
        if element == "bool":
            return self._emit(f"arith.constant {str(bool(number)).lower()}", element)
        text = real_text(number, 64 if element == "f64" else 32) if element in FLOATS else str(int(number))
        return self._emit(f"arith.constant {text} : {ELEMENTS[element]}", element)

    def op(self, name: str, *operands: Value, result: str = "") -> Value:
        """An op whose operands are of one type, which is that of the result unless it is said."""
        names = ", ".join(operand.name for operand in operands)
        element = operands[-1].element
        return self._emit(f"{name} {names} : {ELEMENTS[element]}", result or element)

    def place(self, dim: int) -> Value:
        """The place along a dimension, of type index."""
        return self._emit(f"linalg.index {dim} : index", "index")

    def index(self, dim: int, element: str) -> Value:
        """The same as a number."""
        integer = self._emit(f"arith.index_cast {self.place(dim).name} : index to i64", "i64")
        return self.cast(integer, element)

    def size(self, function: Function, dim: Dim) -> Value:
        """A size of the function."""
        return Value(f"@{function.size(dim)}", "index")

    def index_of(self, integer: Value) -> Value:
        """An i64 as a place."""
        return self._emit(f"arith.index_cast {integer.name} : i64 to index", "index")

    def extract(self, x: Tensor, places: Sequence[Value]) -> Value:
        """The element of a tensor of the function at places."""
        names = ", ".join(place.name for place in places)
        return self._emit(f"tensor.extract @{x.name}[{names}] : {x.type}", x.element)

    def typed(self, value: Union[Value, Number], element: str) -> Value:
        return self.cast(value, element) if isinstance(value, Value) else self.constant(value, element)

    def cast(self, x: Value, element: str) -> Value:
        source = x.element
        if source == element:
            return x
        if element == "bool":
            zero = self.constant(0, source)
            name = "arith.cmpf une," if source in FLOATS else "arith.cmpi ne,"
            return self.op(name, x, zero, result="bool")
        to_float, from_float = element in FLOATS, source in FLOATS
        if to_float and from_float:
            if {source, element} == {"f16", "bf16"}:
                return self.cast(self.cast(x, "f32"), element)
            name = "extf" if _bits(element) > _bits(source) else "truncf"
        elif to_float:
            name = "uitofp" if source in ("bool", "ui8") else "sitofp"
        elif from_float:
            name = "fptosi"
        elif _bits(element) < _bits(source):
            name = "trunci"
        else:
            name = "extui" if source in ("bool", "ui8") else "extsi"
        return self._emit(f"arith.{name} {x.name} : {ELEMENTS[source]} to {ELEMENTS[element]}", element)


def _bits(element: str) -> int:
    digits = "".join(filter(str.isdigit, element))
    return int(digits) if digits else 1


Compute = Callable[..., Value]
"""Takes a body and the numbers of the operands, and gives the result."""


def pointwise(
    function: Function,
    hint: str,
    operands: Sequence[Union[Tensor, Number]],
    element: str,
    shape: Shape,
    compute: Compute,
) -> Tensor:
    """The result of ``compute`` for every element; operands are matched from their last dimension."""
    body, arguments, inputs, values = Body(), [], [], []
    for operand in operands:
        if isinstance(operand, Tensor):
            values.append(Value(f"%x{len(inputs)}", operand.element))
            arguments.append(f"%x{len(inputs)}: {ELEMENTS[operand.element]}")
            inputs.append((operand, _matched(operand.shape, shape)))
        else:
            values.append(operand)
    result = body.cast(compute(body, *values), element)
    kind = ELEMENTS[element]
    arguments.append(f"%out: {kind}")
    lines = [f"^bb0({', '.join(arguments)}):", *body.lines, f"linalg.yield {result.name} : {kind}"]
    return generic(function, hint, inputs, element, shape, lines)


def _matched(small: Sequence[Dim], large: Sequence[Dim]) -> str:
    """How a smaller tensor is read in a loop over a larger shape."""
    first = len(large) - len(small)
    dims: List[Union[int, str]] = []
    for i, size in enumerate(small):
        if first < 0 or size not in (1, large[first + i]):
            raise Error(f"expected {shape_text(small)} to match {shape_text(large)} from the last dimension")
        dims.append(first + i if size == large[first + i] else "0")
    return index_map(len(large), dims)
