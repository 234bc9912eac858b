"""Lit configuration of the effattn tests; loaded by lit.site.cfg.py."""

import os
import shutil
import sys

import lit.formats

config.name = "effattn"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test", ".c", ".cpp"]
config.excludes = ["Integration", "Python", "Inputs", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.effattn_build_dir, "test")

# The project's tools first, then FileCheck, not, count and mlir-* of LLVM.
config.environment["PATH"] = os.pathsep.join(
    [config.effattn_tools_dir, config.llvm_tools_dir, os.environ.get("PATH", "")]
)
config.environment["FILECHECK_OPTS"] = "--dump-input-filter=all"
for name in ("HOME", "CCACHE_DIR", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

config.substitutions.append(("%python", sys.executable))
config.substitutions.append(("%source_dir", config.effattn_source_dir))
config.substitutions.append(("%build_dir", config.effattn_build_dir))
config.substitutions.append(("%shlibext", ".so"))

if config.effattn_sanitizers:
    config.available_features.add("sanitizers")
if shutil.which("ptxas") or os.path.exists("/usr/local/cuda/bin/ptxas"):
    config.available_features.add("ptxas")
if lit_config.params.get("long"):
    config.available_features.add("long")
