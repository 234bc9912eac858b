"""Writes files that are no IR, in the folder given."""

import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
files = {
    "empty.mlir": b"",
    "blank.mlir": b" \n\t\n",
    "latin.mlir": b"// caf\xe9\nmodule {}\n",
    "binary.mlir": bytes(range(256)) * 40,
    "syntax.mlir": b"func.func @f( {\n",
    "types.mlir": b"func.func @f(%x: tensor<4xf32>) -> tensor<5xf32> {\n  return %x : tensor<4xf32>\n}\n",
    "unknown.mlir": b'func.func @f() {\n  "no.such_op"() : () -> ()\n  return\n}\n',
    "private.mlir": b"func.func private @f()\n",
    "short.mlirbc": b"ML\xefR",
    "version.mlirbc": b"ML\xefR\x7fx\0" + b"\1" * 64,
    "garbage.mlirbc": b"ML\xefR\x0dx\0" + bytes(range(7, 250)),
    # Deep enough for the stack of any thread.
    "deep.mlir": b"module attributes {x = " + b"[" * 30_000_000,
}
for name, content in files.items():
    (folder / name).write_bytes(content)
