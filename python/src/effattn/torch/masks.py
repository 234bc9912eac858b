# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Masks as ops of PyTorch can take them: a text and the tensors that it names.

``separator_mask(is_separator, initial=4, window=16) & causal_mask()`` is the text
``"mask_and(separator_mask(is_separator, initial=4, window=16), causal_mask())"`` and a list of one tensor:
a name in the text stands for the next of the list.
"""

from __future__ import annotations

import ast
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from effattn import ops
from effattn.error import Error
from effattn.ops import Mask


def pack(mask: Optional[Mask]) -> Tuple[Optional[str], List[Any]]:
    """The text of a mask, and its operands in the order of their names in it."""
    if mask is None:
        return None, []
    operands: List[Any] = []
    return _write(mask, operands), operands


def _write(mask: Mask, operands: List[Any]) -> str:
    words = [_write(part, operands) for part in mask.parts]
    for name, value in mask.operands.items():
        words.append(name)
        operands.append(value)
    words += [f"{name}={value}" for name, value in mask.attributes.items()]
    return f"{mask.op}({', '.join(words)})"


def unpack(text: Optional[str], operands: Sequence[Any]) -> Optional[Mask]:
    """The mask that a text and its operands stand for."""
    if text is None:
        return None
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        raise _malformed(text) from None
    values = iter(operands)
    mask = _read(text, tree, values)
    if next(values, None) is not None:
        raise Error(f"expected as many mask_operands as the mask names, but got more for {text!r}")
    return mask


def _malformed(text: str) -> Error:
    return Error(f'expected a mask such as "causal_mask()" or "window_mask(size=8)", but got {text!r}')


def _read(text: str, tree: ast.AST, values: Iterator[Any]) -> Mask:
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        raise _malformed(text)
    name = tree.func.id
    if not (name.endswith("_mask") or name.startswith("mask_")) or name not in ops.__all__:
        raise _malformed(text)
    try:
        attributes = {keyword.arg: ast.literal_eval(keyword.value) for keyword in tree.keywords}
    except ValueError:
        raise _malformed(text) from None
    parts, operands = [], {}
    for argument in tree.args:
        if isinstance(argument, ast.Name):
            operands[argument.id] = next(values, None)
            if operands[argument.id] is None:
                raise Error(f"expected a tensor of mask_operands for {argument.id} in {text!r}, but got none")
        else:
            parts.append(_read(text, argument, values))
    try:
        return getattr(ops, name)(*parts, **operands, **attributes)
    except TypeError:
        raise _malformed(text) from None
