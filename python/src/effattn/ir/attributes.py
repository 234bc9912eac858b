# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attributes of ops: what Python may give for them, and how IR writes them."""

from __future__ import annotations

import math
import struct
from typing import Any, Sequence, Tuple

import numpy as np

from effattn.reference.operands import refuse


def real_text(value: float, bits: int = 64) -> str:
    """A number as a literal of IR; what has no decimal form as its bits."""
    value = float(value)
    if math.isfinite(value):
        mantissa, e, exponent = repr(value).partition("e")
        return (mantissa if "." in mantissa else f"{mantissa}.0") + e + exponent
    pattern = struct.pack(">d", value) if bits == 64 else struct.pack(">f", value)
    return f"0x{pattern.hex().upper()}"


class Attribute:
    """An attribute: ``check`` gives the value in one form, ``text`` writes that form."""

    def check(self, op: str, name: str, value: Any) -> Any:
        raise NotImplementedError

    def text(self, value: Any) -> str:
        raise NotImplementedError


class Real(Attribute):
    def check(self, op: str, name: str, value: Any) -> float:
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
            raise refuse(op, f"expected {name} to be a number, but got {value!r}")
        return float(value)

    def text(self, value: float) -> str:
        text = real_text(value)
        return f"{text} : f64" if text.startswith("0x") else text


class Integer(Attribute):
    def check(self, op: str, name: str, value: Any) -> int:
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
            raise refuse(op, f"expected {name} to be an integer, but got {value!r}")
        if not -(2**63) <= value < 2**63:
            raise refuse(op, f"expected {name} to fit 64 bits, but got {value}")
        return int(value)

    def text(self, value: int) -> str:
        return str(value)


class Integers(Attribute):
    def check(self, op: str, name: str, value: Any) -> Tuple[int, ...]:
        try:
            items: Sequence[Any] = list(value)
        except TypeError:
            raise refuse(op, f"expected {name} to be a list of integers, but got {value!r}") from None
        return tuple(Integer().check(op, f"{name}[{i}]", item) for i, item in enumerate(items))

    def text(self, value: Tuple[int, ...]) -> str:
        return f"array<i64: {', '.join(map(str, value))}>" if value else "array<i64>"


class Flag(Attribute):
    def check(self, op: str, name: str, value: Any) -> bool:
        if not isinstance(value, (bool, np.bool_)):
            raise refuse(op, f"expected {name} to be True or False, but got {value!r}")
        return bool(value)

    def text(self, value: bool) -> str:
        return str(value).lower()


class Choice(Attribute):
    """One of some words; ``kind`` is the attribute's name in the dialect."""

    def __init__(self, kind: str, *words: str):
        self.kind, self.words = kind, words

    def check(self, op: str, name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise refuse(op, f"expected {name} to be one of {', '.join(self.words)}, but got {value!r}")
        return value

    def text(self, value: str) -> str:
        return f"#effattn.{self.kind}<{value}>"


REAL, INTEGER, INTEGERS, FLAG = Real(), Integer(), Integers(), Flag()


def write(attributes: Sequence[Tuple[str, Attribute, Any]]) -> str:
    """The dictionary of an op, with a blank before it; nothing when it is empty."""
    entries = [f"{name} = {kind.text(value)}" for name, kind, value in attributes]
    return f" {{{', '.join(entries)}}}" if entries else ""
