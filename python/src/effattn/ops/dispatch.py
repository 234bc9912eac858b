# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One function an op: on arrays it runs, on the tensors of a module it writes IR."""

from __future__ import annotations

import functools
import inspect
import re
from typing import Any, Callable, Iterable, Iterator, Sequence, TypeVar

import numpy as np

from effattn.arrays import is_torch
from effattn.ir.tensor import Value
from effattn.ops.op import Call
from effattn.reference.operands import refuse

Array = Any
"""A NumPy array, a PyTorch tensor, anything with ``__dlpack__``, or an ``effattn.Tensor``."""

F = TypeVar("F", bound=Callable[..., Any])

_LOWERING = """lowering: "cpu" runs tuned code, "linalg" the plain lowering, "nvptx-emulated" kernels of a GPU
            on the host, "reference" NumPy float64."""
_DONATE = """donate: whether states may be updated where they are; they come back as the arrays given."""


def shape_of(value: Any) -> Sequence[Any]:
    """The sizes of an operand, which are numbers or names."""
    return value.shape if hasattr(value, "shape") else np.shape(value)


def total(sizes: Sequence[Any]) -> Any:
    """A sum of sizes; those that have names are added where the function runs."""
    if len(sizes) == 1:
        return sizes[0]
    return tuple(sizes) if any(isinstance(size, str) for size in sizes) else sum(sizes)


def apply(call: Call, lowering: str = "cpu", donate: bool = False) -> Any:
    """The result of an op, or the results as a tuple."""
    if lowering not in ("cpu", "linalg", "nvptx-emulated"):
        raise refuse(
            call.op.name,
            'expected lowering to be "cpu", "linalg", "nvptx-emulated" or "reference", '
            f"but got {lowering!r}",
        )
    places = list(call.values())
    functions = [value.function for _, _, value in places if isinstance(value, Value)]
    if functions:
        results = call.op.write(functions[0], call)
    else:
        # IR is written without the compiler, so it is loaded when an op first runs.
        from effattn.ops.eager import run

        results = run(call, places, lowering, donate)
    return results[0] if len(results) == 1 else tuple(results)


# --- The reference as a lowering ---------------------------------------------------------------------


def to_numpy(value: Any) -> Any:
    """An operand for the reference."""
    from effattn.ops.masks import Mask

    if isinstance(value, Mask):
        return value.to_reference()
    if isinstance(value, (tuple, list)):
        return (
            type(value)(*map(to_numpy, value))
            if hasattr(value, "_fields")
            else type(value)(map(to_numpy, value))
        )
    if is_torch(value):
        import torch

        value = value.detach()
        return (value.double() if value.dtype == torch.bfloat16 else value).numpy()
    return value


def _to_torch(value: Any) -> Any:
    import torch

    if isinstance(value, tuple):
        return (
            type(value)(*map(_to_torch, value)) if hasattr(value, "_fields") else tuple(map(_to_torch, value))
        )
    return torch.as_tensor(value)


def _leaves(values: Iterable[Any]) -> Iterator[Any]:
    """The arrays among operands, those of states and masks too."""
    from effattn.ops.masks import Mask

    for value in values:
        if isinstance(value, Mask):
            yield from (operand for _, _, operand in value.values())
        elif isinstance(value, (tuple, list)):
            yield from _leaves(value)
        else:
            yield value


def _documentation(reference: Callable[..., Any], function: Callable[..., Any]) -> str:
    """The reference's, with the arguments that only the compiled op has."""
    parameters = inspect.signature(function).parameters
    more = [text for name, text in (("donate", _DONATE), ("lowering", _LOWERING)) if name in parameters]
    lines = "".join(f"        {text}\n" for text in more)
    return re.sub(r"(?m)^    Returns:", f"{lines}    Returns:", reference.__doc__ or "", count=1)


def op(reference: Callable[..., Any]) -> Callable[[F], F]:
    """Makes the public function of an op: documented as the reference is, with it as one lowering."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def wrapper(*operands: Any, **keywords: Any) -> Any:
            if keywords.get("lowering") != "reference":
                return function(*operands, **keywords)
            values = list(_leaves([*operands, *keywords.values()]))
            if any(isinstance(value, Value) for value in values):
                raise refuse(function.__name__, 'expected arrays for lowering "reference", which is no IR')
            options = {k: to_numpy(v) for k, v in keywords.items() if k not in ("lowering", "donate")}
            results = reference(*map(to_numpy, operands), **options)
            return _to_torch(results) if any(map(is_torch, values)) else results

        wrapper.__doc__ = _documentation(reference, function)
        return wrapper  # type: ignore[return-value]

    return decorate
