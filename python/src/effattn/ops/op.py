# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ops of the dialect: what they take and give, and how they are written as IR."""

from __future__ import annotations

import re
from typing import (
    AbstractSet,
    Any,
    Dict,
    Hashable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from effattn.error import Error
from effattn.ir.attributes import Attribute, write
from effattn.ir.dims import FLOATS, Dim, Shape
from effattn.ir.module import Function
from effattn.ir.tensor import Scalar, Tensor, Value
from effattn.reference.operands import refuse

KINDS = {
    "F": FLOATS,
    "float": FLOATS,
    "f32": ("f32",),
    "bool": ("bool",),
    "flag": ("bool",),
    "int": ("i32", "i64"),
    "i32": ("i32",),
    "i8": ("i8",),
}
"""The element types of each kind of operand; all "F" of an op are alike, a "flag" may be any integer."""

_LINE = 100
"""Characters of a line of IR, where there is a place to break it."""

_GROUP = re.compile(r"(?:(\w+)=)?(\w+)\[([^\]]*)\]([?*]?) (\w+)")


class Group(NamedTuple):
    """An operand or a result: ``name[B T C] F``."""

    name: str
    dims: Tuple[str, ...]
    """A letter, a number, ``A|1`` (A or 1), ``_`` (anything), and first of all ``..`` (any number)."""
    kind: str
    optional: bool = False
    variadic: bool = False
    or_scalar: bool = False
    state: Optional[str] = None
    """Of a result: the operand that it succeeds."""

    @property
    def shape_text(self) -> str:
        return " x ".join(self.dims) or "scalar"

    def check_rank(self, op: str, rank: int) -> None:
        is_open = self.dims[:1] == ("..",)
        least = len(self.dims) - is_open
        if rank == least or is_open and rank > least or self.or_scalar and rank == 0:
            return
        words = "at least " if is_open else ""
        raise refuse(
            op, f"expected {self.name} to have rank {words}{least} ({self.shape_text}), but got rank {rank}"
        )


def parse_groups(text: str) -> Tuple[Group, ...]:
    """Operands or results from a text such as ``"h[B T C] F, lengths[B]? int"``."""
    groups = []
    for part in filter(None, text.split(", ")):
        match = _GROUP.fullmatch(part.strip())
        if not match:
            raise ValueError(f"malformed operand '{part}'")
        state, name, dims, mark, kind = match.groups()
        words = tuple(dims.split())
        or_scalar = words[-2:] == ("or", "scalar")
        groups.append(
            Group(
                name,
                words[:-2] if or_scalar else words,
                kind,
                optional=mark == "?",
                variadic=mark == "*",
                or_scalar=or_scalar,
                state=state,
            )
        )
    return tuple(groups)


SLOPES = Group("slopes", ("H",), "f32")
_SIZES = {"N": "capacity", "B": "batch", "H": "heads", "T": "queries", "S": "keys"}
"""The arguments for sizes that no operand has."""


class Sizes:
    """The sizes that the dimensions of an op's operands have.

    A size that the function computes may equal any other: that is checked when it runs.
    """

    def __init__(self, op: str, computed: AbstractSet[str] = frozenset()):
        self.op, self.computed = op, computed
        self.known: Dict[str, Dim] = {}
        self.lead: Optional[Shape] = None
        self._first: Dict[str, str] = {}

    def of(self, op: str) -> "Sizes":
        """These sizes, for another op that has to agree with them."""
        sizes = Sizes(op, self.computed)
        sizes.known, sizes._first = self.known, self._first
        return sizes

    def match(self, group: Group, shape: Shape) -> None:
        """Take the sizes of an operand, or refuse those that disagree with earlier ones."""
        group.check_rank(self.op, len(shape))
        dims = group.dims
        lead = len(shape) - len(dims)
        if dims[:1] == ("..",):
            dims, lead = dims[1:], lead + 1
            self._match_lead(group, shape[:lead])
        for i, letter in enumerate(dims):
            self._match_dim(group.name, letter, lead + i, shape[lead + i])

    def _match_lead(self, group: Group, shape: Shape) -> None:
        if self.lead is None:
            self.lead = shape
            self._first[".."] = group.name
        elif shape != self.lead:
            found = [len(shape), len(self.lead)]
            if found[0] == found[1]:
                found = [" x ".join(map(str, dims)) for dims in (shape, self.lead)]
            raise refuse(
                self.op,
                f"expected the leading dimensions of {group.name} to equal those of {self._first['..']}, "
                f"but got {found[0]} and {found[1]}",
            )

    def _match_dim(self, name: str, letter: str, place: int, size: Dim) -> None:
        letter, _, one = letter.partition("|")
        # Whether a named size is 1 or the other shows when the function runs.
        if letter == "_" or one and (size == 1 or isinstance(size, str)):
            return
        wanted = int(letter) if letter.isdecimal() else self.known.setdefault(letter, size)
        if wanted != size and not any(isinstance(d, str) and d in self.computed for d in (wanted, size)):
            first = self._first.get(letter, "it")
            raise refuse(
                self.op,
                f"expected {name} {letter} (dim {place}) to equal {first}, but got {size} and {wanted}",
            )
        self._first.setdefault(letter, f"{name} {letter} (dim {place})")

    def shape(self, group: Group) -> Shape:
        """The shape of a result."""
        lead = self.lead or () if group.dims[:1] == ("..",) else ()
        letters = group.dims[1:] if group.dims[:1] == ("..",) else group.dims
        return (*lead, *(int(d) if d.isdecimal() else self.known[d] for d in letters))


Place = Tuple[str, Group, Any]
"""The name of an op, what is declared of a value, and the value."""


class Call(NamedTuple):
    """What an op is called with: arrays, or the tensors of a function under construction."""

    op: "Op"
    operands: Mapping[str, Any]
    attributes: Tuple[Tuple[str, Any], ...]
    sizes: Mapping[str, Any]
    """Sizes that no operand has."""
    fixed: Mapping[str, int]
    """Sizes that no operand has and that are a part of the op."""
    mask: Any
    slopes: Any
    """Of the heads, for ALiBi."""
    absent: Tuple[str, ...]
    """Optional results that are not wanted."""
    element: Optional[str]
    """Of results whose type no operand decides."""

    def values(self) -> Iterator[Place]:
        """All values in a fixed order."""
        name = self.op.name
        for group in self.op.operands:
            value = self.operands.get(group.name)
            if value is None:
                continue
            if group.variadic:
                for i, item in enumerate(value):
                    yield name, group._replace(name=f"{group.name}_{i}"), item
            else:
                yield name, group, value
        if self.mask is not None:
            yield from self.mask.values()
        if self.slopes is not None:
            yield name, SLOPES, self.slopes
        for letter, size in self.sizes.items():
            yield name, Group(_SIZES.get(letter, letter), (), "size"), size

    def replace(self, values: Iterator[Any]) -> "Call":
        """The call with other values, in the same order."""
        operands: Dict[str, Any] = {}
        for group in self.op.operands:
            value = self.operands.get(group.name)
            if value is not None:
                operands[group.name] = [next(values) for _ in value] if group.variadic else next(values)
        return self._replace(
            operands=operands,
            mask=None if self.mask is None else self.mask.replace(values),
            slopes=None if self.slopes is None else next(values),
            sizes={letter: next(values) for letter in self.sizes},
        )

    @property
    def form(self) -> Hashable:
        """What two calls have in common that are the same but for their values."""
        mask = None if self.mask is None else self.mask.form
        return self.op.name, self.attributes, tuple(self.fixed.items()), mask, self.absent, self.element


class Op:
    """An op of the dialect.

    Operands and results are declared as the specification of the ops writes them:
    ``"h[B T C] F, mask[B T] bool, lengths[B]? int -> concepts[B N C] F, counts[B] i32"``. A result
    ``prev=last[B C] F`` is last, the state that succeeds the operand prev. ``clauses`` are optional
    operands that come together, under a name of their own.
    """

    declared: Dict[str, "Op"] = {}
    """All ops by name."""

    def __init__(
        self,
        name: str,
        declaration: str,
        *,
        clauses: Optional[Mapping[str, Tuple[str, ...]]] = None,
        **attributes: Attribute,
    ):
        operands, _, results = declaration.partition(" -> ")
        self.name = name
        self.results = parse_groups(results)
        self.states = {group.state for group in self.results if group.state}
        self.operands = parse_groups(operands)
        self.attributes = attributes
        together = {part for parts in (clauses or {}).values() for part in parts}
        self.clauses = dict(clauses or {})
        for group in self.operands:
            if group.optional and group.name not in self.states | together:
                self.clauses[group.name] = (group.name,)
        Op.declared.setdefault(name, self)

    def call(
        self,
        operands: Mapping[str, Any],
        *,
        sizes: Optional[Mapping[str, Any]] = None,
        fixed: Optional[Mapping[str, int]] = None,
        mask: Any = None,
        slopes: Any = None,
        absent: Sequence[str] = (),
        element: Optional[str] = None,
        **attributes: Any,
    ) -> Call:
        """A call; None stands for operands and attributes that are not given."""
        for group in self.operands:
            if not group.optional and operands[group.name] is None:
                raise refuse(self.name, f"expected {group.name} to be an array, but got None")
        for parts in self.clauses.values():
            if len({operands[part] is None for part in parts}) > 1:
                missing = next(part for part in parts if operands[part] is None)
                raise refuse(self.name, f"expected {' and '.join(parts)} together, but got no {missing}")
        checked = tuple(
            [
                (name, self.attributes[name].check(self.name, name, value))
                for name, value in attributes.items()
                if value is not None
            ]
        )
        return Call(self, operands, checked, sizes or {}, fixed or {}, mask, slopes, tuple(absent), element)

    def wanted(self, call: Call) -> List[Group]:
        """The results that the call has."""
        return [group for group in self.results if group.name not in call.absent]

    # --- As IR -------------------------------------------------------------------------------------

    def write(self, function: Function, call: Call) -> List[Tensor]:
        """Add the op to a function, and give its results."""
        sizes = Sizes(self.name, function.computed_sizes)
        elements: Dict[str, str] = {}
        for group in self.operands:
            for value in self._values(group, call):
                check_operand(function, self.name, group, value, sizes, elements)
        sizes.known.update(call.fixed)
        for letter, size in call.sizes.items():
            sizes.known[letter] = self._size(function, letter, size)
        region = "" if call.mask is None else f" mask {call.mask.region(function, sizes)}"
        if call.slopes is not None:
            check_operand(function, self.name, SLOPES, call.slopes, sizes, {})
            region += f" score {_alibi(call.slopes)}"

        inits, results = [], []
        for group in self.wanted(call):
            element, shape = self._result_type(group, call, sizes, elements)
            state = call.operands.get(group.state or "")
            inits.append(state if state is not None else function.empty(element, shape))
            results.append(function.result(element, shape, group.name))
        head = f"{', '.join(r.name for r in results)} = effattn.{self.name}{self._resume(call)}"
        words = [head, *self._inputs_text(call), _clause("outs", inits), self._attributes_text(call)]
        function.emit(_fill(words) + region)
        return results

    def _values(self, group: Group, call: Call) -> Sequence[Any]:
        value = call.operands.get(group.name)
        if value is None:
            return ()
        return value if group.variadic else (value,)

    def _size(self, function: Function, letter: str, size: Any) -> Dim:
        if isinstance(size, Scalar):
            name = size.name
            if size.element != "index":
                name = function.fresh(letter)
                function.emit(f"{name} = arith.index_cast {size.name} : {size.element} to index")
            return function.define_size(letter, name)
        if isinstance(size, tuple):
            return self._sum(function, letter, size)
        return size

    def _sum(self, function: Function, letter: str, sizes: Sequence[Dim]) -> Dim:
        """A size that is the sum of two."""
        left, right = sizes
        if isinstance(left, int) and isinstance(right, int):
            return left + right
        names = function.size(left), function.size(right)
        name = function.fresh(letter)
        function.emit(f"{name} = arith.addi {names[0]}, {names[1]} : index")
        return function.define_size(letter, name)

    def _result_type(
        self, group: Group, call: Call, sizes: Sizes, elements: Dict[str, str]
    ) -> Tuple[str, Shape]:
        state = call.operands.get(group.state or "")
        if state is not None:
            return state.element, state.shape
        element = elements["F"] if group.kind == "F" else KINDS[group.kind][0]
        return call.element or element, sizes.shape(group)

    def _resume(self, call: Call) -> str:
        """A state that may be missing is read where it is given."""
        optional = [g.name for g in self.operands if g.name in self.states and g.optional]
        return " resume" if any(call.operands.get(name) is not None for name in optional) else ""

    def _inputs_text(self, call: Call) -> List[str]:
        required = [group for group in self.operands if not group.optional and group.name not in self.states]
        values = [value for group in required for value in self._values(group, call)]
        parts = [_clause("ins", values)] if values else []
        for clause, names in self.clauses.items():
            if call.operands.get(names[0]) is not None:
                parts.append(_clause(clause, [call.operands[name] for name in names]))
        return parts

    def _attributes_text(self, call: Call) -> str:
        return write([(name, self.attributes[name], value) for name, value in call.attributes]).strip()


def _alibi(slopes: Tensor) -> str:
    """The score region that adds a slope a head times the distance."""
    # Names of values in a region that no value of the function has.
    return (
        "{\n^bb0(%score.e: f32, %row.e: index, %head.e: index, %query.e: index, %key.e: index):\n"
        f"  %slope.e = tensor.extract {slopes.name}[%head.e] : {slopes.type}\n"
        "  %distance.e = arith.subi %key.e, %query.e : index\n"
        "  %integer.e = arith.index_cast %distance.e : index to i64\n"
        "  %real.e = arith.sitofp %integer.e : i64 to f32\n"
        "  %bias.e = arith.mulf %slope.e, %real.e : f32\n"
        "  %sum.e = arith.addf %score.e, %bias.e : f32\n"
        "  effattn.yield %sum.e : f32\n}"
    )


def _clause(word: str, values: Sequence[Value]) -> str:
    """Operands, with their types on a line of their own where they are many."""
    names, types = (", ".join(getattr(value, key) for value in values) for key in ("name", "type"))
    text = f"{word}({names} : {types})"
    return text if len(text) <= _LINE else f"{word}({names}\n        : {types})"


def _fill(words: Sequence[str]) -> str:
    """Words on as many lines as they need."""
    text = words[0]
    for word in filter(None, words[1:]):
        fits = "\n" not in word and len(text.rpartition("\n")[2]) + len(word) < _LINE
        text += f" {word}" if fits else f"\n    {word}"
    return text


def refuse_element(op: str, group: Group, found: Optional[str]) -> Error:
    return refuse(op, f"expected {group.name} to hold {' or '.join(KINDS[group.kind])}, but got {found}")


def check_operand(
    function: Function, op: str, group: Group, value: Any, sizes: Sizes, elements: Dict[str, str]
) -> None:
    """Refuse what is no value of the function, or has another type or shape than the operand."""
    if not isinstance(value, Value) or value.function is not function:
        found = f"one of {value.function.name}" if isinstance(value, Value) else type(value).__name__
        raise refuse(op, f"expected {group.name} to be a tensor of function {function.name}, but got {found}")
    if value.element not in KINDS[group.kind]:
        raise refuse_element(op, group, value.element)
    if group.kind == "F" and elements.setdefault("F", value.element) != value.element:
        raise refuse(
            op,
            f"expected {group.name} to hold {elements['F']} as operands before it, but got {value.element}",
        )
    if isinstance(value, Tensor):
        sizes.match(group, value.shape)
    elif not group.or_scalar:
        raise refuse(op, f"expected {group.name} to be a tensor, but got a number")
