# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ops of PyTorch by element: arithmetic, comparisons, choices, casts."""

from __future__ import annotations

import math
from typing import Any, Callable, Optional, Sequence

import torch

from effattn.arrays import element_of
from effattn.error import Error
from effattn.ir.tensor import Tensor
from effattn.torch.importer.registry import lower
from effattn.torch.importer.scalars import FLOATS, Body, Value, computed_in, pointwise

_aten = torch.ops.aten


def _by_element(overloads: Sequence[Any], compute: Callable[..., Value], kind: Optional[str] = None) -> None:
    """Register ops of which the first operands are numbers or tensors, all in one type.

    They are computed in ``kind``, or in what PyTorch makes of the operands' types.
    """

    def write(importer: Any, node: Any, *operands: Any, **options: Any) -> Tensor:
        if options.pop("alpha", 1) != 1:
            raise Error("there is no lowering with alpha")
        operands = tuple(number(importer, operand) for operand in operands)
        element = kind or _common(importer, node)

        def body(b: Body, *values: Any) -> Value:
            return compute(b, *[b.typed(value, element) for value in values])

        return pointwise(
            importer.function, _hint(node), operands, importer.element(node), importer.shape(node), body
        )

    lower(*overloads)(write)


def number(importer: Any, value: Any) -> Any:
    """A size that is no number as a tensor of rank 0."""
    if not isinstance(value, torch.SymInt):
        return value
    function = importer.function
    integer = function.fresh("count")
    size = function.size(importer.sizes.dim(value))
    function.emit(f"{integer} = arith.index_cast {size} : index to i64")
    result = function.result("i64", (), "count")
    function.emit(f"{result.name} = tensor.from_elements {integer} : {result.type}")
    return result


def _hint(node: Any) -> str:
    return node.target._schema.name.partition("::")[2].strip("_")


def _common(importer: Any, node: Any) -> str:
    """The type that the operands are computed in."""
    values = [arg.meta["val"] if isinstance(arg, torch.fx.Node) else arg for arg in node.args]
    values = [1 if isinstance(value, torch.SymInt) else value for value in values]
    dtype = values[0].dtype if len(values) == 1 else torch.result_type(*values)
    found, result = element_of(torch.empty((), dtype=dtype)), importer.element(node)
    # Divisions and functions of integers are real.
    return computed_in(result if result in FLOATS and found not in FLOATS else found or result)


def _arithmetic(on_floats: str, on_integers: str) -> Callable[..., Value]:
    return lambda b, x, y: b.op(on_floats if x.element in FLOATS else on_integers, x, y)


def _compared(on_floats: str, on_integers: str, on_flags: str) -> Callable[..., Value]:
    def compute(b: Body, x: Value, y: Value) -> Value:
        if x.element in FLOATS:
            return b.op(f"arith.cmpf {on_floats},", x, y, result="bool")
        predicate = on_flags if x.element == "bool" else on_integers
        return b.op(f"arith.cmpi {predicate},", x, y, result="bool")

    return compute


def _function(name: str) -> Callable[..., Value]:
    return lambda b, *values: b.op(name, *values)


def _negative(b: Body, x: Value) -> Value:
    return b.op("arith.negf", x) if x.element in FLOATS else b.op("arith.subi", b.constant(0, x.element), x)


def _absolute(b: Body, x: Value) -> Value:
    return b.op("math.absf" if x.element in FLOATS else "math.absi", x)


def _sigmoid(b: Body, x: Value) -> Value:
    one = b.constant(1, x.element)
    return b.op("arith.divf", one, b.op("arith.addf", one, b.op("math.exp", b.op("arith.negf", x))))


def _silu(b: Body, x: Value) -> Value:
    return b.op("arith.mulf", x, _sigmoid(b, x))


def _relu(b: Body, x: Value) -> Value:
    return b.op("arith.maximumf" if x.element in FLOATS else "arith.maxsi", x, b.constant(0, x.element))


def _reciprocal(b: Body, x: Value) -> Value:
    return b.op("arith.divf", b.constant(1, x.element), x)


def _power(b: Body, x: Value, y: Value) -> Value:
    if x.element not in FLOATS:
        raise Error("there is no lowering of powers of integers")
    return b.op("math.powf", x, y)


add = _arithmetic("arith.addf", "arith.addi")
multiply = _arithmetic("arith.mulf", "arith.muli")
_BINARY = {
    "add": add,
    "sub": _arithmetic("arith.subf", "arith.subi"),
    "mul": multiply,
    "eq": _compared("oeq", "eq", "eq"),
    "ne": _compared("une", "ne", "ne"),
    "lt": _compared("olt", "slt", "ult"),
    "le": _compared("ole", "sle", "ule"),
    "gt": _compared("ogt", "sgt", "ugt"),
    "ge": _compared("oge", "sge", "uge"),
}
for _name, _compute in _BINARY.items():
    _by_element([getattr(getattr(_aten, _name), kind) for kind in ("Tensor", "Scalar")], _compute)
_by_element([_aten.div.Tensor, _aten.div.Scalar], _function("arith.divf"))
_by_element([_aten.maximum.default], _arithmetic("arith.maximumf", "arith.maxsi"))
_by_element([_aten.minimum.default], _arithmetic("arith.minimumf", "arith.minsi"))
_by_element([_aten.pow.Tensor_Tensor], _power)
_by_element([_aten.bitwise_and.Tensor], _arithmetic("", "arith.andi"))
_by_element([_aten.bitwise_or.Tensor], _arithmetic("", "arith.ori"))
_by_element([_aten.logical_and.default], _arithmetic("", "arith.andi"), kind="bool")
_by_element([_aten.logical_or.default], _arithmetic("", "arith.ori"), kind="bool")
_by_element(
    [_aten.logical_not.default],
    lambda b, x: b.op("arith.xori", x, b.constant(True, "bool")),
    kind="bool",
)
_UNARY = {
    "neg": _negative,
    "abs": _absolute,
    "exp": _function("math.exp"),
    "log": _function("math.log"),
    "sqrt": _function("math.sqrt"),
    "rsqrt": _function("math.rsqrt"),
    "sin": _function("math.sin"),
    "cos": _function("math.cos"),
    "tanh": _function("math.tanh"),
    "erf": _function("math.erf"),
    "floor": _function("math.floor"),
    "ceil": _function("math.ceil"),
    "sigmoid": _sigmoid,
    "silu": _silu,
    "relu": _relu,
    "reciprocal": _reciprocal,
}
for _name, _compute in _UNARY.items():
    _by_element([getattr(_aten, _name).default], _compute)


@lower(_aten.bitwise_not.default)
def _bitwise_not(importer: Any, node: Any, x: Tensor) -> Tensor:
    def flip(b: Body, value: Value) -> Value:
        return b.op("arith.xori", value, b.constant(True if x.element == "bool" else -1, x.element))

    return pointwise(importer.function, "not", [x], x.element, x.shape, flip)


@lower(_aten.pow.Tensor_Scalar)
def _power_of(importer: Any, node: Any, x: Tensor, exponent: float) -> Tensor:
    element = computed_in(importer.element(node))

    def raise_(b: Body, value: Value) -> Value:
        value = b.cast(value, element)
        if exponent in (1, 2, 3):
            factors = [value] * int(exponent)
            result = factors.pop()
            for factor in factors:
                result = multiply(b, result, factor)
            return result
        return _power(b, value, b.constant(exponent, element))

    return pointwise(importer.function, "pow", [x], importer.element(node), x.shape, raise_)


@lower(_aten.div.Tensor_mode, _aten.div.Scalar_mode)
def _whole_division(importer: Any, node: Any, x: Tensor, y: Any, *, rounding_mode: Optional[str]) -> Tensor:
    element = _common(importer, node)
    if rounding_mode != "floor" or element not in FLOATS and (not isinstance(y, int) or y == 0):
        raise Error("there is no lowering but of floors, and of integers by a number that is known and not 0")

    def divide(b: Body, value: Value, by: Any) -> Value:
        value, by = b.cast(value, element), b.typed(by, element)
        if element in FLOATS:
            return b.op("math.floor", b.op("arith.divf", value, by))
        return b.op("arith.floordivsi", value, by)

    return pointwise(importer.function, "div", [x, y], importer.element(node), importer.shape(node), divide)


@lower(_aten.gelu.default)
def _gelu(importer: Any, node: Any, x: Tensor, approximate: str = "none") -> Tensor:
    def compute(b: Body, value: Value) -> Value:
        value = b.cast(value, computed_in(x.element))

        def constant(number: float) -> Value:
            return b.constant(number, value.element)

        def times(*factors: Value) -> Value:
            result = factors[0]
            for factor in factors[1:]:
                result = b.op("arith.mulf", result, factor)
            return result

        if approximate == "tanh":
            cube = times(constant(0.044715), value, value, value)
            bent = times(constant(math.sqrt(2 / math.pi)), b.op("arith.addf", value, cube))
            share = b.op("math.tanh", bent)
        else:
            share = b.op("math.erf", times(value, constant(math.sqrt(0.5))))
        return times(constant(0.5), value, b.op("arith.addf", constant(1.0), share))

    return pointwise(importer.function, "gelu", [x], x.element, x.shape, compute)


@lower(_aten.clamp.default)
def _clamp(importer: Any, node: Any, x: Tensor, least: Any = None, most: Any = None) -> Tensor:
    element = computed_in(importer.element(node))

    def bound(b: Body, value: Value) -> Value:
        value = b.cast(value, element)
        for limit, names in ((least, ("maximumf", "maxsi")), (most, ("minimumf", "minsi"))):
            if limit is not None:
                value = b.op(f"arith.{names[element not in FLOATS]}", value, b.constant(limit, element))
        return value

    return pointwise(importer.function, "clamp", [x], importer.element(node), x.shape, bound)


@lower(_aten.where.self)
def _where(importer: Any, node: Any, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    element = importer.element(node)

    def choose(b: Body, flag: Value, first: Value, second: Value) -> Value:
        flag, first, second = b.cast(flag, "bool"), b.cast(first, element), b.cast(second, element)
        return b.op("arith.select", flag, first, second)

    operands = [condition, x, y]
    return pointwise(importer.function, "where", operands, element, importer.shape(node), choose)


@lower(
    _aten._to_copy.default,
    _aten.to.dtype,
    _aten.clone.default,
    _aten.alias.default,
    _aten.detach.default,
    _aten.lift_fresh_copy.default,
    _aten.contiguous.default,
    _aten.expand.default,
)
def _same_numbers(importer: Any, node: Any, x: Tensor, *args: Any, **options: Any) -> Tensor:
    element, shape = importer.element(node), importer.shape(node)
    if (element, shape) == (x.element, x.shape):
        return x
    return pointwise(importer.function, _hint(node), [x], element, shape, lambda b, value: value)
