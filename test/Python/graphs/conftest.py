# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds the helpers of these tests."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
