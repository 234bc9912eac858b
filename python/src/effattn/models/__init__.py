# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pretrained models as IR, compiled ahead of time: Gemma 3 from files of GGUF."""
