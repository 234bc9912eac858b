# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""``torch.compile(module, backend="effattn")``: whole graphs, without gradients."""

from __future__ import annotations

from typing import Any, Callable, List, Sequence

import torch
from torch._decomp import core_aten_decompositions
from torch._dynamo import register_backend
from torch._functorch.aot_autograd import aot_module_simplified, make_boxed_func

from effattn.compiler import compile
from effattn.error import Error
from effattn.ir import Module
from effattn.torch.importer import Importer


@register_backend(name="effattn")
def backend(graph: torch.fx.GraphModule, inputs: Sequence[Any], **options: Any) -> Callable[..., Any]:
    """Compile a graph; ``options`` are those of ``effattn.compile``."""
    options = dict(options.pop("options", None) or {}, **options)
    needs_gradient = any(isinstance(x, torch.Tensor) and x.requires_grad for x in inputs)
    if torch.is_grad_enabled() and needs_gradient:
        raise Error("expected torch.no_grad() around compiled code, which has no derivatives")

    def compile_graph(graph: torch.fx.GraphModule, inputs: Sequence[Any]) -> Callable[..., Any]:
        return make_boxed_func(_compile(graph.graph, options))

    return aot_module_simplified(
        graph, inputs, fw_compiler=compile_graph, decompositions=core_aten_decompositions()
    )


def _compile(graph: torch.fx.Graph, options: Any) -> Callable[..., List[torch.Tensor]]:
    module = Module()
    importer = Importer(module.function("forward"))
    places = []
    for place, node in enumerate(node for node in graph.nodes if node.op == "placeholder"):
        # Sizes come with the tensors that have them.
        if isinstance(node.meta["val"], torch.Tensor):
            importer.input(node, node.name, node.meta["val"])
            places.append(place)
    importer.write(graph)
    (results,) = next(node for node in graph.nodes if node.op == "output").args
    for node in results:
        importer.output(node)
    compiled = compile(module, **options)

    def run(*inputs: Any) -> List[torch.Tensor]:
        results = compiled(*[inputs[place].detach() for place in places])
        return list(results) if isinstance(results, tuple) else [results]

    return run
