# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Efficient attention: what every op means (``effattn.reference``) and pictures of it (``effattn.plot``)."""

from effattn.error import Error

__version__ = "0.1.0"
__all__ = ["Error", "__version__"]
