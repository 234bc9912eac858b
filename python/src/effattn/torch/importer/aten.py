# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ops of PyTorch that can be written, and which are not taken apart before."""

import torch

# They register their lowerings.
from effattn.torch.importer import elements, indices, sums, views  # noqa: F401
from effattn.torch.importer.registry import LOWERINGS

__all__ = ["KEPT", "LOWERINGS"]

_aten = torch.ops.aten
KEPT = (
    _aten.linear.default,
    _aten.matmul.default,
    _aten.scaled_dot_product_attention.default,
    _aten.silu.default,
    _aten.layer_norm.default,
    _aten.softmax.int,
)
"""Ops that PyTorch would take apart and that are written whole."""
