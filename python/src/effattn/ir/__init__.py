# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writing IR from Python: modules, their functions, and the tensors in them."""

from effattn.ir.module import Function, Module
from effattn.ir.tensor import Scalar, Tensor

__all__ = ["Function", "Module", "Scalar", "Tensor"]
