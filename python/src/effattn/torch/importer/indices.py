# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ops of PyTorch that go along a dimension or choose places of it."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

import torch

from effattn import ops
from effattn.error import Error
from effattn.ir import shapes
from effattn.ir.dims import Dim
from effattn.ir.module import indented
from effattn.ir.tensor import Tensor
from effattn.torch.importer.elements import add
from effattn.torch.importer.registry import lower
from effattn.torch.importer.scalars import FLOATS, Body, Value, computed_in, pointwise
from effattn.torch.importer.sums import reduce
from effattn.torch.importer.views import slice_text

_aten = torch.ops.aten
_LEAST, _MOST = -(2**63), 2**63 - 1


def _exchanged(x: Tensor, dim: int) -> Tensor:
    """The tensor with a dimension and the last one in each other's places."""
    order = list(range(x.rank))
    order[dim], order[-1] = order[-1], order[dim]
    return x if dim == x.rank - 1 else shapes.transpose(x, order)


@lower(_aten.topk.default)
def _top_k(
    importer: Any,
    node: Any,
    x: Tensor,
    k: int,
    dim: int = -1,
    largest: bool = True,
    sorted: bool = True,
) -> Sequence[Tensor]:
    if x.element not in FLOATS or not x.rank or not isinstance(k, int):
        raise Error("there is no lowering but of rows of real numbers, for a k that is known")
    dim = dim % x.rank

    def signed(value: Tensor) -> Tensor:
        """The smallest of numbers are the largest of their negatives."""
        if largest:
            return value
        function = importer.function
        return pointwise(
            function, "neg", [value], value.element, value.shape, lambda b, x: b.op("arith.negf", x)
        )

    values, places = ops.top_k(_exchanged(signed(x), dim), k=k)
    wide = pointwise(importer.function, "places", [places], "i64", places.shape, lambda b, value: value)
    return _exchanged(signed(values), dim), _exchanged(wide, dim)


@lower(_aten.cumsum.default)
def _cumulative_sum(importer: Any, node: Any, x: Tensor, dim: int, **options: Any) -> Tensor:
    """A loop over the dimension, which adds a slice to the sum of those before."""
    function, element, shape = importer.function, importer.element(node), importer.shape(node)
    if not shape:
        return x
    dim, kind = dim % x.rank, computed_in(element)
    x = pointwise(function, "wide", [x], kind, shape, lambda b, value: value)
    thin = (*shape[:dim], 1, *shape[dim + 1 :])
    total = pointwise(function, "none", [], kind, thin, lambda b: b.constant(0, kind))
    out = function.empty(kind, shape)
    first, end, one = function.index(0), function.size(shape[dim]), function.index(1)
    place = function.fresh("place")
    sums, so_far = function.result(kind, shape, "sums"), function.result(kind, thin, "so_far")
    with function.region() as lines:
        text = slice_text(importer, x, dim, place, thin)
        part = function.result(kind, thin, "part")
        function.emit(f"{part.name} = tensor.extract_slice {x.name}{text} : {x.type} to {part.type}")
        after = pointwise(function, "total", [so_far, part], kind, thin, add)
        stored = function.result(kind, shape, "stored")
        function.emit(
            f"{stored.name} = tensor.insert_slice {after.name} into {sums.name}{text} : "
            f"{after.type} into {sums.type}"
        )
        function.emit(f"scf.yield {stored.name}, {after.name} : {stored.type}, {after.type}")
    result, last = function.result(kind, shape, "cumsum"), function.result(kind, thin, "last")
    function.emit(
        f"{result.name}, {last.name} = scf.for {place} = {first} to {end} step {one}\n"
        f"    iter_args({sums.name} = {out.name}, {so_far.name} = {total.name})\n"
        f"    -> ({out.type}, {total.type}) {{\n{indented(lines)}}}"
    )
    if kind == element:
        return result
    return pointwise(function, "cast", [result], element, shape, lambda b, value: value)


# --- Places --------------------------------------------------------------------------------------------


def _check_places(importer: Any, name: str, index: Tensor, size: Dim, counts_back: bool) -> None:
    """End the function with an error unless all places lie in a dimension."""
    function = importer.function
    if index.element not in ("i32", "i64"):
        raise Error(f"there is no lowering of indices of {index.element}")
    wide = pointwise(function, "places", [index], "i64", index.shape, lambda b, value: value)
    dims = list(range(wide.rank))
    end = function.fresh("end")
    function.emit(f"{end} = arith.index_cast {function.size(size)} : index to i64")
    first = function.number("0", "i64", "zero")
    if counts_back:
        before = function.fresh("first")
        function.emit(f"{before} = arith.subi {first}, {end} : i64")
        first = before
    for op, start, predicate, bound in (
        ("arith.minsi", _MOST, "sge", first),
        ("arith.maxsi", _LEAST, "slt", end),
    ):
        extreme = reduce(importer, wide, dims, op, start) if dims else wide
        found, holds = function.fresh("found"), function.fresh("holds")
        function.emit(f"{found} = tensor.extract {extreme.name}[] : {extreme.type}")
        # Without any there is nothing to refuse: the start of the search is no place.
        none, lies = function.fresh("none"), function.fresh("lies")
        limit = function.number(str(start), "i64", "limit")
        function.emit(f"{none} = arith.cmpi eq, {found}, {limit} : i64")
        function.emit(f"{lies} = arith.cmpi {predicate}, {found}, {bound} : i64")
        function.emit(f"{holds} = arith.ori {none}, {lies} : i1")
        function.emit(
            f'effattn.check {holds}, "{name}: expected indices to lie in [{{0}}, {{1}}), but got {{2}}" '
            f"({first}, {end}, {found} : i64, i64, i64)"
        )


def _place(importer: Any, b: Body, value: Value, size: Optional[Dim]) -> Value:
    """A place as an index; one below 0 counts from the end of a dimension of this size."""
    place = b.index_of(b.cast(value, "i64"))
    if size is None:
        return place
    back = b.op("arith.addi", place, b.size(importer.function, size))
    below = b.op("arith.cmpi slt,", place, b.size(importer.function, 0), result="bool")
    return b.op("arith.select", below, back, place)


@lower(_aten.gather.default)
def _gather(importer: Any, node: Any, x: Tensor, dim: int, index: Tensor, **options: Any) -> Tensor:
    if not x.rank:
        raise Error("there is no lowering of tensors of rank 0")
    dim = dim % x.rank
    _check_places(importer, "gather", index, x.shape[dim], counts_back=False)

    def choose(b: Body, value: Value) -> Value:
        places = [b.place(i) for i in range(x.rank)]
        places[dim] = _place(importer, b, value, None)
        return b.extract(x, places)

    return pointwise(importer.function, "gather", [index], x.element, index.shape, choose)


@lower(_aten.index_select.default)
def _index_select(importer: Any, node: Any, x: Tensor, dim: int, index: Tensor) -> Tensor:
    if not x.rank or index.rank != 1:
        raise Error("there is no lowering of tensors of rank 0")
    dim = dim % x.rank
    return _indexed(importer, node, "index_select", x, dim, [index], counts_back=False)


@lower(_aten.index.Tensor)
def _index(importer: Any, node: Any, x: Tensor, indices: Sequence[Optional[Tensor]]) -> Tensor:
    given = [dim for dim, index in enumerate(indices) if index is not None]
    if given != list(range(given[0], given[0] + len(given))):
        raise Error("there is no lowering of indices with whole dimensions between them")
    chosen = [indices[dim] for dim in given]
    return _indexed(importer, node, "index", x, given[0], chosen, counts_back=True)


def _indexed(
    importer: Any, node: Any, name: str, x: Tensor, first: int, indices: Sequence[Any], counts_back: bool
) -> Tensor:
    """The elements of a tensor at places of dimensions from ``first`` on, in the shape of the indices."""
    function, shape = importer.function, importer.shape(node)
    for dim, index in enumerate(indices, first):
        _check_places(importer, name, index, x.shape[dim], counts_back)
    rank = max(index.rank for index in indices)
    end = first + len(indices)
    sizes: Dict[int, Any] = {dim: x.shape[dim] if counts_back else None for dim in range(first, end)}

    def choose(b: Body) -> Value:
        places: List[Value] = [b.place(i) for i in range(first)]
        for dim, index in enumerate(indices, first):
            lead = first + rank - index.rank
            where = [
                b.place(lead + i) if size != 1 else b.size(function, 0)
                for i, size in enumerate(index.shape)
            ]
            places.append(_place(importer, b, b.extract(index, where), sizes[dim]))
        places += [b.place(first + rank + i) for i in range(x.rank - end)]
        return b.extract(x, places)

    return pointwise(function, name, [], x.element, shape, choose)
