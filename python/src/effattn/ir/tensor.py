# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Values of a function under construction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Sequence, Union

from effattn.error import Error
from effattn.ir.dims import Shape, type_text

if TYPE_CHECKING:
    from effattn.ir.module import Function


class Value:
    """What a function has computed: its name in the IR, its element type and its shape."""

    def __init__(self, function: "Function", name: str, element: str, shape: Optional[Shape]):
        self.function, self.name, self.element, self.shape = function, name, element, shape

    @property
    def type(self) -> str:
        """As IR writes it."""
        return type_text(self.element, self.shape)

    def __bool__(self) -> bool:
        raise Error("a value of a function under construction has no truth value yet")


class Scalar(Value):
    """A number that a function is given or computes: an offset, a size.

    The number of a step of ``Function.repeat`` takes part in ``+`` and ``*`` with others and integers.
    """

    def __repr__(self) -> str:
        return f"<effattn.Scalar {self.name} {self.element}>"

    def __add__(self, other: Union["Scalar", int]) -> "Scalar":
        from effattn.ir.arithmetic import index_binary

        return index_binary("add", self, other)

    def __mul__(self, other: Union["Scalar", int]) -> "Scalar":
        from effattn.ir.arithmetic import index_binary

        return index_binary("mul", self, other)

    __radd__, __rmul__ = __add__, __mul__


class Tensor(Value):
    """A tensor that a function is given or computes.

    ``+ - * /`` go by element, with the last dimensions of the smaller operand matched to those of the
    larger one as in NumPy, ``@`` multiplies matrices. ``effattn.ops`` takes tensors in place of arrays.
    """

    shape: Shape

    @property
    def rank(self) -> int:
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<effattn.Tensor {self.name} {self.element}[{', '.join(map(str, self.shape))}]>"

    # The functions behind these methods are imported where they are called, because they make tensors.

    def __matmul__(self, other: "Tensor") -> "Tensor":
        from effattn.ir.arithmetic import matmul

        return matmul(self, other)

    def _binary(self, op: str, other: Any, swapped: bool = False) -> "Tensor":
        from effattn.ir.arithmetic import binary

        return binary(op, other, self) if swapped else binary(op, self, other)

    def __add__(self, other: Union["Tensor", float]) -> "Tensor":
        return self._binary("add", other)

    def __radd__(self, other: float) -> "Tensor":
        return self._binary("add", other, swapped=True)

    def __sub__(self, other: Union["Tensor", float]) -> "Tensor":
        return self._binary("sub", other)

    def __rsub__(self, other: float) -> "Tensor":
        return self._binary("sub", other, swapped=True)

    def __mul__(self, other: Union["Tensor", float]) -> "Tensor":
        return self._binary("mul", other)

    def __rmul__(self, other: float) -> "Tensor":
        return self._binary("mul", other, swapped=True)

    def __truediv__(self, other: Union["Tensor", float]) -> "Tensor":
        return self._binary("div", other)

    def __rtruediv__(self, other: float) -> "Tensor":
        return self._binary("div", other, swapped=True)

    def _unary(self, op: str) -> "Tensor":
        from effattn.ir.arithmetic import unary

        return unary(op, self)

    def exp(self) -> "Tensor":
        """e to the power of every element."""
        return self._unary("exp")

    def tanh(self) -> "Tensor":
        """The hyperbolic tangent of every element."""
        return self._unary("tanh")

    def sigmoid(self) -> "Tensor":
        """``1 / (1 + exp(-x))`` of every element."""
        return self._unary("sigmoid")

    def silu(self) -> "Tensor":
        """``x / (1 + exp(-x))`` of every element."""
        return self._unary("silu")

    def relu(self) -> "Tensor":
        """Every element, or 0 where it is negative."""
        return self._unary("relu")

    def gelu_tanh(self) -> "Tensor":
        """``0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`` of every element."""
        return self._unary("gelu_tanh")

    def dot_rows(self, w: "Tensor") -> "Tensor":
        """``[.., C]`` and ``[N, C]`` to ``[.., N]``: products with every row, as of a tied output head."""
        from effattn.ir.arithmetic import dot_rows

        return dot_rows(self, w)

    def count_from(self, size: Union[int, str]) -> "Tensor":
        """``[..]`` to ``[.., size]``: from every integer the next ``size``, itself the first."""
        from effattn.ir.arithmetic import count_from

        return count_from(self, size)

    def cast(self, element: str) -> "Tensor":
        """The same numbers in another floating-point type."""
        from effattn.ir.arithmetic import cast

        return cast(self, element)

    def reshape(self, shape: Union[str, Sequence[Union[int, str]]]) -> "Tensor":
        """The same elements in another shape, such as "B T 8 64" for "B T 512"."""
        from effattn.ir.shapes import reshape

        return reshape(self, shape)

    def transpose(self, *permutation: int) -> "Tensor":
        """The dimensions in another order."""
        from effattn.ir.shapes import transpose

        return transpose(self, permutation)

    def split_heads(self, heads: int) -> "Tensor":
        """``[B, T, H * D]`` to ``[B, H, T, D]``."""
        from effattn.ir.shapes import split_heads

        return split_heads(self, heads)

    def merge_heads(self) -> "Tensor":
        """``[B, H, T, D]`` to ``[B, T, H * D]``."""
        from effattn.ir.shapes import merge_heads

        return merge_heads(self)

    def columns(self, start: int, stop: int) -> "Tensor":
        """The columns from ``start`` up to ``stop`` of the last dimension."""
        from effattn.ir.shapes import columns

        return columns(self, start, stop)

    def part(self, index: Union[int, Scalar]) -> "Tensor":
        """What stands at a place of the first dimension, such as a layer's of stacked weights."""
        from effattn.ir.shapes import part

        return part(self, index)

    def with_part(self, index: Union[int, Scalar], value: "Tensor") -> "Tensor":
        """The same, with another value at a place of the first dimension."""
        from effattn.ir.shapes import with_part

        return with_part(self, index, value)

    def item(self) -> Scalar:
        """The number in a tensor of rank 0."""
        from effattn.ir.shapes import item

        return item(self)
