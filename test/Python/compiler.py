# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Skips tests that need the compiler where the build tree has no extension module: one with sanitizers."""

import os
import pathlib

import pytest

BUILD = pathlib.Path(
    os.environ.get("EFFATTN_BUILD_DIR") or pathlib.Path(__file__).resolve().parents[2] / "build"
)
CACHE = BUILD / "CMakeCache.txt"

needs_compiler = pytest.mark.skipif(
    CACHE.is_file() and "LLVM_USE_SANITIZER:STRING=A" in CACHE.read_text(),
    reason="an interpreter without sanitizers cannot load code that has them",
)
