# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loops whose steps update tensors."""

from __future__ import annotations

from typing import Callable, Dict, Mapping

from effattn.error import Error
from effattn.ir.dims import shape_text
from effattn.ir.module import Function, indented
from effattn.ir.tensor import Scalar, Tensor

Tensors = Mapping[str, Tensor]


def repeat(
    function: Function,
    count: int,
    values: Tensors,
    body: Callable[[Scalar, Dict[str, Tensor]], Tensors],
    name: str,
) -> Dict[str, Tensor]:
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise Error(f"repeat: expected count to be an integer of at least 0, but got {count!r}")
    if not values:
        raise Error("repeat: expected values that the steps update, but got none")
    if not count:
        return dict(values)
    first, end, one = (function.index(number) for number in (0, count, 1))
    step = Scalar(function, function.fresh(name), "index", None)
    before = {key: function.result(value.element, value.shape, key) for key, value in values.items()}
    with function.region() as lines:
        after = dict(body(step, dict(before)))
        _check(values, after)
        after = {key: after[key] for key in values}
        types = ", ".join(value.type for value in after.values())
        function.emit(f"scf.yield {', '.join(value.name for value in after.values())} : {types}")
    results = {key: function.result(value.element, value.shape, key) for key, value in values.items()}
    names = ", ".join(result.name for result in results.values())
    pairs = ", ".join(f"{before[key].name} = {value.name}" for key, value in values.items())
    function.emit(
        f"{names} = scf.for {step.name} = {first} to {end} step {one}\n    iter_args({pairs})\n"
        f"    -> ({types}) {{\n{indented(lines)}}}"
    )
    return results


def _check(values: Tensors, after: Tensors) -> None:
    if set(after) != set(values):
        raise Error(f"repeat: expected a step to give {', '.join(values)}, but got {', '.join(after) or 'nothing'}")
    for key, value in values.items():
        if (after[key].element, after[key].shape) != (value.element, value.shape):
            raise Error(
                f"repeat: expected a step to give {key} as {value.element}[{shape_text(value.shape)}], "
                f"but got {after[key].element}[{shape_text(after[key].shape)}]"
            )
