# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Other shapes of the same elements."""

from __future__ import annotations

from typing import List, Sequence, Union

from effattn.error import Error
from effattn.ir.dims import Dim, check_dims, group_dims, parse_dims, product, shape_text
from effattn.ir.tensor import Scalar, Tensor

Place = Union[int, Scalar]
"""An integer, or the number of a step."""


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
    if any(sum(isinstance(target[d], str) for d in right) > 1 for left, right in groups if len(right) > 1):
        return _reshape_by_sizes(x, target)
    merged = [product([x.shape[d] for d in left]) for left, _ in groups]
    merged_x = _regroup(x, "collapse_shape", [left for left, _ in groups], merged)
    sizes = ", ".join(str(dim) if isinstance(dim, int) else x.function.size(dim) for dim in target)
    return _regroup(
        merged_x, "expand_shape", [right for _, right in groups], target, f" output_shape [{sizes}]"
    )


def _reshape_by_sizes(x: Tensor, shape: Sequence[Dim]) -> Tensor:
    """For an expansion into several sizes that have names, which MLIR's expand_shape cannot lower."""
    function = x.function
    sizes, places = function.fresh("sizes"), ", ".join(map(function.size, shape))
    kind = f"tensor<{len(shape)}xindex>"
    function.emit(f"{sizes} = tensor.from_elements {places} : {kind}")
    result = function.result(x.element, tuple(shape), "reshape")
    function.emit(
        f"{result.name} = tensor.reshape {x.name}({sizes}) : ({x.type}, {kind}) -> {result.type}"
    )
    return result


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
    window = _window(x, [*[0] * (x.rank - 1), start], result.shape)
    x.function.emit(f"{result.name} = tensor.extract_slice {x.name}{window} : {x.type} to {result.type}")
    return result


def _window(x: Tensor, offsets: Sequence[Union[int, str]], shape: Sequence[Dim]) -> str:
    """Offsets, sizes and strides of a slice."""
    sizes = [str(dim) if isinstance(dim, int) else x.function.size(dim) for dim in shape]
    return f"[{', '.join(map(str, offsets))}] [{', '.join(sizes)}] [{', '.join(['1'] * x.rank)}]"


def _part_window(op: str, x: Tensor, index: Place) -> str:
    count = x.shape[0] if x.rank else None
    is_counted = isinstance(index, Scalar) and index.element == "index"
    if not isinstance(count, int) or not (is_counted or isinstance(index, int) and 0 <= index < count):
        raise Error(
            f"{op}: expected a place of the known first size of {x.name} ({shape_text(x.shape)}), "
            f"but got {index}"
        )
    place = index.name if isinstance(index, Scalar) else index
    return _window(x, [place, *[0] * (x.rank - 1)], (1, *x.shape[1:]))


def part(x: Tensor, index: Place) -> Tensor:
    window = _part_window("part", x, index)
    if 0 in x.shape:
        # A slice of no elements is no legal IR.
        return x.function.empty(x.element, x.shape[1:])
    place = "part" if isinstance(index, Scalar) else index
    result = x.function.result(x.element, x.shape[1:], f"{x.name[1:]}_{place}")
    x.function.emit(f"{result.name} = tensor.extract_slice {x.name}{window} : {x.type} to {result.type}")
    return result


def with_part(x: Tensor, index: Place, value: Tensor) -> Tensor:
    window = _part_window("with_part", x, index)
    if (value.element, value.shape) != (x.element, x.shape[1:]):
        raise Error(
            f"with_part: expected {value.name} to be {x.element}[{shape_text(x.shape[1:])}], "
            f"but got {value.element}[{shape_text(value.shape)}]"
        )
    if 0 in x.shape:
        return x
    result = x.function.result(x.element, x.shape, x.name[1:])
    x.function.emit(
        f"{result.name} = tensor.insert_slice {value.name} into {x.name}{window} : {value.type} into {x.type}"
    )
    return result


def item(x: Tensor) -> Scalar:
    if x.rank:
        raise Error(f"item: expected {x.name} to have rank 0, but got {shape_text(x.shape)}")
    name = x.function.fresh("item")
    x.function.emit(f"{name} = tensor.extract {x.name}[] : {x.type}")
    return Scalar(x.function, name, x.element, None)
