# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds the benchmarks, which are no part of the package, and the helpers of the other tests."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "python"))
