# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""effattn-tiny: a language model of bytes with all five systems, trained in PyTorch.

``python -m effattn.models.tiny train`` trains it, ``... export`` writes it as IR or compiles it.
"""
