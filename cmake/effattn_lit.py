# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a lit suite needs to test with effattn's tools.

``effattn_add_lit_suite`` in CMake writes a lit.site.cfg.py that calls ``configure``; a lit.cfg.py in the
suite's folder, which may be missing, is read after it.
"""

import os
import sys

import lit.formats


def configure(config, source, build, folders, plugins=""):
    """Sets what the tests in ``source`` need: their tools come from ``folders``, first of all places.

    Tests find %python, and in %plugins the flags that make effattn-opt load the project's plugins.
    """
    config.test_format = lit.formats.ShTest(execute_external=False)
    config.suffixes = [".mlir", ".test"]
    config.excludes = ["Inputs", "CMakeLists.txt"]
    config.test_source_root = source
    config.test_exec_root = build
    config.environment["PATH"] = os.pathsep.join([*folders, os.environ.get("PATH", "")])
    config.environment["FILECHECK_OPTS"] = "--dump-input-filter=all"
    for name in ("HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
        if name in os.environ:
            config.environment[name] = os.environ[name]
    config.substitutions += [("%python", sys.executable), ("%plugins", plugins)]
