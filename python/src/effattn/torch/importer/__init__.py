# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs of ``torch.export`` as IR: ops of effattn as themselves, those of PyTorch as linalg."""

from effattn.torch.importer.graph import Importer, compiled_decompositions

__all__ = ["Importer", "compiled_decompositions"]
