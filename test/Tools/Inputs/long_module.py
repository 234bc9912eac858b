"""Prints a function of many ops, which takes a minute to compile."""

import sys

count = 200_000
lines = ["func.func @main(%x: f32) -> f32 {", "%v0 = arith.addf %x, %x : f32"]
lines += [f"%v{i + 1} = arith.mulf %v{i}, %x : f32" for i in range(count)]
lines += [f"return %v{count} : f32", "}"]
sys.stdout.write("\n".join(lines) + "\n")
