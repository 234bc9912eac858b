# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products of matrices and what goes by element, as ops of linalg."""

from __future__ import annotations

import re
from typing import Any, List, Sequence, Tuple, Union

from effattn.error import Error
from effattn.ir.attributes import real_text
from effattn.ir.dims import FLOATS, Dim, Shape, check_dims, shape_text
from effattn.ir.module import Function
from effattn.ir.tensor import Scalar, Tensor

_BINARY = {
    "add": ("arith.addf", "arith.addi"),
    "sub": ("arith.subf", "arith.subi"),
    "mul": ("arith.mulf", "arith.muli"),
    "div": ("arith.divf", None),
}
_ONE_OVER = [
    "%minus = arith.negf %x : f32",
    "%power = math.exp %minus : f32",
    "%one = arith.constant 1.0 : f32",
    "%sum = arith.addf %one, %power : f32",
]
_UNARY = {
    "exp": ["%y = math.exp %x : f32"],
    "tanh": ["%y = math.tanh %x : f32"],
    "sigmoid": [*_ONE_OVER, "%y = arith.divf %one, %sum : f32"],
    "silu": [*_ONE_OVER, "%y = arith.divf %x, %sum : f32"],
    "relu": ["%zero = arith.constant 0.0 : f32", "%y = arith.maximumf %x, %zero : f32"],
    "gelu_tanh": [
        "%cubic = arith.constant 0.044715 : f32",
        "%root = arith.constant 0.7978845608028654 : f32",
        "%half = arith.constant 0.5 : f32",
        "%one = arith.constant 1.0 : f32",
        "%square = arith.mulf %x, %x : f32",
        "%cube = arith.mulf %square, %x : f32",
        "%bend = arith.mulf %cube, %cubic : f32",
        "%bent = arith.addf %x, %bend : f32",
        "%scaled = arith.mulf %bent, %root : f32",
        "%turned = math.tanh %scaled : f32",
        "%raised = arith.addf %turned, %one : f32",
        "%share = arith.mulf %raised, %half : f32",
        "%y = arith.mulf %share, %x : f32",
    ],
}


def index_map(loops: int, dims: Sequence[Any]) -> str:
    names = ", ".join(f"d{i}" for i in range(loops))
    return f"affine_map<({names}) -> ({', '.join(f'd{d}' if isinstance(d, int) else d for d in dims)})>"


def _widen(name: str, element: str) -> Tuple[List[str], str]:
    """Lines that bring an element to f32, and its name there."""
    if element not in ("bf16", "f16"):
        return [], name
    return [f"{name}_wide = arith.extf {name} : {element} to f32"], f"{name}_wide"


def generic(
    function: Function,
    hint: str,
    inputs: Sequence[Tuple[Tensor, str]],
    element: str,
    shape: Shape,
    body: List[str],
) -> Tensor:
    """A loop over all elements of the result; ``inputs`` are tensors with their maps.

    A value of the function is ``@%name`` in the body.
    """
    init = function.empty(element, shape)
    result = function.result(element, shape, hint)
    maps = ", ".join([text for _, text in inputs] + [index_map(len(shape), range(len(shape)))])
    names = ", ".join(tensor.name for tensor, _ in inputs)
    types = ", ".join(tensor.type for tensor, _ in inputs)
    operands = f"    ins({names} : {types})\n" if inputs else ""
    kinds = ", ".join(['"parallel"'] * len(shape))
    # The body sees the function's values, so its own need names that no value of the function has.
    own = (re.sub(r"(?<!@)%(\w+)", r"%\1.e", line).replace("@%", "%") for line in body)
    lines = "".join(f"{'' if line[0] == '^' else '  '}{line}\n" for line in own)
    function.emit(
        f"{result.name} = linalg.generic {{\n"
        f"      indexing_maps = [{maps}],\n      iterator_types = [{kinds}]}}\n"
        f"{operands}    outs({init.name} : {init.type}) {{\n{lines}}} -> {result.type}"
    )
    return result


def _finish(value: str, element: str) -> List[str]:
    """Lines that round an f32 to the element and yield it."""
    if element in ("bf16", "f16"):
        return [f"%rounded = arith.truncf {value} : f32 to {element}", f"linalg.yield %rounded : {element}"]
    return [f"linalg.yield {value} : {element}"]


def _refuse_kind(op: str, tensor: Tensor) -> Error:
    return Error(f"{op}: expected a tensor of f32, bf16 or f16, but got {tensor.element}")


def unary(op: str, x: Tensor) -> Tensor:
    if x.element not in FLOATS:
        raise _refuse_kind(op, x)
    lines, wide = _widen("%x", x.element)
    body = [
        f"^bb0(%x: {x.element}, %out: {x.element}):",
        *lines,
        *(line.replace("%x", wide) for line in _UNARY[op]),
        *_finish("%y", x.element),
    ]
    return generic(x.function, op, [(x, index_map(x.rank, range(x.rank)))], x.element, x.shape, body)


def cast(x: Tensor, element: str) -> Tensor:
    if element not in FLOATS or x.element not in FLOATS:
        raise Error(f"cast: expected f32, bf16 and f16, but got {x.element} and {element!r}")
    if element == x.element:
        return x
    lines, wide = _widen("%x", x.element)
    body = [f"^bb0(%x: {x.element}, %out: {element}):", *lines, *_finish(wide, element)]
    return generic(x.function, "cast", [(x, index_map(x.rank, range(x.rank)))], element, x.shape, body)


def _broadcast(op: str, x: Tensor, y: Tensor) -> Shape:
    """The shape of the result, with last dimensions matched."""
    if x.rank < y.rank:
        x, y = y, x
    shape: List[Dim] = list(x.shape)
    for back in range(1, y.rank + 1):
        left, right = x.shape[-back], y.shape[-back]
        if left == 1:
            shape[-back] = right
        elif right not in (1, left):
            raise Error(
                f"{op}: expected dim {y.rank - back} of {y.name} ({shape_text(y.shape)}) to equal "
                f"dim {x.rank - back} of {x.name} ({shape_text(x.shape)}) or 1, but got {right} and {left}"
            )
    return tuple(shape)


def _broadcast_map(shape: Shape, x: Tensor) -> str:
    first = len(shape) - x.rank
    dims = [first + d if x.shape[d] == shape[first + d] else "0" for d in range(x.rank)]
    return index_map(len(shape), dims)


def _number(value: Any, op: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Error(f"{op}: expected a tensor of the function or a number, but got {type(value).__name__}")
    return real_text(value, 32)


def binary(op: str, x: Union[Tensor, float], y: Union[Tensor, float]) -> Tensor:
    tensors = [value for value in (x, y) if isinstance(value, Tensor)]
    element = tensors[0].element
    if len(tensors) == 2:
        left, right = tensors
        if left.function is not right.function:
            raise Error(f"{op}: expected operands of one function, but got one of {right.function.name}")
        if left.element != right.element:
            raise Error(f"{op}: expected operands of one type, but got {left.element} and {right.element}")
    on_floats, on_integers = _BINARY[op]
    is_float = element in FLOATS
    if not is_float and (on_integers is None or element not in ("i32", "i64") or len(tensors) == 1):
        raise _refuse_kind(op, tensors[0])
    shape = tensors[0].shape if len(tensors) == 1 else _broadcast(op, *tensors)

    arguments, lines, names = [], [], []
    for name, value in (("%x", x), ("%y", y)):
        if isinstance(value, Tensor):
            arguments.append(f"{name}: {element}")
            wide_lines, name = _widen(name, element)
            lines += wide_lines
        else:
            lines.append(f"{name} = arith.constant {_number(value, op)} : f32")
        names.append(name)
    compute, kind = (on_floats, "f32") if is_float else (on_integers, element)
    body = [
        f"^bb0({', '.join(arguments)}, %out: {element}):",
        *lines,
        f"%z = {compute} {names[0]}, {names[1]} : {kind}",
        *_finish("%z", element),
    ]
    inputs = [(tensor, _broadcast_map(shape, tensor)) for tensor in tensors]
    return generic(tensors[0].function, op, inputs, element, shape, body)


def index_binary(op: str, x: Scalar, y: Union[Scalar, int]) -> Scalar:
    """A sum or product of numbers that count steps."""
    names = []
    for value in (x, y):
        if isinstance(value, Scalar) and value.element == "index":
            names.append(value.name)
        elif isinstance(value, int) and not isinstance(value, bool):
            names.append(x.function.index(value))
        else:
            raise Error(f"{op}: expected the number of a step or an integer, but got {value!r}")
    name = x.function.fresh(op)
    x.function.emit(f"{name} = arith.{op}i {', '.join(names)} : index")
    return Scalar(x.function, name, "index", None)


def _check_factors(op: str, x: Tensor, w: Any) -> None:
    if not isinstance(w, Tensor):
        raise Error(f"{op}: expected a tensor of the function, but got {type(w).__name__}")
    if x.function is not w.function:
        raise Error(f"{op}: expected operands of one function, but got one of {w.function.name}")
    for tensor in (x, w):
        if tensor.element not in FLOATS:
            raise _refuse_kind(op, tensor)


def _contract(x: Tensor, w: Tensor, shape: Shape, dims: Sequence[int]) -> Tensor:
    """The sum over the last dimension of ``x``; ``dims`` are the loops that ``w`` is read by.

    Sums are f32; the result has the type of ``x``.
    """
    function = x.function
    loops = len(shape) + 1
    rows, column, inner = list(range(len(shape) - 1)), len(shape) - 1, len(shape)
    maps = [index_map(loops, [*rows, inner]), index_map(loops, dims), index_map(loops, [*rows, column])]
    zero = function.number("0.0", "f32", "zero")
    init = function.empty("f32", shape)
    zeros = function.result("f32", shape, "zeros")
    function.emit(
        f"{zeros.name} = linalg.fill ins({zero} : f32) outs({init.name} : {init.type}) -> {zeros.type}"
    )
    result = function.result("f32", shape, "matmul")
    function.emit(
        f"{result.name} = linalg.contract\n    indexing_maps = [{', '.join(maps)}]\n"
        f"    ins({x.name}, {w.name} : {x.type}, {w.type})\n    outs({zeros.name} : {zeros.type}) -> {result.type}"
    )
    return cast(result, x.element)


def matmul(x: Tensor, w: Tensor) -> Tensor:
    """``[.., M, K] @ [K, N]``, or with the same leading dimensions on both sides."""
    _check_factors("matmul", x, w)
    if x.rank < 1 or w.rank < 2 or w.rank not in (2, x.rank):
        raise Error(
            f"matmul: expected {w.name} to be a matrix, or a matrix for each of {x.name} "
            f"({shape_text(x.shape)}), but got {shape_text(w.shape)}"
        )
    lead = w.shape[:-2]
    if x.shape[-1] != w.shape[-2] or x.shape[: len(lead)] != lead:
        raise Error(
            f"matmul: expected {w.name} to be {shape_text((*x.shape[: len(lead)], x.shape[-1], 'N'))} "
            f"for {x.name} ({shape_text(x.shape)}), but got {shape_text(w.shape)}"
        )
    shape = (*x.shape[:-1], w.shape[-1])
    return _contract(x, w, shape, [*range(len(lead)), len(shape), len(shape) - 1])


def dot_rows(x: Tensor, w: Tensor) -> Tensor:
    _check_factors("dot_rows", x, w)
    if x.rank < 1 or w.rank != 2 or w.shape[1] != x.shape[-1]:
        width = x.shape[-1] if x.rank else "C"
        raise Error(f"dot_rows: expected {w.name} to be N x {width}, but got {shape_text(w.shape)}")
    shape = (*x.shape[:-1], w.shape[0])
    return _contract(x, w, shape, [len(shape) - 1, len(shape)])


def count_from(start: Tensor, size: Dim) -> Tensor:
    if start.element not in ("i32", "i64"):
        raise Error(f"count_from: expected a tensor of i32 or i64, but got {start.element}")
    shape = (*start.shape, *check_dims([size]))
    kind = start.element
    body = [
        f"^bb0(%x: {kind}, %out: {kind}):",
        f"%place = linalg.index {start.rank} : index",
        f"%step = arith.index_cast %place : index to {kind}",
        f"%y = arith.addi %x, %step : {kind}",
        f"linalg.yield %y : {kind}",
    ]
    inputs = [(start, index_map(len(shape), range(start.rank)))]
    return generic(start.function, "counted", inputs, kind, shape, body)
