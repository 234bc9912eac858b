# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds the native half of the package in the build tree; a wheel has the half itself in this place."""

import importlib.util
import os
import pathlib
import sys

from effattn.error import Error

BUILD = pathlib.Path(
    os.environ.get("EFFATTN_BUILD_DIR") or pathlib.Path(__file__).resolve().parents[3] / "build"
)


def _load():
    paths = sorted(BUILD.glob(f"python/_native.{sys.implementation.cache_tag}-*.so"))
    if not paths:
        raise Error(
            f"the compiler is not built for this Python: {BUILD / 'python'} has no extension module; "
            "run build.sh, or install the package with 'pip install ./python'"
        )
    spec = importlib.util.spec_from_file_location(__name__, paths[0])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.tools = BUILD / "bin"
    return module


sys.modules[__name__] = _load()
