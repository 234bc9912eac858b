# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ops of PyTorch: how each is written.

A lowering takes the importer, the node and the arguments of the op, with values of the function in place
of tensors, and gives the value of the node.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import torch

from effattn import ops
from effattn.arrays import element_of
from effattn.error import Error
from effattn.ir import arithmetic, shapes
from effattn.ir.dims import Shape
from effattn.ir.tensor import Scalar, Tensor
from effattn.torch.importer.scalars import FLOATS, Body, Value, computed_in, pointwise

_aten = torch.ops.aten
Lowering = Callable[..., Any]
LOWERINGS: Dict[Any, Lowering] = {}
KEPT = (
    _aten.linear.default,
    _aten.matmul.default,
    _aten.scaled_dot_product_attention.default,
    _aten.silu.default,
    _aten.layer_norm.default,
    _aten.softmax.int,
)
"""Ops that PyTorch would take apart and that are written whole."""


def _lower(*overloads: Any) -> Callable[[Lowering], Lowering]:
    def register(function: Lowering) -> Lowering:
        LOWERINGS.update(dict.fromkeys(overloads, function))
        return function

    return register


# --- By element --------------------------------------------------------------------------------------


def _by_element(overloads: Sequence[Any], compute: Callable[..., Value], kind: Optional[str] = None) -> None:
    """Register ops of which the first operands are numbers or tensors, all in one type.

    They are computed in ``kind``, or in what PyTorch makes of the operands' types.
    """

    def lower(importer: Any, node: Any, *operands: Any, **options: Any) -> Tensor:
        if options.pop("alpha", 1) != 1:
            raise Error("there is no lowering with alpha")
        operands = tuple(_number(importer, operand) for operand in operands)
        element = kind or _common(importer, node)

        def body(b: Body, *values: Any) -> Value:
            return compute(b, *[_typed(b, value, element) for value in values])

        return pointwise(
            importer.function, _hint(node), operands, importer.element(node), importer.shape(node), body
        )

    _lower(*overloads)(lower)


def _number(importer: Any, value: Any) -> Any:
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


def _typed(b: Body, value: Any, element: str) -> Value:
    return b.cast(value, element) if isinstance(value, Value) else b.constant(value, element)


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


_BINARY = {
    "add": _arithmetic("arith.addf", "arith.addi"),
    "sub": _arithmetic("arith.subf", "arith.subi"),
    "mul": _arithmetic("arith.mulf", "arith.muli"),
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


@_lower(_aten.bitwise_not.default)
def _bitwise_not(importer: Any, node: Any, x: Tensor) -> Tensor:
    def flip(b: Body, value: Value) -> Value:
        return b.op("arith.xori", value, b.constant(True if x.element == "bool" else -1, x.element))

    return pointwise(importer.function, "not", [x], x.element, x.shape, flip)


@_lower(_aten.pow.Tensor_Scalar)
def _power_of(importer: Any, node: Any, x: Tensor, exponent: float) -> Tensor:
    element = computed_in(importer.element(node))

    def raise_(b: Body, value: Value) -> Value:
        value = b.cast(value, element)
        if exponent in (1, 2, 3):
            factors = [value] * int(exponent)
            result = factors.pop()
            for factor in factors:
                result = _BINARY["mul"](b, result, factor)
            return result
        return _power(b, value, b.constant(exponent, element))

    return pointwise(importer.function, "pow", [x], importer.element(node), x.shape, raise_)


@_lower(_aten.div.Tensor_mode, _aten.div.Scalar_mode)
def _whole_division(importer: Any, node: Any, x: Tensor, y: Any, *, rounding_mode: Optional[str]) -> Tensor:
    element = _common(importer, node)
    if rounding_mode != "floor" or element not in FLOATS and (not isinstance(y, int) or y == 0):
        raise Error("there is no lowering but of floors, and of integers by a number that is known and not 0")

    def divide(b: Body, value: Value, by: Any) -> Value:
        value, by = b.cast(value, element), _typed(b, by, element)
        if element in FLOATS:
            return b.op("math.floor", b.op("arith.divf", value, by))
        return b.op("arith.floordivsi", value, by)

    return pointwise(importer.function, "div", [x, y], importer.element(node), importer.shape(node), divide)


@_lower(_aten.gelu.default)
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


@_lower(_aten.clamp.default)
def _clamp(importer: Any, node: Any, x: Tensor, least: Any = None, most: Any = None) -> Tensor:
    element = computed_in(importer.element(node))

    def bound(b: Body, value: Value) -> Value:
        value = b.cast(value, element)
        for limit, names in ((least, ("maximumf", "maxsi")), (most, ("minimumf", "minsi"))):
            if limit is not None:
                value = b.op(f"arith.{names[element not in FLOATS]}", value, b.constant(limit, element))
        return value

    return pointwise(importer.function, "clamp", [x], importer.element(node), x.shape, bound)


@_lower(_aten.where.self)
def _where(importer: Any, node: Any, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    element = importer.element(node)

    def choose(b: Body, flag: Value, first: Value, second: Value) -> Value:
        flag, first, second = b.cast(flag, "bool"), b.cast(first, element), b.cast(second, element)
        return b.op("arith.select", flag, first, second)

    operands = [condition, x, y]
    return pointwise(importer.function, "where", operands, element, importer.shape(node), choose)


@_lower(
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


# --- Made of numbers ---------------------------------------------------------------------------------


@_lower(_aten.full.default, _aten.full_like.default, _aten.scalar_tensor.default)
def _full(importer: Any, node: Any, *args: Any, **options: Any) -> Tensor:
    number = args[0] if node.target is _aten.scalar_tensor.default else args[1]
    if not isinstance(number, (bool, int, float)):
        raise Error("expected a number that is known")
    element, shape = importer.element(node), importer.shape(node)
    return pointwise(importer.function, "full", [], element, shape, lambda b: b.constant(number, element))


@_lower(_aten.arange.start_step, _aten.arange.default, _aten.arange.start)
def _arange(importer: Any, node: Any, *args: Any, **options: Any) -> Tensor:
    start = args[0] if len(args) > 1 else 0
    step = args[2] if len(args) > 2 else 1
    if not all(isinstance(number, (int, float)) for number in (start, step)):
        raise Error("expected a start and a step that are known")
    element = importer.element(node)
    kind = computed_in(element)

    def count(b: Body) -> Value:
        place = b.index(0, kind)
        steps = _BINARY["mul"](b, place, b.constant(step, kind)) if step != 1 else place
        return _BINARY["add"](b, steps, b.constant(start, kind)) if start else steps

    return pointwise(importer.function, "arange", [], element, importer.shape(node), count)


# --- Other shapes ------------------------------------------------------------------------------------


@_lower(
    _aten.view.default,
    _aten._unsafe_view.default,
    _aten.reshape.default,
    _aten.unsqueeze.default,
    _aten.squeeze.dim,
    _aten.squeeze.dims,
    _aten.squeeze.default,
)
def _reshape(importer: Any, node: Any, x: Tensor, *args: Any) -> Tensor:
    shape = importer.shape(node)
    if not x.rank or not shape:
        # Between one number and a tensor of one element.
        if x.rank:
            raise Error("there is no lowering to a tensor of rank 0")
        return pointwise(importer.function, "reshape", [x], x.element, shape, lambda b, value: value)
    return shapes.reshape(x, shape)


@_lower(_aten.permute.default)
def _permute(importer: Any, node: Any, x: Tensor, order: Sequence[int]) -> Tensor:
    return shapes.transpose(x, [dim % x.rank for dim in order])


@_lower(_aten.transpose.int, _aten.t.default)
def _transpose(importer: Any, node: Any, x: Tensor, first: int = 0, second: int = -1) -> Tensor:
    order = list(range(x.rank))
    if order:
        first, second = first % x.rank, second % x.rank
        order[first], order[second] = order[second], order[first]
    return shapes.transpose(x, order)


def _window(importer: Any, x: Tensor, dim: int, start: str, shape: Shape) -> str:
    offsets = [start if i == dim else "0" for i in range(x.rank)]
    sizes = [str(size) if isinstance(size, int) else importer.function.size(size) for size in shape]
    return f"[{', '.join(offsets)}] [{', '.join(sizes)}] [{', '.join(['1'] * x.rank)}]"


def _start(importer: Any, x: Tensor, dim: int, place: int) -> str:
    """A place along a dimension, which counts from the end below 0."""
    size = x.shape[dim]
    if place >= 0:
        return str(place)
    if isinstance(size, int):
        return str(max(size + place, 0))
    function = importer.function
    name = function.fresh("start")
    function.emit(f"{name} = arith.addi {function.size(size)}, {function.index(place)} : index")
    return name


def _extract(
    importer: Any, x: Tensor, dim: int, start: str, window: Shape, shape: Shape, hint: str
) -> Tensor:
    """The part of ``x`` that is ``window`` large, as a tensor of a shape with the same elements."""
    if 0 in window:
        # A slice of no elements is no legal IR.
        return importer.function.empty(x.element, shape)
    result = importer.function.result(x.element, shape, hint)
    text = _window(importer, x, dim, start, window)
    importer.function.emit(f"{result.name} = tensor.extract_slice {x.name}{text} : {x.type} to {result.type}")
    return result


@_lower(_aten.slice.Tensor)
def _slice(
    importer: Any, node: Any, x: Tensor, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Tensor:
    shape, dim = importer.shape(node), dim % x.rank
    if shape == x.shape:
        return x
    if step != 1:
        raise Error("there is no lowering of steps")
    if isinstance(start, torch.SymInt):
        place = importer.function.size(importer.sizes.dim(start))
    else:
        place = _start(importer, x, dim, start or 0)
    return _extract(importer, x, dim, place, shape, shape, "slice")


@_lower(_aten.select.int)
def _select(importer: Any, node: Any, x: Tensor, dim: int, index: int) -> Tensor:
    dim = dim % x.rank
    window = (*x.shape[:dim], 1, *x.shape[dim + 1 :])
    place = _start(importer, x, dim, index)
    return _extract(importer, x, dim, place, window, importer.shape(node), "select")


@_lower(_aten.split_with_sizes.default, _aten.split.Tensor, _aten.unbind.int)
def _split(importer: Any, node: Any, x: Tensor, sizes: Any = None, dim: int = 0) -> List[Tensor]:
    if node.target is _aten.unbind.int:
        dim = sizes or 0
    dim, parts, start = dim % x.rank, [], 0
    for fake in node.meta["val"]:
        shape = importer.sizes.shape(fake.shape)
        kept_rank = len(shape) == x.rank
        size = shape[dim] if kept_rank else 1
        if not isinstance(size, int):
            raise Error("expected the sizes of parts to be known")
        window = shape if kept_rank else (*x.shape[:dim], 1, *x.shape[dim + 1 :])
        parts.append(_extract(importer, x, dim, str(start), window, shape, "part"))
        start += size
    return parts


@_lower(_aten.cat.default)
def _cat(importer: Any, node: Any, parts: Sequence[Tensor], dim: int = 0) -> Tensor:
    function, element, shape = importer.function, importer.element(node), importer.shape(node)
    dim, result, start = dim % len(shape), function.empty(element, shape), "0"
    for part in parts:
        if part.rank != len(shape):
            continue  # PyTorch passes over empty tensors of rank 1
        if part.element != element:
            part = pointwise(function, "cast", [part], element, part.shape, lambda b, value: value)
        if 0 not in part.shape:
            after = function.result(element, shape, "cat")
            text = _window(importer, part, dim, start, part.shape)
            function.emit(
                f"{after.name} = tensor.insert_slice {part.name} into {result.name}{text} : "
                f"{part.type} into {after.type}"
            )
            result = after
        start = _advance(importer, start, part.shape[dim])
    return result


def _advance(importer: Any, start: str, size: Any) -> str:
    function = importer.function
    if start.isdecimal() and isinstance(size, int):
        return str(int(start) + size)
    name = function.fresh("start")
    first = function.index(int(start)) if start.isdecimal() else start
    function.emit(f"{name} = arith.addi {first}, {function.size(size)} : index")
    return name


# --- Sums and products -------------------------------------------------------------------------------


def _reduce(importer: Any, x: Tensor, dims: Sequence[int], op: str, start: float) -> Tensor:
    """The sum, or another associative op, over dimensions, in f32 where numbers have fewer bits."""
    function, element = importer.function, computed_in(x.element)
    if element != x.element:
        x = pointwise(function, "wide", [x], element, x.shape, lambda b, value: value)
    shape = tuple(size for dim, size in enumerate(x.shape) if dim not in dims)
    init = pointwise(function, "start", [], element, shape, lambda b: b.constant(start, element))
    result = function.result(element, shape, "reduced")
    function.emit(
        f"{result.name} = linalg.reduce {{ {op} }} ins({x.name} : {x.type}) outs({init.name} : {init.type}) "
        f"dimensions = [{', '.join(map(str, sorted(dims)))}]"
    )
    return result


def _reduced(importer: Any, node: Any, x: Tensor, dims: Any, op: str, start: float) -> Tensor:
    """A reduction in the type and shape that the node has."""
    found = _dims(x, dims)
    element, shape = importer.element(node), importer.shape(node)
    if computed_in(element) not in FLOATS and op.endswith("f") or computed_in(x.element) not in FLOATS:
        raise Error("there is no lowering of integers")
    result = _reduce(importer, x, found, op, start)
    if result.shape != shape:
        result = _keep(importer, result, shape)
    if result.element == element:
        return result
    return pointwise(importer.function, "cast", [result], element, shape, lambda b, value: value)


def _dims(x: Tensor, dims: Any) -> List[int]:
    if dims is None or isinstance(dims, (list, tuple)) and not dims:
        return list(range(x.rank))
    return sorted(dim % x.rank for dim in ([dims] if isinstance(dims, int) else dims))


def _keep(importer: Any, x: Tensor, shape: Shape) -> Tensor:
    """The same numbers with dimensions of size 1 among them."""
    if not x.rank:
        return pointwise(importer.function, "keep", [x], x.element, shape, lambda b, value: value)
    return shapes.reshape(x, shape)


@_lower(_aten.sum.dim_IntList, _aten.sum.default)
def _sum(importer: Any, node: Any, x: Tensor, dims: Any = None, keep: bool = False, **options: Any) -> Tensor:
    return _reduced(importer, node, x, dims, "arith.addf", 0.0)


@_lower(_aten.amax.default)
def _amax(importer: Any, node: Any, x: Tensor, dims: Any = None, keep: bool = False) -> Tensor:
    return _reduced(importer, node, x, dims, "arith.maximumf", -math.inf)


@_lower(_aten.amin.default)
def _amin(importer: Any, node: Any, x: Tensor, dims: Any = None, keep: bool = False) -> Tensor:
    return _reduced(importer, node, x, dims, "arith.minimumf", math.inf)


@_lower(_aten.any.dim, _aten.any.dims, _aten.any.default)
def _any(importer: Any, node: Any, x: Tensor, dims: Any = None, keep: bool = False) -> Tensor:
    flags = pointwise(importer.function, "flags", [x], "bool", x.shape, lambda b, value: value)
    result = _reduce(importer, flags, _dims(x, dims), "arith.ori", False)
    shape = importer.shape(node)
    return result if result.shape == shape else _keep(importer, result, shape)


@_lower(_aten.mean.dim, _aten.mean.default)
def _mean(
    importer: Any, node: Any, x: Tensor, dims: Any = None, keep: bool = False, **options: Any
) -> Tensor:
    total = _sum(importer, node, x, dims, keep)
    sizes = node.args[0].meta["val"].shape
    count: Any = math.prod(sizes[dim] for dim in _dims(x, dims))
    element = computed_in(total.element)

    def divide(b: Body, value: Value, by: Any) -> Value:
        return b.op("arith.divf", b.cast(value, element), _typed(b, by, element))

    operands = [total, _number(importer, count)]
    return pointwise(importer.function, "mean", operands, total.element, total.shape, divide)


@_lower(_aten._softmax.default, _aten.softmax.int)
def _softmax(importer: Any, node: Any, x: Tensor, dim: int, *args: Any) -> Tensor:
    function, dim = importer.function, dim % x.rank
    element = computed_in(x.element)
    thin = tuple(1 if i == dim else size for i, size in enumerate(x.shape))
    largest = _keep(importer, _reduce(importer, x, [dim], "arith.maximumf", -math.inf), thin)

    def power(b: Body, value: Value, most: Value) -> Value:
        return b.op("math.exp", b.op("arith.subf", b.cast(value, element), most))

    powers = pointwise(function, "powers", [x, largest], element, x.shape, power)
    total = _keep(importer, _reduce(importer, powers, [dim], "arith.addf", 0.0), thin)

    def share(b: Body, value: Value, sum: Value) -> Value:
        return b.op("arith.divf", value, sum)

    return pointwise(function, "softmax", [powers, total], importer.element(node), x.shape, share)


@_lower(_aten.layer_norm.default)
def _layer_norm(
    importer: Any,
    node: Any,
    x: Tensor,
    shape: Sequence[int],
    weight: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
    epsilon: float = 1e-5,
    *args: Any,
) -> Tensor:
    if len(shape) != 1:
        raise Error("there is no lowering over several dimensions")
    if weight is None:
        size = importer.sizes.shape(shape)
        weight = pointwise(importer.function, "ones", [], "f32", size, lambda b: b.constant(1.0, "f32"))
    return ops.layer_norm(x, weight, bias=bias, epsilon=epsilon)


@_lower(_aten.native_layer_norm.default)
def _native_layer_norm(importer: Any, node: Any, x: Tensor, *args: Any) -> Tuple[Tensor, None, None]:
    if any(user.args[1] for user in node.users):
        raise Error("there is no lowering of its mean and its deviation")
    return _layer_norm(importer, node, x, *args), None, None


@_lower(_aten.linear.default)
def _linear(importer: Any, node: Any, x: Tensor, weight: Tensor, bias: Optional[Tensor] = None) -> Tensor:
    out = arithmetic.dot_rows(x, weight)
    return out if bias is None else arithmetic.binary("add", out, bias)


def _transposed(node: Any, place: int) -> Optional[Any]:
    """The node that an operand is the transpose of."""
    source = node.args[place]
    turned = source.target is _aten.permute.default and list(source.args[1]) == [1, 0]
    return source.args[0] if turned or source.target is _aten.t.default else None


@_lower(_aten.mm.default, _aten.bmm.default, _aten.matmul.default)
def _matmul(importer: Any, node: Any, x: Tensor, w: Tensor) -> Tensor:
    return _product(importer, node, 1, x, w)


def _product(importer: Any, node: Any, place: int, x: Tensor, w: Tensor) -> Tensor:
    # Rows of the source are read where they are; nobody else uses the transpose, which goes away.
    source = _transposed(node, place) if w.rank == 2 else None
    return arithmetic.matmul(x, w) if source is None else arithmetic.dot_rows(x, importer.values[source])


@_lower(_aten.addmm.default)
def _addmm(importer: Any, node: Any, bias: Tensor, x: Tensor, w: Tensor, **options: Any) -> Tensor:
    if any(value != 1 for value in options.values()):
        raise Error("there is no lowering with alpha and beta")
    return arithmetic.binary("add", _product(importer, node, 2, x, w), bias)


# --- Layers ------------------------------------------------------------------------------------------


@_lower(_aten.embedding.default)
def _embedding(importer: Any, node: Any, table: Tensor, ids: Tensor, *args: Any) -> Tensor:
    return ops.embedding(ids, table)


@_lower(_aten.scaled_dot_product_attention.default)
def _attention(
    importer: Any,
    node: Any,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    keep: Optional[Tensor] = None,
    dropout: float = 0.0,
    is_causal: bool = False,
    scale: Optional[float] = None,
    enable_gqa: bool = False,
) -> Tensor:
    if dropout or q.rank != 4 or keep is not None and keep.element != "bool":
        raise Error("expected q[B H T D], k[B G S D], no dropout, and a mask of flags where there is one")
    mask = offset = None
    if is_causal:
        mask = ops.causal_mask()
        if q.shape[2] != k.shape[2]:
            # The first query is at the first key here, where the op has the last at the last.
            offset = Scalar(importer.function, importer.function.number("0", "i64", "first"), "i64", None)
    elif keep is not None:
        lead = (1, 1, 1, 1)[keep.rank :] + keep.shape
        shape = (*lead[:2], q.shape[2], k.shape[2])
        if keep.shape != shape:
            keep = pointwise(importer.function, "keep", [keep], "bool", shape, lambda b, value: value)
        mask = ops.dense_mask(keep)
    return ops.attention(q, k, v, mask=mask, offset=offset, scale=scale)


@_lower(_aten._scaled_dot_product_flash_attention_for_cpu.default)
def _flash_attention(
    importer: Any,
    node: Any,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    dropout: float = 0.0,
    is_causal: bool = False,
    *,
    attn_mask: Optional[Tensor] = None,
    scale: Optional[float] = None,
) -> Tuple[Tensor, None]:
    if any(user.args[1] for user in node.users):
        raise Error("there is no lowering of its logarithms of sums")
    return _attention(importer, node, q, k, v, attn_mask, dropout, is_causal, scale), None
