# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sizes that are numbers or names, and types made of them."""

from __future__ import annotations

import re
from collections import Counter
from typing import Iterable, List, Optional, Sequence, Tuple, Union

from effattn.error import Error

Dim = Union[int, str]
"""A size, or its name: equal names are equal sizes. "B*T" and "T*8" are products."""
Shape = Tuple[Dim, ...]

ELEMENTS = {
    name: {"bool": "i1", "ui8": "ui8"}.get(name, name)
    for name in ("bool", "i8", "ui8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64", "index")
}
"""Element types under the names that signatures use, and how IR writes them."""
FLOATS = ("f32", "bf16", "f16")

_TYPE = re.compile(r"\s*(\w+)\s*(?:\[([^\[\]]*)\])?\s*")
_NAME = re.compile(r"[A-Za-z]\w*(\*\w+)*")


def parse_dims(text: str) -> Shape:
    """The dimensions in a text such as "B T 64" or "B, T, 64"."""
    return check_dims(int(word) if word.isdecimal() else word for word in text.replace(",", " ").split())


def check_dims(dims: Iterable[Dim]) -> Shape:
    """The dimensions as a tuple, refused unless they are sizes and names."""
    shape = tuple(dims)
    for dim in shape:
        if isinstance(dim, bool) or not (
            isinstance(dim, int) and dim >= 0 or isinstance(dim, str) and _NAME.fullmatch(dim)
        ):
            raise Error(f"expected sizes of at least 0 and names such as B or seq_len, but got {dim!r}")
    return shape


def parse_type(text: str) -> Tuple[str, Optional[Shape]]:
    """Element type and shape in a text such as "f32[B, T, 64]"; no shape in "i64", a plain number."""
    match = _TYPE.fullmatch(text) if isinstance(text, str) else None
    if not match or match[1] not in ELEMENTS:
        raise Error(f"expected a type such as f32[B, T, 64], of {', '.join(ELEMENTS)}, but got {text!r}")
    return match[1], None if match[2] is None else parse_dims(match[2])


def shape_text(shape: Sequence[Dim]) -> str:
    return " x ".join(map(str, shape)) or "scalar"


def type_text(element: str, shape: Optional[Sequence[Dim]]) -> str:
    """As IR writes it."""
    if shape is None:
        return ELEMENTS[element]
    sizes = "".join(f"{dim}x" if isinstance(dim, int) else "?x" for dim in shape)
    return f"tensor<{sizes}{ELEMENTS[element]}>"


def _factors(dims: Iterable[Dim]) -> Tuple[int, "Counter[str]"]:
    number = 1
    names: "Counter[str]" = Counter()
    for dim in dims:
        for factor in dim.split("*") if isinstance(dim, str) else [dim]:
            if not isinstance(factor, str):
                number *= factor
            elif factor.isdecimal():
                number *= int(factor)
            else:
                names[factor] += 1
    return number, names


def product(dims: Sequence[Dim]) -> Dim:
    """The product of dimensions; the order does not matter."""
    number, names = _factors(dims)
    if not names or not number:
        return number
    return "*".join([*sorted(names.elements()), *([str(number)] if number != 1 else [])])


def group_dims(source: Shape, target: Shape) -> List[Tuple[List[int], List[int]]]:
    """Groups of neighbouring dimensions with equal products, the smallest there are.

    Empty when there are none: the shapes do not have the same elements in the same order.
    """
    groups: List[Tuple[List[int], List[int]]] = []
    i = j = 0
    while i < len(source) and j < len(target):
        left, right = [i], [j]
        i, j = i + 1, j + 1
        while True:
            number_left, names_left = _factors(source[d] for d in left)
            number_right, names_right = _factors(target[d] for d in right)
            if (number_left, names_left) == (number_right, names_right):
                break
            if (number_left < number_right or names_right - names_left) and i < len(source):
                left.append(i)
                i += 1
            elif j < len(target):
                right.append(j)
                j += 1
            else:
                return []
        groups.append((left, right))
    if not groups or _factors(source[i:]) != _factors(target[j:]):
        return []
    groups[-1][0].extend(range(i, len(source)))
    groups[-1][1].extend(range(j, len(target)))
    return groups
