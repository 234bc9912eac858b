# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Walking the graph of a program: one node after the other becomes lines of a function."""

from __future__ import annotations

import operator
import re
from typing import Any, Dict, List, Optional

import torch
from torch import fx

from effattn.arrays import element_of
from effattn.error import Error
from effattn.ir import Function
from effattn.ir.dims import Shape
from effattn.ir.tensor import Tensor
from effattn.torch import signatures
from effattn.torch.importer.aten import KEPT, LOWERINGS
from effattn.torch.importer.sizes import Sizes
from effattn.torch.library import OPS

_CHECKS = (
    "_assert_async",
    "_assert_scalar",
    "_assert_tensor_metadata",
    "sym_constrain_range",
    "sym_constrain_range_for_size",
)
"""Checks of sizes, which compiled code makes of its own."""


def compiled_decompositions() -> Any:
    """Those of PyTorch into its core ops, without those of ops that are written whole."""
    table = torch.export.default_decompositions()
    for op in KEPT:
        table.pop(op, None)
    return table


class Importer:
    """A function under construction, and its values under the names of the program."""

    def __init__(self, function: Function):
        self.function, self.sizes = function, Sizes(function)
        self.values: Dict[fx.Node, Any] = {}

    def input(self, node: fx.Node, name: str, value: torch.Tensor) -> Tensor:
        """Make a node an input; ``value`` is a fake tensor of its type and shape."""
        element = _element(node, value)
        self.sizes.name_inputs(value.shape)
        type = f"{element}[{', '.join(map(str, self.sizes.shape(value.shape)))}]"
        self.values[node] = self.function.input(self._input_name(name), type)
        return self.values[node]

    def _input_name(self, name: str) -> str:
        name = re.sub(r"\W", "_", name)
        return self.function.free_name(name if re.match("[A-Za-z_]", name) else f"input_{name}")

    def write(self, graph: fx.Graph) -> None:
        """Write what all nodes compute whose inputs are there."""
        for node in graph.nodes:
            if node.op == "call_function":
                self.call(node)
            elif node.op not in ("placeholder", "output"):
                raise _refuse(node, "there is no lowering of control flow")

    def output(self, node: Any) -> None:
        """Make the value of a node an output."""
        value = self.values.get(node) if isinstance(node, fx.Node) else None
        if not isinstance(value, Tensor):
            raise Error(f"expected tensors as results of the program, but got {node}")
        self.function.output(value)

    def call(self, node: fx.Node) -> None:
        """Write what a node computes."""
        if isinstance(node.meta.get("val"), (torch.SymInt, torch.SymBool, torch.SymFloat, int, float)):
            return  # computed where a size is needed
        if node.target is operator.getitem:
            place = self.values[node.args[0]][node.args[1]]
            self.values[node] = place
            return
        if not isinstance(node.target, torch._ops.OpOverload):
            raise _refuse(node, "it is no op of PyTorch")
        namespace, _, name = node.target._schema.name.partition("::")
        if name in _CHECKS:
            return
        try:
            if namespace == "effattn":
                self.values[node] = self._effattn(node, name)
            elif node.target in LOWERINGS:
                args, kwargs = self.resolve((list(node.args), dict(node.kwargs)))
                self.values[node] = LOWERINGS[node.target](self, node, *args, **kwargs)
            else:
                raise Error("there is no lowering of it")
        except (Error, NotImplementedError) as problem:
            raise _refuse(node, str(problem)) from None

    def resolve(self, value: Any) -> Any:
        """Arguments with values of the function in place of nodes; symbolic sizes stay as they are."""
        if isinstance(value, fx.Node):
            return self.values[value] if value in self.values else value.meta["val"]
        if isinstance(value, (list, tuple)):
            return [self.resolve(item) for item in value]
        if isinstance(value, dict):
            return {key: self.resolve(item) for key, item in value.items()}
        return value

    def shape(self, node: fx.Node) -> Shape:
        return self.sizes.shape(node.meta["val"].shape)

    def element(self, node: fx.Node) -> str:
        return _element(node, node.meta["val"])

    def _effattn(self, node: fx.Node, name: str) -> Any:
        if name not in OPS:
            raise Error("compiled code has no derivatives")
        arguments = OPS[name].arguments(*node.args, **node.kwargs)
        arguments = {key: self._size(self.resolve(value)) for key, value in arguments.items()}
        uses_lse = any(user.target is operator.getitem and user.args[1] == 1 for user in node.users)
        results = signatures.call(name, arguments, return_lse=uses_lse)
        found = node.meta["val"]
        for fake, result in zip([found] if isinstance(found, torch.Tensor) else found, results):
            self.sizes.bind(fake.shape, result.shape)
        return results[0] if isinstance(found, torch.Tensor) else results

    def _size(self, value: Any) -> Any:
        return self.sizes.dim(value) if isinstance(value, torch.SymInt) else value


def _element(node: fx.Node, value: torch.Tensor) -> str:
    element = element_of(value)
    if element is None:
        raise _refuse(node, f"there are no tensors of {value.dtype}")
    return element


def _refuse(node: fx.Node, why: str) -> Error:
    return Error(f"cannot compile {node.target}{_place(node)}: {why}")


_FRAME = re.compile(r'File "([^"]*)", line (\d+), in \S*\n\s*(.*)')


def _place(node: fx.Node) -> str:
    """The line of the user's that a node comes from."""
    frames: List[Any] = _FRAME.findall(node.meta.get("stack_trace") or "")
    frame: Optional[Any] = frames[-1] if frames else None
    return f" ({frame[0]}:{frame[1]}: {frame[2].strip()})" if frame else ""
