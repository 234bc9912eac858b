# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Packages that only models need."""

from __future__ import annotations

import importlib
from typing import Any

from effattn.error import Error


def require(name: str) -> Any:
    """The package, or an error that says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise Error(
            f"expected the package {name} to be installed: pip install 'effattn[models]' brings it"
        ) from None
