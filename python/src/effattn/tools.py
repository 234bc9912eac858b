# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where the command-line tools are."""

from __future__ import annotations

import pathlib


def tool(name: str) -> pathlib.Path:
    """The path of a tool: in the build tree, or beside the package that was installed."""
    from effattn import _native

    folder = getattr(_native, "tools", None) or pathlib.Path(_native.__file__).parent / "bin"
    return pathlib.Path(folder) / name
