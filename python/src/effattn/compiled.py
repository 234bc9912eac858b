# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled functions: calling them, saving them, looking into them."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import statistics
import tempfile
import time
import warnings
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from tqdm import tqdm

from effattn import _native
from effattn.arrays import ELEMENTS, Kind, as_stored, kind_of
from effattn.error import Error
from effattn.spans import Span, write_trace

Path = Union[str, "os.PathLike[str]"]
Donation = Union[bool, int, str, Iterable[Union[int, str]]]


class Argument(NamedTuple):
    """An input or an output of a compiled function."""

    name: str
    type: str
    """Of an element: "f32", "bf16", "bool", ..."""
    shape: Tuple[Union[int, str], ...]
    """Sizes and symbols; equal symbols are equal sizes, and data decide about "?"."""
    state: Optional[int] = None
    """The input that this output succeeds."""

    def __str__(self) -> str:
        return f"{self.name} {self.type}[{', '.join(map(str, self.shape))}]"


class Signature(NamedTuple):
    """What a compiled function takes and gives."""

    name: str
    inputs: Tuple[Argument, ...]
    outputs: Tuple[Argument, ...]

    def __str__(self) -> str:
        inputs, outputs = (", ".join(map(str, group)) for group in (self.inputs, self.outputs))
        return f"{self.name}({inputs}) -> ({outputs})"


class Timing(NamedTuple):
    """Seconds that calls took."""

    min: float
    median: float
    max: float
    calls: int


class Source(NamedTuple):
    """What a function was compiled from, and how."""

    content: bytes
    name: str
    options: Dict[str, Any]

    def compile(self, **more: Any) -> "_native.CompiledFiles":
        return _native.compile(self.content, self.name, **self.options, **more)


def _argument(entry: Dict[str, Any]) -> Argument:
    return Argument(entry["name"], entry["type"], tuple(entry["shape"]), entry.get("state"))


class Function:
    """One function of a library."""

    def __init__(self, library: "_native.Library", name: str):
        self._native = library.find(name)
        entry = json.loads(self._native.signature)
        self.signature = Signature(
            name, tuple(map(_argument, entry["inputs"])), tuple(map(_argument, entry["outputs"]))
        )
        inputs, outputs = self.signature.inputs, self.signature.outputs
        self._input_dtypes = [ELEMENTS[argument.type].dtype for argument in inputs]
        self._elements = [ELEMENTS[argument.type] for argument in outputs]
        self._native.describe(
            [argument.name for argument in inputs],
            [(element.dlpack, len(argument.shape)) for element, argument in zip(self._elements, outputs)],
        )
        self._states = [
            (output, argument.state) for output, argument in enumerate(outputs) if argument.state is not None
        ]

    def call(self, arrays: Sequence[Any], kind: Kind, donate: Donation = ()) -> List[Any]:
        """The outputs in order."""
        elements = self._elements

        def allocate(index: int, shape: Tuple[int, ...]) -> Any:
            try:
                return kind.allocate(shape, elements[index])
            except (MemoryError, RuntimeError, ValueError):
                output = self.signature.outputs[index]
                raise Error(
                    f"{self.signature.name}: cannot allocate output {index} '{output.name}': "
                    f"{output.type}[{', '.join(map(str, shape))}]"
                ) from None

        def adopt(index: int, bits: np.ndarray) -> Any:
            return kind.adopt(bits, elements[index])

        donated = self._donated(donate) if donate else ()
        results = self._native.call(arrays, allocate, adopt, donated)
        if kind.finish is not None:
            kept = {output for output, _ in donated}
            results = [r if i in kept else kind.finish(r) for i, r in enumerate(results)]
        return results

    def arguments(self, arrays: Sequence[Any]) -> List[Any]:
        """Arrays as they are stored, and Python's numbers as arrays of the type that the function wants."""
        return [
            self._scalar(i, value) if isinstance(value, (bool, int, float)) else as_stored(value)
            for i, value in enumerate(arrays)
        ]

    def _scalar(self, index: int, value: Any) -> Any:
        if index >= len(self._input_dtypes):
            return value
        try:
            return np.array(value, self._input_dtypes[index])
        except OverflowError:
            argument = self.signature.inputs[index]
            raise Error(
                f"{self.signature.name}: expected input {index} '{argument.name}' to fit {argument.type}, "
                f"but got {value}"
            ) from None

    def _donated(self, donate: Donation) -> List[Tuple[int, int]]:
        if donate is True:
            return self._states
        inputs = self.signature.inputs
        wanted = [donate] if isinstance(donate, (int, str)) else list(donate)
        successors = {state: output for output, state in self._states}
        names: Dict[Any, int] = {inputs[state].name: state for state in successors}
        pairs = []
        for item in wanted:
            state = names.get(item, item)
            if state not in successors:
                raise Error(
                    f"{self.signature.name}: expected donate to name inputs that a result succeeds "
                    f"({', '.join(names) or 'there are none'}), but got {item!r}"
                )
            pairs.append((successors[state], state))
        return pairs


class Compiled:
    """A compiled function; call it with its inputs in order.

    Arrays are NumPy's, PyTorch's, or anything with ``__dlpack__``, of any strides; they are used where
    they are. A result is what the inputs are: PyTorch's where one of them is. One result comes as it
    is, several as a tuple.

    Where the IR has several public functions, a call is one of main, and ``compiled["f"]`` is f.
    """

    def __init__(
        self,
        library: "_native.Library",
        entry: Optional[str],
        *,
        source: Optional[Source] = None,
        path: Optional[str] = None,
        stage_times: Optional[Dict[str, float]] = None,
    ):
        self._library, self._source, self._path = library, source, path
        self.functions: Tuple[str, ...] = tuple(library.functions)
        """The names of all functions."""
        self.stage_times: Dict[str, float] = dict(stage_times or {})
        """Seconds that each stage of the compiler took, in order."""
        if entry is not None and entry not in self.functions:
            raise Error(f"expected entry to be one of {', '.join(self.functions)}, but got {entry!r}")
        if entry is None and len(self.functions) == 1:
            (entry,) = self.functions
        elif entry is None and "main" in self.functions:
            entry = "main"
        self._function = None if entry is None else Function(library, entry)

    def __getitem__(self, entry: str) -> "Compiled":
        return Compiled(
            self._library, entry, source=self._source, path=self._path, stage_times=self.stage_times
        )

    @property
    def function(self) -> Function:
        """The function that calls go to."""
        if self._function is None:
            raise Error(
                f"expected a choice among the functions {', '.join(self.functions)}: "
                f'compiled["{self.functions[0]}"] or entry="{self.functions[0]}"'
            )
        return self._function

    def __repr__(self) -> str:
        what = self._function.signature if self._function else ", ".join(self.functions)
        return f"<effattn.Compiled {what}>"

    @property
    def signature(self) -> Signature:
        """Names, types and shapes of inputs and outputs."""
        return self.function.signature

    def __call__(self, *arrays: Any, donate: Donation = ()) -> Any:
        """Call the function.

        Args:
            arrays: the inputs in order; Python's numbers where an input is a scalar.
            donate: inputs whose memory their successors may take, by name or place, or True for all:
                a state is then updated in place and comes back as the array that was given.
        Returns:
            the result, or the results as a tuple.
        Raises:
            effattn.Error: an input has another type, rank or shape than the function wants, or holds
                what the function refuses. States that were not donated are unchanged.
        """
        function = self.function
        results = function.call(function.arguments(arrays), kind_of(arrays), donate)
        return results[0] if len(results) == 1 else tuple(results)

    def time(self, *arrays: Any, repeat: int = 10) -> Timing:
        """Call the function once, and then ``repeat`` times by the clock."""
        if repeat < 1:
            raise Error(f"expected repeat to be at least 1, but got {repeat}")
        function, kind = self.function, kind_of(arrays)
        inputs = function.arguments(arrays)
        function.call(inputs, kind)
        seconds = []
        for _ in tqdm(range(repeat), desc=function.signature.name, delay=1, leave=False, disable=None):
            start = time.perf_counter()
            function.call(inputs, kind)
            seconds.append(time.perf_counter() - start)
        return Timing(min(seconds), statistics.median(seconds), max(seconds), repeat)

    def spans(self) -> List[Span]:
        """The ops that ran in this thread's calls since the last time, in the order in which they ended.

        A thread that comes and goes takes its own before it ends; their memory stays in use otherwise.

        Raises:
            effattn.Error: the function was not compiled with ``trace=True``.
        """
        taken = self.function._native.take_spans()
        if taken is None:
            raise Error(f"{self.signature.name} records no spans: compile it with trace=True")
        spans, lost = taken
        if lost:
            warnings.warn(f"{lost} spans are lost: a thread keeps 2^20 at most", stacklevel=2)
        return [Span.of(fields) for fields in spans]

    def write_trace(self, path: Path) -> None:
        """Write what ``spans`` gives as a file for Perfetto (https://ui.perfetto.dev)."""
        # Spans are there once.
        _native.check_writable(os.fspath(path))
        write_trace(os.fspath(path), self.spans())

    def save(self, path: Path) -> None:
        """Write an object (``.o``), a shared library (``.so``), or what else the ending says.

        Objects and libraries come with a C header and a JSON signature beside them. A library that was
        loaded can be saved as ``.so`` alone.

        Raises:
            effattn.Error: the file cannot be written; then nothing is.
        """
        path = os.fspath(path)
        _native.check_writable(path)
        if self._source is None:
            assert self._path is not None
            if pathlib.Path(path).suffix != ".so":
                raise Error(f"cannot write {path}: {self._path} was loaded, and its IR is not known")
            shutil.copyfile(self._path, path)
            return
        name = pathlib.Path(path)
        files = self._source.compile(output=path, name=name.stem, soname=name.name)
        _native.write_compiled(path, files)

    def ir(self, stage: str = "mlir-effattn") -> str:
        """The text of a stage: "mlir-effattn", "mlir-linalg", "mlir-llvm", "llvm-ir", "asm", ..."""
        if self._source is None:
            raise Error(f"{self._path} was loaded, and its IR is not known")
        content = self._source.compile(stage=stage).content
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise Error(f"{stage} is binary: save it to a file") from None


def load_library(content: bytes, path: str = "the compiled library") -> "_native.Library":
    """A library of its own, whatever was loaded before from a file of the same name."""
    with tempfile.NamedTemporaryFile(prefix="effattn-", suffix=".so") as file:
        file.write(content)
        file.flush()
        try:
            return _native.Library(file.name)
        except Error as problem:
            # The user knows the library under another name, if any.
            raise Error(str(problem).replace(file.name, path)) from None


def read(path: str) -> bytes:
    """The content of a file; the error names it and says why."""
    try:
        return pathlib.Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise Error(f"cannot read {path}: {reason}") from None


def load(path: Path, *, entry: Optional[str] = None) -> Compiled:
    """Load a shared library that effattn has compiled.

    Args:
        path: the ``.so``.
        entry: which function to call: main, or the only one, where it is absent.
    Raises:
        effattn.Error: the file cannot be read or is no such library.
    """
    path = os.fspath(path)
    content = read(path)
    if not content.startswith(b"\x7fELF"):
        raise Error(f"{path} is no shared library")
    library = load_library(content, path)
    if not library.functions:
        raise Error(f"{path} has no function that effattn compiled")
    return Compiled(library, entry, path=path)
