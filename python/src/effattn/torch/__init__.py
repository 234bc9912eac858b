# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""effattn in PyTorch: ops that autograd, ``torch.export`` and ``torch.compile`` know.

The functions here have the signatures of ``effattn.ops``, without ``lowering`` and ``donate``, and run
PyTorch. Where a program is traced, each is one node, ``torch.ops.effattn.NAME``, which
``effattn.compile`` turns into the op of the dialect.
"""

from effattn import ops
from effattn.ops import Mask, SeparatorCache
from effattn.torch import backend as _backend  # noqa: F401  registers itself
from effattn.torch.functional import FUNCTIONS

globals().update(FUNCTIONS)
# Masks are the same everywhere: nothing is computed until an op uses them.
globals().update({name: getattr(ops, name) for name in ops.__all__ if name not in FUNCTIONS})

__all__ = sorted({*ops.__all__, *FUNCTIONS, "Mask", "SeparatorCache"})
