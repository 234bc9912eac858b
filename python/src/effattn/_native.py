# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds the native half of the package: beside this file in a wheel, or else in the build tree."""

import importlib.util
import os
import pathlib
import sys

from effattn.error import Error

PACKAGE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("EFFATTN_BUILD_DIR") or PACKAGE.parents[2] / "build")


def _load():
    name = f"_native.{sys.implementation.cache_tag}-*.so"
    for folder, tools in ((PACKAGE / "lib", PACKAGE / "bin"), (BUILD / "python", BUILD / "bin")):
        for path in sorted(folder.glob(name)):
            spec = importlib.util.spec_from_file_location(__name__, path)
            try:
                module = importlib.util.module_from_spec(spec)
            except ImportError as error:
                raise Error(
                    f"the compiler needs the libraries of LLVM and MLIR 22: {error}; "
                    "install them (Debian: apt-get install libmlir-22 lld-22 libomp-22-dev)"
                ) from None
            spec.loader.exec_module(module)
            module.tools = tools
            return module
    raise Error(
        f"the compiler is not built for this Python: {BUILD / 'python'} has no extension module; "
        "run build.sh, or install the package with 'pip install ./python'"
    )


sys.modules[__name__] = _load()
