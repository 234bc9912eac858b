# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Masks: which keys a query keeps, combined without being materialised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Hashable, Iterator, Optional, Sequence, Tuple

from effattn import reference
from effattn.error import Error
from effattn.ir.attributes import INTEGER, INTEGERS, write
from effattn.ir.module import Function
from effattn.ops.dispatch import Array, apply, op, to_numpy
from effattn.ops.op import Group, Op, Place, Sizes, check_operand, parse_groups
from effattn.reference.operands import at_least, refuse

_OPERANDS: Dict[str, Tuple[Group, ...]] = {
    "causal_mask": (),
    "window_mask": (),
    "initial_mask": parse_groups("starts[B]? int"),
    "length_mask": parse_groups("lengths[B] int, starts[B]? int"),
    "document_mask": parse_groups("query_ids[B T] int, key_ids[B S] int"),
    "dense_mask": parse_groups("keep[B|1 H|1 T S] bool"),
    "separator_mask": parse_groups("is_separator[B S] bool, starts[B]? int"),
}


@dataclass(frozen=True, eq=False)
class Mask:
    """Which keys a query keeps: the op that made it, its operands and attributes, the masks it combines.

    Combine masks with ``&``, ``|`` and ``~``; give them to ``attention`` or ``materialize_mask``.
    """

    op: str
    operands: Dict[str, Any] = field(default_factory=dict)
    attributes: Dict[str, int] = field(default_factory=dict)
    parts: Tuple["Mask", ...] = ()

    def __and__(self, other: "Mask") -> "Mask":
        return mask_and(self, other)

    def __or__(self, other: "Mask") -> "Mask":
        return mask_or(self, other)

    def __invert__(self) -> "Mask":
        return mask_not(self)

    def __bool__(self) -> bool:
        raise Error("a mask has no truth value: combine masks with &, | and ~, not with and, or and not")

    def __repr__(self) -> str:
        if self.parts:
            return f"{self.op}({', '.join(map(repr, self.parts))})"
        operands = [f"{name}={list(getattr(value, 'shape', value))}" for name, value in self.operands.items()]
        attributes = [f"{name}={value}" for name, value in self.attributes.items()]
        return f"{self.op}({', '.join(operands + attributes)})"

    @property
    def form(self) -> Hashable:
        """What two masks have in common that are the same but for their operands."""
        parts = tuple(part.form for part in self.parts)
        return self.op, tuple(self.operands), tuple(self.attributes.items()), parts

    def values(self) -> Iterator[Place]:
        """All operands in a fixed order."""
        for group in _OPERANDS.get(self.op, ()):
            if group.name in self.operands:
                yield self.op, group, self.operands[group.name]
        for part in self.parts:
            yield from part.values()

    def replace(self, values: Iterator[Any]) -> "Mask":
        """The mask with other operands, in the same order."""
        operands = {
            group.name: next(values) for group in _OPERANDS.get(self.op, ()) if group.name in self.operands
        }
        return Mask(self.op, operands, self.attributes, tuple([part.replace(values) for part in self.parts]))

    def to_reference(self) -> reference.Mask:
        """The same mask in ``effattn.reference``."""
        make = getattr(reference, self.op)
        if self.parts:
            return make(*(part.to_reference() for part in self.parts))
        return make(**{name: to_numpy(value) for name, value in self.operands.items()}, **self.attributes)

    # --- As IR -------------------------------------------------------------------------------------

    def region(self, function: Function, sizes: Sizes) -> str:
        """The region of an op that uses the mask; its operands agree with the op's sizes."""
        lines: list = []
        root = self._write(function, sizes, lines)
        return (
            "{\n" + "".join(f"  {line}\n" for line in [*lines, f"effattn.yield {root} : !effattn.mask"]) + "}"
        )

    def _write(self, function: Function, sizes: Sizes, lines: list) -> str:
        words = [part._write(function, sizes, lines) for part in self.parts]
        required = []
        for group in _OPERANDS.get(self.op, ()):
            value = self.operands.get(group.name)
            if value is None:
                continue
            check_operand(function, self.op, group, value, sizes.of(self.op), {})
            if group.optional:
                words.append(f"{group.name}({value.name} : {value.type})")
            else:
                required.append(value)
        text = ", ".join(words) if self.parts else " ".join(words)
        if required:
            names, types = (", ".join(getattr(v, k) for v in required) for k in ("name", "type"))
            text = f"{names} : {types} {text}".rstrip()
        name = function.fresh(self.op)
        attributes = write([(key, INTEGER, value) for key, value in self.attributes.items()])
        lines.append(f"{name} = effattn.{self.op}{' ' if text else ''}{text}{attributes}")
        return name


def _make(name: str, operands: Dict[str, Any], **attributes: int) -> Mask:
    return Mask(name, {key: value for key, value in operands.items() if value is not None}, attributes)


@op(reference.causal_mask)
def causal_mask() -> Mask:
    return _make("causal_mask", {})


@op(reference.window_mask)
def window_mask(*, size: int) -> Mask:
    return _make("window_mask", {}, size=at_least("window_mask", "size", size, 1))


@op(reference.initial_mask)
def initial_mask(*, count: int, starts: Optional[Array] = None) -> Mask:
    return _make("initial_mask", {"starts": starts}, count=at_least("initial_mask", "count", count, 0))


@op(reference.length_mask)
def length_mask(lengths: Array, *, starts: Optional[Array] = None) -> Mask:
    return _make("length_mask", {"lengths": lengths, "starts": starts})


@op(reference.document_mask)
def document_mask(query_ids: Array, key_ids: Array) -> Mask:
    return _make("document_mask", {"query_ids": query_ids, "key_ids": key_ids})


@op(reference.dense_mask)
def dense_mask(keep: Array) -> Mask:
    return _make("dense_mask", {"keep": keep})


@op(reference.separator_mask)
def separator_mask(is_separator: Array, *, initial: int, window: int, starts: Optional[Array] = None) -> Mask:
    name = "separator_mask"
    return _make(
        name,
        {"is_separator": is_separator, "starts": starts},
        initial=at_least(name, "initial", initial, 0),
        window=at_least(name, "window", window, 1),
    )


def check_mask(name: str, mask: Any) -> Mask:
    """Refuse what is no mask."""
    if not isinstance(mask, Mask):
        raise refuse(name, f"expected a mask, but got {type(mask).__name__}: give arrays to dense_mask")
    return mask


def _combine(name: str, masks: Sequence[Mask]) -> Mask:
    if not masks:
        raise refuse(name, "expected at least one mask, but got none")
    return Mask(name, parts=tuple(check_mask(name, mask) for mask in masks))


@op(reference.mask_and)
def mask_and(*masks: Mask) -> Mask:
    return _combine("mask_and", masks)


@op(reference.mask_or)
def mask_or(*masks: Mask) -> Mask:
    return _combine("mask_or", masks)


@op(reference.mask_not)
def mask_not(mask: Mask) -> Mask:
    return _combine("mask_not", (mask,))


_MATERIALIZE_MASK = Op("materialize_mask", "offset[B or scalar]? int -> keep[B H T S] bool")


@op(reference.materialize_mask)
def materialize_mask(
    mask: Mask,
    *,
    batch: int,
    queries: int,
    keys: int,
    heads: int = 1,
    offset: Optional[Array] = None,
    lowering: str = "cpu",
) -> Array:
    call = _MATERIALIZE_MASK.call(
        {"offset": offset},
        sizes={"B": batch, "H": heads, "T": queries, "S": keys},
        mask=check_mask("materialize_mask", mask),
    )
    return apply(call, lowering)


_SEPARATOR_POSITIONS = Op(
    "separator_positions", "ids[B S] int, bitmap[V]? bool -> is_separator[B S] bool", separators=INTEGERS
)


@op(reference.separator_positions)
def separator_positions(
    ids: Array,
    *,
    separators: Optional[Sequence[int]] = None,
    bitmap: Optional[Array] = None,
    lowering: str = "cpu",
) -> Array:
    call = _SEPARATOR_POSITIONS.call({"ids": ids, "bitmap": bitmap}, separators=separators)
    return apply(call, lowering)
