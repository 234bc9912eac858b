# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Other shapes of the same elements."""

from __future__ import annotations

from typing import List, Sequence, Union

from effattn.error import Error
from effattn.ir.dims import Dim, check_dims, group_dims, parse_dims, product, shape_text
from effattn.ir.tensor import Scalar, Tensor


def _regroup(x: Tensor, op: str, groups: List[List[int]], shape: Sequence[Dim], sizes: str = "") -> Tensor:
    if tuple(shape) == x.shape:
        return x
    result = x.function.result(x.element, tuple(shape), "reshape")
    text = ", ".join(f"[{', '.join(map(str, group))}]" for group in groups)
    x.function.emit(f"{result.name} = tensor.{op} {x.name} [{text}]{sizes} : {x.type} into {result.type}")
    return result


def reshape(x: Tensor, shape: Union[str, Sequence[Dim]]) -> Tensor:
    target = parse_dims(shape) if isinstance(shape, str) else check_dims(shape)
    groups = group_dims(x.shape, target)
    if not groups and x.shape != target:
        raise Error(
            f"reshape: expected as many elements as {x.name} has ({shape_text(x.shape)}), "
            f"but got {shape_text(target)}"
        )
    merged = [product([x.shape[d] for d in left]) for left, _ in groups]
    merged_x = _regroup(x, "collapse_shape", [left for left, _ in groups], merged)
    sizes = ", ".join(str(dim) if isinstance(dim, int) else x.function.size(dim) for dim in target)
    return _regroup(
        merged_x, "expand_shape", [right for _, right in groups], target, f" output_shape [{sizes}]"
    )


def transpose(x: Tensor, permutation: Sequence[int]) -> Tensor:
    if sorted(permutation) != list(range(x.rank)):
        raise Error(
            f"transpose: expected an order of the {x.rank} dimensions of {x.name}, but got {tuple(permutation)}"
        )
    shape = tuple(x.shape[dim] for dim in permutation)
    init = x.function.empty(x.element, shape)
    result = x.function.result(x.element, shape, "transpose")
    x.function.emit(
        f"{result.name} = linalg.transpose ins({x.name} : {x.type}) outs({init.name} : {init.type}) "
        f"permutation = [{', '.join(map(str, permutation))}]"
    )
    return result


def split_heads(x: Tensor, heads: int) -> Tensor:
    width = x.shape[-1] if x.rank == 3 else None
    if not isinstance(width, int) or heads < 1 or width % heads:
        raise Error(
            f"split_heads: expected {x.name} to be B x T x C with a known C that {heads} divides, "
            f"but got {shape_text(x.shape)}"
        )
    return transpose(reshape(x, (*x.shape[:2], heads, width // heads)), (0, 2, 1, 3))


def merge_heads(x: Tensor) -> Tensor:
    if x.rank != 4:
        raise Error(f"merge_heads: expected {x.name} to be B x H x T x D, but got {shape_text(x.shape)}")
    rows = transpose(x, (0, 2, 1, 3))
    return reshape(rows, (*rows.shape[:2], product(rows.shape[2:])))


def columns(x: Tensor, start: int, stop: int) -> Tensor:
    width = x.shape[-1] if x.rank else None
    if not isinstance(width, int) or not 0 <= start <= stop <= width:
        raise Error(
            f"columns: expected 0 <= start <= stop <= the known width of {x.name} ({shape_text(x.shape)}), "
            f"but got {start} and {stop}"
        )
    result = x.function.result(x.element, (*x.shape[:-1], stop - start), "columns")
    sizes = [str(dim) if isinstance(dim, int) else x.function.size(dim) for dim in result.shape]
    zeros = ["0"] * (x.rank - 1)
    x.function.emit(
        f"{result.name} = tensor.extract_slice {x.name}[{', '.join([*zeros, str(start)])}] "
        f"[{', '.join(sizes)}] [{', '.join(['1'] * x.rank)}] : {x.type} to {result.type}"
    )
    return result


def item(x: Tensor) -> Scalar:
    if x.rank:
        raise Error(f"item: expected {x.name} to have rank 0, but got {shape_text(x.shape)}")
    name = x.function.fresh("item")
    x.function.emit(f"{name} = tensor.extract {x.name}[] : {x.type}")
    return Scalar(x.function, name, x.element, None)
