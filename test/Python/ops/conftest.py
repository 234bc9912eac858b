# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds the helpers of these tests, which all need the compiler."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from compiler import needs_compiler  # noqa: E402


def pytest_collection_modifyitems(items):
    for item in items:
        if pathlib.Path(__file__).parent in item.path.parents:
            item.add_marker(needs_compiler)
