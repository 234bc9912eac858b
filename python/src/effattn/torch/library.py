# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""``torch.ops.effattn``: every op as an op of PyTorch, with its derivative and its shapes.

To whoever traces a program an op is one node. It computes what ``effattn.torch.reference`` says; its
derivative is an op, too, ``NAME_backward``, that computes the same again and lets autograd go through it.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from effattn.arrays import ELEMENTS
from effattn.torch import reference, signatures

_library = torch.library.Library("effattn", "DEF")
_tags = (torch.Tag.pt2_compliant_tag,)


def _dtype(element: str) -> torch.dtype:
    return getattr(torch, str(ELEMENTS[element].dtype))


class TorchOp:
    """An op: its arguments by name, what it computes, what it gives."""

    def __init__(self, name: str, compute: Callable[..., Any]):
        self.name, self.compute = name, compute
        self.signature = inspect.signature(compute)
        self.schema = torch.library.infer_schema(compute, mutates_args=())
        _library.define(name + self.schema, tags=_tags)
        _library.impl(name, self.run, "CompositeExplicitAutograd")
        torch.library.register_fake(f"effattn::{name}", self.fake, lib=_library)
        self._define_backward()

    def arguments(self, *operands: Any, **options: Any) -> Dict[str, Any]:
        bound = self.signature.bind(*operands, **options)
        bound.apply_defaults()
        return dict(bound.arguments)

    def check(self, arguments: Dict[str, Any]) -> None:
        """Refuse operands whose types or shapes disagree."""
        signatures.results(self.name, arguments, new_size=int)

    def run(self, *operands: Any, **options: Any) -> Any:
        arguments = self.arguments(*operands, **options)
        self.check(arguments)
        results = self.compute(**arguments)
        owned = _own([results] if isinstance(results, Tensor) else results, arguments)
        return owned[0] if isinstance(results, Tensor) else owned

    def fake(self, *operands: Any, **options: Any) -> Any:
        arguments = self.arguments(*operands, **options)
        like = next(leaf for leaf in pytree.tree_leaves(arguments) if isinstance(leaf, Tensor))
        found = [
            torch.empty(shape, dtype=_dtype(element), device=like.device)
            for element, shape in signatures.results(self.name, arguments, _new_size)
        ]
        return found[0] if len(found) == 1 else tuple(found)

    # --- The derivative ----------------------------------------------------------------------------

    def _define_backward(self) -> None:
        name, inputs = f"{self.name}_backward", self.schema.rpartition(" -> ")[0][1:]
        _library.define(f"{name}(Tensor?[] gradients, {inputs} -> Tensor[]", tags=_tags)
        _library.impl(name, self._backward, "CompositeExplicitAutograd")
        torch.library.register_fake(f"effattn::{name}", self._fake_backward, lib=_library)
        torch.library.register_autograd(
            f"effattn::{self.name}", self._differentiate, setup_context=_save, lib=_library
        )

    def _backward(
        self, gradients: Sequence[Optional[Tensor]], *operands: Any, **options: Any
    ) -> List[Tensor]:
        """Those of all operands that are real numbers."""
        leaves, spec = pytree.tree_flatten(self.arguments(*operands, **options))
        leaves = [leaf.detach().requires_grad_() if _is_real(leaf) else leaf for leaf in leaves]
        with torch.enable_grad():
            results = self.compute(**pytree.tree_unflatten(leaves, spec))
        results = [results] if isinstance(results, Tensor) else list(results)
        pairs = [
            (result, gradient)
            for result, gradient in zip(results, gradients)
            if gradient is not None and result.requires_grad
        ]
        inputs = [leaf for leaf in leaves if _is_real(leaf)]
        found: Sequence[Optional[Tensor]] = [None] * len(inputs)
        if pairs and inputs:
            outputs, weights = zip(*pairs)
            found = torch.autograd.grad(outputs, inputs, weights, allow_unused=True)
        return [
            torch.zeros_like(x, memory_format=torch.contiguous_format, requires_grad=False)
            if gradient is None
            else gradient.clone(memory_format=torch.contiguous_format)
            for x, gradient in zip(inputs, found)
        ]

    def _fake_backward(self, gradients: Sequence[Any], *operands: Any, **options: Any) -> List[Tensor]:
        leaves = pytree.tree_leaves(self.arguments(*operands, **options))
        return [torch.empty(x.shape, dtype=x.dtype, device=x.device) for x in leaves if _is_real(x)]

    def _differentiate(self, ctx: Any, *gradients: Any) -> Any:
        inputs = _restore(ctx)
        backward = getattr(torch.ops.effattn, f"{self.name}_backward")
        found = iter(backward(list(gradients), *inputs))
        # PyTorch leaves out the last operands that have their default.
        given = inputs[: len(ctx.needs_input_grad)]
        return tuple(pytree.tree_map(lambda leaf: next(found) if _is_real(leaf) else None, given))


def _own(results: Sequence[Tensor], arguments: Dict[str, Any]) -> Tuple[Tensor, ...]:
    """The results, each in memory of its own, which the dispatcher relies on."""
    taken = {_memory(leaf) for leaf in pytree.tree_leaves(arguments) if isinstance(leaf, Tensor)}
    owned = []
    for result in results:
        if _memory(result) in taken:
            result = result.clone(memory_format=torch.contiguous_format)
        owned.append(result.contiguous())
        taken.add(_memory(result))
    return tuple(owned)


def _memory(tensor: Tensor) -> int:
    # Tensors without elements, whose address is 0, share nothing.
    return tensor.untyped_storage().data_ptr() or id(tensor)


def _new_size() -> Any:
    return torch.library.get_ctx().new_dynamic_size()


def _is_real(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _save(ctx: Any, inputs: Tuple[Any, ...], output: Any) -> None:
    leaves, ctx.spec = pytree.tree_flatten(list(inputs), is_leaf=lambda x: x is None)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*(leaf for leaf in leaves if isinstance(leaf, Tensor)))
    ctx.others = [None if isinstance(leaf, Tensor) else (leaf,) for leaf in leaves]


def _restore(ctx: Any) -> List[Any]:
    tensors = iter(ctx.saved_tensors)
    leaves = [next(tensors) if other is None else other[0] for other in ctx.others]
    return pytree.tree_unflatten(leaves, ctx.spec)


OPS: Dict[str, TorchOp] = {name: TorchOp(name, getattr(reference, name)) for name in reference.__all__}
