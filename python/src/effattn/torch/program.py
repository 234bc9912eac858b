# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a module of PyTorch to a function that can be called with its weights."""

from __future__ import annotations

import os
import traceback
import warnings
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import torch
from torch.export import Dim, ExportedProgram, ShapesCollection
from torch.export.graph_signature import InputKind
from torch.utils import _pytree as pytree

import effattn
from effattn.compiled import Compiled, Donation, Timing
from effattn.error import Error
from effattn.ir import Module
from effattn.torch.importer import Importer, compiled_decompositions

_LIBRARIES = tuple(os.path.dirname(module.__file__) for module in (torch, effattn))
_WEIGHTS = (InputKind.PARAMETER, InputKind.BUFFER)


def export(module: torch.nn.Module, inputs: Any, dynamic_shapes: Any = None) -> ExportedProgram:
    """The program of a module, in which all sizes of ``inputs`` may vary that the module lets vary.

    Sizes of 0 and 1 are what they are, as PyTorch takes them for constants; ``dynamic_shapes``, as of
    ``torch.export.export``, says more.
    """
    inputs = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    if dynamic_shapes is None:
        dynamic_shapes = ShapesCollection()
        for tensor in pytree.tree_leaves(inputs):
            if isinstance(tensor, torch.Tensor):
                dynamic_shapes[tensor] = [Dim.AUTO] * tensor.dim()
    name = type(module).__name__
    try:
        with torch.no_grad(), _without_its_own_warnings():
            return torch.export.export(module, inputs, dynamic_shapes=dynamic_shapes)
    except Error:
        raise
    except Exception as problem:
        raise Error(f"cannot export {name}{_place(problem)}: {_sentence(problem)}") from problem


@contextmanager
def _without_its_own_warnings() -> Iterator[None]:
    """PyTorch warns while it copies programs that it still checks for leaves in the old way."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`", FutureWarning)
        yield


def _sentence(problem: BaseException) -> str:
    """What PyTorch says, in one line."""
    if "data-dependent" in str(problem):
        return "it depends on data which way the program goes"
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return lines[0] if lines else type(problem).__name__


def _place(problem: BaseException) -> str:
    """The last line of the traceback that is neither PyTorch's nor ours."""
    for frame in reversed(traceback.extract_tb(problem.__traceback__)):
        if frame.line and not frame.filename.startswith(_LIBRARIES):
            return f" ({frame.filename}:{frame.lineno}: {frame.line})"
    return ""


class Program:
    """An exported program as IR, and the weights that its function is called with.

    The inputs of the function are those of the program, and then its weights and buffers under their
    names in the module. It is written to ``module``, which may have others, or to one of its own.
    """

    def __init__(self, exported: ExportedProgram, name: str, module: Optional[Module] = None):
        with _without_its_own_warnings():
            exported = exported.run_decompositions(compiled_decompositions())
        self.exported = exported
        self.weights: Dict[str, torch.Tensor] = {}
        self.module = Module() if module is None else module
        self._refuse_changes()
        importer = Importer(self.module.function(name))
        self._declare(importer)
        importer.write(exported.graph)
        (results,) = next(node for node in exported.graph.nodes if node.op == "output").args
        for node in results:
            importer.output(node)

    @staticmethod
    def of(source: Any, inputs: Any, dynamic_shapes: Any, name: str) -> "Program":
        """The program of a module with example inputs, or of one that was exported."""
        if isinstance(source, ExportedProgram):
            if inputs is not None or dynamic_shapes is not None:
                raise Error("expected example_inputs with a module, but got them with an ExportedProgram")
            return Program(source, name)
        if not isinstance(source, torch.nn.Module):
            raise Error(f"expected a torch.nn.Module or an ExportedProgram, but got {type(source).__name__}")
        if inputs is None:
            raise Error("expected example_inputs with a torch.nn.Module, but got none")
        return Program(export(source, inputs, dynamic_shapes), name)

    def _refuse_changes(self) -> None:
        signature = self.exported.graph_signature
        changed = [*signature.user_inputs_to_mutate.values(), *signature.buffers_to_mutate.values()]
        if changed:
            raise Error(
                f"cannot compile a program that changes {changed[0]} in place: give the new value as a result"
            )

    def _declare(self, importer: Importer) -> None:
        """Inputs first, then weights; constants are written where they are."""
        nodes = {node.name: node for node in self.exported.graph.nodes if node.op == "placeholder"}
        constants = self.exported.constants
        weights: List[Tuple[Any, str, torch.Tensor]] = []
        for spec in self.exported.graph_signature.input_specs:
            node = nodes[spec.arg.name]
            value = node.meta.get("val")
            if spec.kind in _WEIGHTS:
                # A buffer that is not saved with the module is among the constants.
                store = self.exported.state_dict if spec.target in self.exported.state_dict else constants
                weights.append((node, spec.target, store[spec.target]))
            elif spec.kind == InputKind.CONSTANT_TENSOR:
                importer.values[node] = importer.function.constant(constants[spec.target].detach().numpy())
            elif spec.kind == InputKind.USER_INPUT and isinstance(value, torch.Tensor):
                importer.input(node, node.name, value)
            else:
                raise Error(f"expected tensors as inputs of the program, but got {spec.arg}")
        for node, name, tensor in weights:
            importer.input(node, name, node.meta["val"])
            self.weights[name] = tensor.detach()

    def compiled(self, *args: Any, **options: Any) -> "CompiledProgram":
        compiled = CompiledProgram(*args, **options)
        compiled.weights, compiled._exported = self.weights, self.exported
        return compiled


class CompiledProgram(Compiled):
    """A compiled module: called with its inputs, it takes its weights by itself.

    ``weights`` are those of the module, where they are: what changes there counts in the next call. A
    library that is saved takes them as inputs behind the others, in this order.
    """

    weights: Mapping[str, torch.Tensor]
    _exported: ExportedProgram

    def _inputs(self, inputs: Sequence[Any]) -> List[Any]:
        leaves = pytree.tree_leaves(tuple(inputs))
        return [*leaves, *self.weights.values()]

    def __call__(self, *inputs: Any, donate: Donation = ()) -> Any:
        """The results for inputs, in the structure that the module gives them."""
        with torch.no_grad():
            results = super().__call__(*self._inputs(inputs), donate=donate)
        results = list(results) if isinstance(results, tuple) else [results]
        return pytree.tree_unflatten(results, self._exported.call_spec.out_spec)

    def time(self, *inputs: Any, repeat: int = 10) -> Timing:
        return super().time(*self._inputs(inputs), repeat=repeat)
