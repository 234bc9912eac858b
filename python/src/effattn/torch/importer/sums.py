# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ops of PyTorch that sum: reductions, products of matrices, layers."""

from __future__ import annotations

import math
from typing import Any, List, Optional, Sequence, Tuple

import torch

from effattn import ops
from effattn.error import Error
from effattn.ir import arithmetic, shapes
from effattn.ir.dims import Shape
from effattn.ir.tensor import Scalar, Tensor
from effattn.torch.importer.elements import number
from effattn.torch.importer.registry import lower
from effattn.torch.importer.scalars import FLOATS, Body, Value, computed_in, pointwise

_aten = torch.ops.aten


def reduce(importer: Any, x: Tensor, dims: Sequence[int], op: str, start: float) -> Tensor:
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
    result = reduce(importer, x, found, op, start)
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


@lower(_aten.sum.dim_IntList, _aten.sum.default)
def _sum(importer: Any, node: Any, x: Tensor, dims: Any = None, keep: bool = False, **options: Any) -> Tensor:
    return _reduced(importer, node, x, dims, "arith.addf", 0.0)


@lower(_aten.amax.default)
def _amax(importer: Any, node: Any, x: Tensor, dims: Any = None, keep: bool = False) -> Tensor:
    return _reduced(importer, node, x, dims, "arith.maximumf", -math.inf)


@lower(_aten.amin.default)
def _amin(importer: Any, node: Any, x: Tensor, dims: Any = None, keep: bool = False) -> Tensor:
    return _reduced(importer, node, x, dims, "arith.minimumf", math.inf)


@lower(_aten.any.dim, _aten.any.dims, _aten.any.default)
def _any(importer: Any, node: Any, x: Tensor, dims: Any = None, keep: bool = False) -> Tensor:
    flags = pointwise(importer.function, "flags", [x], "bool", x.shape, lambda b, value: value)
    result = reduce(importer, flags, _dims(x, dims), "arith.ori", False)
    shape = importer.shape(node)
    return result if result.shape == shape else _keep(importer, result, shape)


@lower(_aten.mean.dim, _aten.mean.default)
def _mean(
    importer: Any, node: Any, x: Tensor, dims: Any = None, keep: bool = False, **options: Any
) -> Tensor:
    total = _sum(importer, node, x, dims, keep)
    sizes = node.args[0].meta["val"].shape
    count: Any = math.prod(sizes[dim] for dim in _dims(x, dims))
    element = computed_in(total.element)

    def divide(b: Body, value: Value, by: Any) -> Value:
        return b.op("arith.divf", b.cast(value, element), b.typed(by, element))

    operands = [total, number(importer, count)]
    return pointwise(importer.function, "mean", operands, total.element, total.shape, divide)


@lower(_aten._softmax.default, _aten.softmax.int)
def _softmax(importer: Any, node: Any, x: Tensor, dim: int, *args: Any) -> Tensor:
    function, dim = importer.function, dim % x.rank
    element = computed_in(x.element)
    thin = tuple(1 if i == dim else size for i, size in enumerate(x.shape))
    largest = _keep(importer, reduce(importer, x, [dim], "arith.maximumf", -math.inf), thin)

    def power(b: Body, value: Value, most: Value) -> Value:
        return b.op("math.exp", b.op("arith.subf", b.cast(value, element), most))

    powers = pointwise(function, "powers", [x, largest], element, x.shape, power)
    total = _keep(importer, reduce(importer, powers, [dim], "arith.addf", 0.0), thin)

    def share(b: Body, value: Value, sum: Value) -> Value:
        return b.op("arith.divf", value, sum)

    return pointwise(function, "softmax", [powers, total], importer.element(node), x.shape, share)


@lower(_aten.layer_norm.default)
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


@lower(_aten.native_layer_norm.default)
def _native_layer_norm(importer: Any, node: Any, x: Tensor, *args: Any) -> Tuple[Tensor, None, None]:
    if any(user.args[1] for user in node.users):
        raise Error("there is no lowering of its mean and its deviation")
    return _layer_norm(importer, node, x, *args), None, None


@lower(_aten.linear.default)
def _linear(importer: Any, node: Any, x: Tensor, weight: Tensor, bias: Optional[Tensor] = None) -> Tensor:
    out = arithmetic.dot_rows(x, weight)
    return out if bias is None else arithmetic.binary("add", out, bias)


def _transposed(node: Any, place: int) -> Optional[Any]:
    """The node that an operand is the transpose of."""
    source = node.args[place]
    turned = source.target is _aten.permute.default and list(source.args[1]) == [1, 0]
    return source.args[0] if turned or source.target is _aten.t.default else None


@lower(_aten.mm.default, _aten.bmm.default, _aten.matmul.default)
def _matmul(importer: Any, node: Any, x: Tensor, w: Tensor) -> Tensor:
    return _product(importer, node, 1, x, w)


def _product(importer: Any, node: Any, place: int, x: Tensor, w: Tensor) -> Tensor:
    # Rows of the source are read where they are; nobody else uses the transpose, which goes away.
    source = _transposed(node, place) if w.rank == 2 else None
    return arithmetic.matmul(x, w) if source is None else arithmetic.dot_rows(x, importer.values[source])


@lower(_aten.addmm.default)
def _addmm(importer: Any, node: Any, bias: Tensor, x: Tensor, w: Tensor, **options: Any) -> Tensor:
    if any(value != 1 for value in options.values()):
        raise Error("there is no lowering with alpha and beta")
    return arithmetic.binary("add", _product(importer, node, 2, x, w), bias)

@lower(_aten.embedding.default)
def _embedding(importer: Any, node: Any, table: Tensor, ids: Tensor, *args: Any) -> Tensor:
    return ops.embedding(ids, table)


@lower(_aten.scaled_dot_product_attention.default)
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


@lower(_aten._scaled_dot_product_flash_attention_for_cpu.default)
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
