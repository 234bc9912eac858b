"""Fails when an object has an undefined symbol that it should not have."""

import re
import subprocess
import sys

LIBC = {"malloc", "aligned_alloc", "free", "memcpy", "memmove", "memset", "__tls_get_addr"}
# Weak: whether the process runs with AddressSanitizer.
WEAK = {"__asan_init"}
# Functions of math.h, for float with an f.
LIBM = {
    name + suffix
    for name in (
        "exp exp2 expm1 log log2 log10 log1p pow sqrt cbrt sin cos tan asin acos atan "
        "atan2 sinh cosh tanh asinh acosh atanh erf erfc floor ceil round roundeven "
        "trunc rint nearbyint fmod fma fmin fmax fabs sincos"
    ).split()
    for suffix in ("", "f")
}

arguments = sys.argv[1:]
openmp = "--openmp" in arguments
for path in (a for a in arguments if a != "--openmp"):
    output = subprocess.run(
        ["llvm-nm", "-u", "-j", path], check=True, capture_output=True, text=True
    )
    names = set(output.stdout.split())
    assert names & LIBM, f"{path}: the test wants an object that uses libm"
    extra = {
        name
        for name in names - LIBC - LIBM - WEAK
        if not (openmp and re.match("__kmpc_|omp_", name))
    }
    assert not extra, f"{path}: undefined {sorted(extra)}"
    assert openmp == any(name.startswith("__kmpc_") for name in names), path
