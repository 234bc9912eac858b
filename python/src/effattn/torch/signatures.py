# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From the arguments of ``torch.ops.effattn`` to those of ``effattn.ops``, whose declarations say what
operands must agree in and which results there are."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

import torch

from effattn import ops
from effattn.arrays import element_of
from effattn.ir.module import Function
from effattn.ir.tensor import Tensor
from effattn.torch.masks import unpack

Result = Tuple[str, Tuple[Any, ...]]
"""The element type of a result and its shape."""


def call(name: str, arguments: Mapping[str, Any], return_lse: bool = True) -> List[Any]:
    """The results of ``effattn.ops.NAME``, one after the other."""
    arguments = dict(arguments)
    operands: Sequence[Any] = ()
    if "mask_operands" in arguments:
        arguments["mask"] = unpack(arguments["mask"], arguments.pop("mask_operands"))
    if name == "attention":
        score = "alibi" if arguments["slopes"] is not None else None
        arguments.update(return_lse=return_lse, score=score)
    elif name == "tensor_train_embedding":
        operands = [arguments.pop("ids"), *arguments.pop("cores")]
    offset = arguments.get("offset")
    if offset is not None and not offset.shape:
        arguments["offset"] = offset.item()
    return _flat(getattr(ops, name)(*operands, **arguments))


def _flat(results: Any) -> List[Any]:
    if isinstance(results, tuple):
        return [result for part in results for result in _flat(part)]
    return [results]


class _Shapes(Function):
    """A function that nobody writes down: its tensors have shapes of PyTorch, symbolic ones among them."""

    def __init__(self, new_size: Callable[[], Any]):
        super().__init__("shapes")
        self._new_size = new_size

    def emit(self, text: str) -> None:
        pass

    def empty(self, element: str, shape: Sequence[Any], hint: str = "init") -> Tensor:
        return Tensor(self, "", element, tuple(shape))

    def define_size(self, hint: str, value: str) -> Any:
        return self._new_size()


def results(name: str, arguments: Mapping[str, Any], new_size: Callable[[], Any]) -> List[Result]:
    """What the op gives for tensors of these types and shapes, or an error that says what disagrees.

    ``new_size`` gives a size that data decide.
    """
    function = _Shapes(new_size)

    def shaped(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return Tensor(function, "", element_of(value) or str(value.dtype), tuple(value.shape))
        return [shaped(item) for item in value] if isinstance(value, (list, tuple)) else value

    found: Dict[str, Any] = {key: shaped(value) for key, value in arguments.items()}
    if name == "separator_cache_update" and found["q"] is None:
        # Out has no heads then.
        (batch, _, tokens, width), element = found["k"].shape, found["k"].element
        found["q"] = Tensor(function, "", element, (batch, 0, tokens, width))
    return [(result.element, result.shape) for result in call(name, found)]
