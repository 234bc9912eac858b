# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where the command-line tools are."""

from __future__ import annotations

import pathlib


def tool(name: str) -> pathlib.Path:
    """The path of a tool, which needs the libraries that the native half of the package needs."""
    from effattn import _native

    return _native.tools / name
