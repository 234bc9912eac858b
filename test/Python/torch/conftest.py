# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds the helpers of these tests, which need PyTorch."""

import pathlib
import sys

import pytest

pytest.importorskip("torch")

TESTS = pathlib.Path(__file__).parents[1]
for folder in ("", "ops", "torch"):
    sys.path.insert(0, str(TESTS / folder))
