"""Lit configuration of the effattn tests; loaded by lit.site.cfg.py."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(config.effattn_source_dir, "cmake"))
import effattn_lit

config.name = "effattn"
# The project's tools first, then FileCheck, not, count and mlir-* of LLVM.
effattn_lit.configure(
    config,
    source=os.path.dirname(__file__),
    build=os.path.join(config.effattn_build_dir, "test"),
    folders=[config.effattn_tools_dir, config.llvm_tools_dir],
)
config.suffixes += [".c", ".cpp"]
config.excludes += ["Integration", "Python"]
if "CCACHE_DIR" in os.environ:
    config.environment["CCACHE_DIR"] = os.environ["CCACHE_DIR"]

config.substitutions.append(("%source_dir", config.effattn_source_dir))
config.substitutions.append(("%build_dir", config.effattn_build_dir))
config.substitutions.append(("%shlibext", ".so"))

if config.effattn_sanitizers:
    config.available_features.add("sanitizers")
if shutil.which("ptxas") or os.path.exists("/usr/local/cuda/bin/ptxas"):
    config.available_features.add("ptxas")
if shutil.which("clang-format-22"):
    config.available_features.add("clang-format")
if shutil.which("dpkg-deb") and shutil.which("dpkg-shlibdeps"):
    config.available_features.add("dpkg")
if lit_config.params.get("long"):
    config.available_features.add("long")
