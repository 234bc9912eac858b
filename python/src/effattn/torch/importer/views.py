# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ops of PyTorch that make tensors of numbers or give them other shapes."""

from __future__ import annotations

from typing import Any, List, Sequence

import torch

from effattn.error import Error
from effattn.ir import shapes
from effattn.ir.dims import Shape
from effattn.ir.tensor import Tensor
from effattn.torch.importer.elements import add, multiply
from effattn.torch.importer.registry import lower
from effattn.torch.importer.scalars import Body, Value, computed_in, pointwise

_aten = torch.ops.aten


@lower(_aten.full.default, _aten.full_like.default, _aten.scalar_tensor.default)
def _full(importer: Any, node: Any, *args: Any, **options: Any) -> Tensor:
    number = args[0] if node.target is _aten.scalar_tensor.default else args[1]
    if not isinstance(number, (bool, int, float)):
        raise Error("expected a number that is known")
    element, shape = importer.element(node), importer.shape(node)
    return pointwise(importer.function, "full", [], element, shape, lambda b: b.constant(number, element))


@lower(_aten.arange.start_step, _aten.arange.default, _aten.arange.start)
def _arange(importer: Any, node: Any, *args: Any, **options: Any) -> Tensor:
    start = args[0] if len(args) > 1 else 0
    step = args[2] if len(args) > 2 else 1
    if not all(isinstance(number, (int, float)) for number in (start, step)):
        raise Error("expected a start and a step that are known")
    element = importer.element(node)
    kind = computed_in(element)

    def count(b: Body) -> Value:
        place = b.index(0, kind)
        steps = multiply(b, place, b.constant(step, kind)) if step != 1 else place
        return add(b, steps, b.constant(start, kind)) if start else steps

    return pointwise(importer.function, "arange", [], element, importer.shape(node), count)

@lower(
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


@lower(_aten.permute.default)
def _permute(importer: Any, node: Any, x: Tensor, order: Sequence[int]) -> Tensor:
    return shapes.transpose(x, [dim % x.rank for dim in order])


@lower(_aten.transpose.int, _aten.t.default)
def _transpose(importer: Any, node: Any, x: Tensor, first: int = 0, second: int = -1) -> Tensor:
    order = list(range(x.rank))
    if order:
        first, second = first % x.rank, second % x.rank
        order[first], order[second] = order[second], order[first]
    return shapes.transpose(x, order)


def slice_text(importer: Any, x: Tensor, dim: int, start: str, shape: Shape) -> str:
    """Where in a tensor a part of a shape begins that is behind the first along one dimension."""
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
    text = slice_text(importer, x, dim, start, window)
    importer.function.emit(f"{result.name} = tensor.extract_slice {x.name}{text} : {x.type} to {result.type}")
    return result


@lower(_aten.slice.Tensor)
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


@lower(_aten.select.int)
def _select(importer: Any, node: Any, x: Tensor, dim: int, index: int) -> Tensor:
    dim = dim % x.rank
    window = (*x.shape[:dim], 1, *x.shape[dim + 1 :])
    place = _start(importer, x, dim, index)
    return _extract(importer, x, dim, place, window, importer.shape(node), "select")


@lower(_aten.split_with_sizes.default, _aten.split.Tensor, _aten.unbind.int)
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


@lower(_aten.cat.default)
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
            text = slice_text(importer, part, dim, start, part.shape)
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
