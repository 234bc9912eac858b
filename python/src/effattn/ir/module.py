# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Modules and functions under construction."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Union

import numpy as np

from effattn.arrays import element_of
from effattn.error import Error
from effattn.ir.dims import Dim, Shape, check_dims, parse_type, type_text
from effattn.ir.tensor import Scalar, Tensor, Value

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def indented(texts: Sequence[str]) -> str:
    """Texts of one line or more, each line with two blanks in front."""
    return "".join(f"  {line}".rstrip() + "\n" for text in texts for line in text.split("\n"))


class Module:
    """IR, written from Python.

    ``module.function("f")`` begins a function; ``str(module)`` is the text, which ``effattn.compile``
    takes as it takes the module.

        module = effattn.Module()
        f = module.function("layer")
        x = f.input("x", "f32[B, T, 64]")
        weight = f.input("weight", "f32[64]")
        f.output(effattn.ops.rms_norm(x, weight), "y")
    """

    def __init__(self) -> None:
        self.functions: Dict[str, Function] = {}

    def function(self, name: str) -> "Function":
        """Begin a public function."""
        if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name):
            raise Error(f"expected the name of a function to be a C identifier, but got {name!r}")
        if name in self.functions:
            raise Error(f"expected a new name for a function, but got {name!r} twice")
        self.functions[name] = Function(name)
        return self.functions[name]

    def __str__(self) -> str:
        return "\n".join(map(str, self.functions.values()))


class Function:
    """A function under construction: inputs, what is computed from them, outputs."""

    def __init__(self, name: str):
        self.name = name
        self._arguments: List[str] = []
        self._inputs: Set[str] = set()
        self._results: List[Tuple[Value, Optional[str]]] = []
        self._lines: List[str] = []
        self._taken: Set[str] = set()
        self._sizes: Dict[str, str] = {}
        self._inputs_by_size: Dict[str, Tuple[Tensor, int]] = {}
        self._constants: Dict[str, str] = {}
        self.computed_sizes: Set[str] = set()
        """Names of sizes that no input has."""

    def __repr__(self) -> str:
        return f"<effattn.Function {self.name}>"

    # --- What users call ---------------------------------------------------------------------------

    def input(self, name: str, type: str) -> Any:
        """An input: a Tensor for a type such as "f32[B, T, 64]", a Scalar for one such as "i64".

        Sizes are numbers and names; equal names are equal sizes wherever they stand.
        """
        if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name):
            raise Error(f"expected the name of an input to be a C identifier, but got {name!r}")
        if name in self._inputs:
            raise Error(f"expected a new name for an input, but got {name!r} twice")
        element, shape = parse_type(type)
        self._inputs.add(name)
        value: Union[Scalar, Tensor]
        attributes = [f'effattn.name = "{name}"']
        if shape is None:
            value = Scalar(self, self.fresh(name), element, None)
        else:
            value = Tensor(self, self.fresh(name), element, shape)
            self._name_sizes(name, value)
        if shape:
            attributes.append(f'effattn.shape = "{" ".join(map(str, shape))}"')
        self._arguments.append(f"{value.name}: {value.type} {{{', '.join(attributes)}}}")
        return value

    def _name_sizes(self, name: str, value: Tensor) -> None:
        for dim, size in enumerate(value.shape):
            if isinstance(size, str):
                if "*" in size:
                    raise Error(f"expected the sizes of input {name!r} to have names, but got {size}")
                self._inputs_by_size.setdefault(size, (value, dim))

    def output(self, value: Value, name: Optional[str] = None) -> None:
        """An output, in the order of the calls."""
        if not isinstance(value, Value):
            raise Error(f"expected an output to be a tensor of the function, but got {value!r}")
        if value.function is not self:
            raise Error(f"expected an output of {self.name}, but got a value of {value.function.name}")
        if name is not None and not _IDENTIFIER.fullmatch(name):
            raise Error(f"expected the name of an output to be a C identifier, but got {name!r}")
        self._results.append((value, name))

    def comment(self, text: str) -> None:
        """A comment before the ops that follow, for those who read the IR."""
        comment = "\n".join(f"// {line}".rstrip() for line in text.splitlines())
        self.emit(f"\n{comment}" if self._lines else comment)

    def constant(self, value: Any) -> Tensor:
        """A tensor of numbers that are known: an array of NumPy, or what makes one.

        Its text is in the module: weights are better inputs.
        """
        array = np.asarray(value)
        if array.dtype == np.float64 and not isinstance(value, (np.ndarray, np.generic)):
            array = array.astype(np.float32)
        element = element_of(array)
        if element is None:
            raise Error(f"expected a constant of numbers, but got {array.dtype}")
        shape = tuple(array.shape)
        if array.size and element == "bool":
            text = str(array.tolist()).lower()
        else:
            text = f'"0x{array.tobytes().hex().upper()}"' if array.size else ""
        name = self.fresh("constant")
        kind = type_text(element, shape)
        self.emit(f"{name} = arith.constant dense<{text}> : {kind}")
        return Tensor(self, name, element, shape)

    def repeat(
        self,
        count: int,
        values: Mapping[str, Tensor],
        body: Callable[[Scalar, Dict[str, Tensor]], Mapping[str, Tensor]],
        name: str = "step",
    ) -> Dict[str, Tensor]:
        """Do the same ``count`` times, such as a layer whose weights are stacked.

        Args:
            count: how many times.
            values: tensors that the steps update, by name.
            body: writes a step: it takes the number of the step, from 0 on, for ``part`` and
                ``with_part``, and the values as they are then, and gives the next.
            name: what the number of a step is called in the IR.
        Returns:
            the values behind the last step.
        """
        from effattn.ir.loops import repeat

        return repeat(self, count, values, body, name)

    # --- What ops are made with --------------------------------------------------------------------

    def free_name(self, hint: str) -> str:
        """A name that no value has yet, without the percent sign."""
        hint = re.sub(r"\W", "_", hint)
        name, count = hint, 0
        while f"%{name}" in self._taken:
            count += 1
            name = f"{hint}_{count}"
        return name

    def fresh(self, hint: str) -> str:
        """The name of a new value."""
        name = f"%{self.free_name(hint)}"
        self._taken.add(name)
        return name

    def emit(self, text: str) -> None:
        self._lines.append(text)

    @contextmanager
    def region(self) -> Iterator[List[str]]:
        """The lines of a region. Constants and sizes that it defines are not known behind it."""
        outside = self._lines, self._constants, self._sizes
        self._lines, self._constants, self._sizes = [], dict(self._constants), dict(self._sizes)
        try:
            yield self._lines
        finally:
            self._lines, self._constants, self._sizes = outside

    def index(self, value: int) -> str:
        """The name of a constant."""
        return self.number(str(value), "index", f"c{value}")

    def number(self, text: str, kind: str, hint: str) -> str:
        """The name of a constant of a plain type, one for all its uses."""
        key = f"{text} : {kind}"
        if key not in self._constants:
            self._constants[key] = self.fresh(hint)
            self.emit(f"{self._constants[key]} = arith.constant {key}")
        return self._constants[key]

    def define_size(self, hint: str, value: str) -> str:
        """Give a size that was computed (an index) a name of its own."""
        name, count = hint, 0
        while name in self._sizes or name in self._inputs_by_size:
            count += 1
            name = f"{hint}{count}"
        self._sizes[name] = value
        self.computed_sizes.add(name)
        return name

    def size(self, dim: Dim) -> str:
        """The name of the index that holds a size."""
        if isinstance(dim, int):
            return self.index(dim)
        if dim not in self._sizes:
            self._sizes[dim] = self._compute_size(dim)
        return self._sizes[dim]

    def _compute_size(self, dim: str) -> str:
        if dim in self._inputs_by_size:
            tensor, number = self._inputs_by_size[dim]
            place = self.index(number)
            name = self.fresh(dim)
            self.emit(f"{name} = tensor.dim {tensor.name}, {place} : {tensor.type}")
            return name
        if "*" not in dim:
            raise Error(f"expected the size {dim} to be one of an input's, but no input has it")
        rest, _, last = dim.rpartition("*")
        left, right = self.size(rest), self.size(int(last) if last.isdecimal() else last)
        name = self.fresh(dim)
        self.emit(f"{name} = arith.muli {left}, {right} : index")
        return name

    def empty(self, element: str, shape: Sequence[Dim], hint: str = "init") -> Tensor:
        """A tensor whose elements nobody has written yet."""
        shape = check_dims(shape)
        sizes = ", ".join(self.size(dim) for dim in shape if isinstance(dim, str))
        name = self.fresh(hint)
        self.emit(f"{name} = tensor.empty({sizes}) : {type_text(element, shape)}")
        return Tensor(self, name, element, shape)

    def result(self, element: str, shape: Shape, hint: str) -> Tensor:
        """The tensor that the next line computes."""
        return Tensor(self, self.fresh(hint), element, shape)

    # --- Text --------------------------------------------------------------------------------------

    def _result_text(self, value: Value, name: Optional[str]) -> str:
        attributes = [] if name is None else [f'effattn.name = "{name}"']
        if value.shape:
            words = (re.sub(r"\W", "_", str(dim)) for dim in value.shape)
            attributes.append(f'effattn.shape = "{" ".join(words)}"')
        return value.type + (f" {{{', '.join(attributes)}}}" if attributes else "")

    def __str__(self) -> str:
        if not self._results:
            raise Error(f"expected function {self.name} to have an output, but it has none")
        arguments = ",\n    ".join(self._arguments)
        results = ",\n        ".join(self._result_text(*result) for result in self._results)
        names = ", ".join(value.name for value, _ in self._results)
        types = ", ".join(value.type for value, _ in self._results)
        return (
            f"func.func @{self.name}(\n    {arguments})\n    -> ({results}) {{\n"
            f"{indented(self._lines)}  return {names} : {types}\n}}\n"
        )
