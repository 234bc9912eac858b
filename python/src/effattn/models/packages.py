# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Packages that only models need."""

from __future__ import annotations

import importlib
import importlib.util
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


def has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def require_torch(purpose: str) -> None:
    """An error where PyTorch is not installed."""
    if not has_torch():
        raise Error(f"expected PyTorch to be installed to {purpose}: pip install torch brings it")
