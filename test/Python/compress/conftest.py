# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Lets these tests draw from the strategies of the folder above."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
