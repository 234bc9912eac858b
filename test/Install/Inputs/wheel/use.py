# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What an installed package is used for; the files that wheel.test gives to its tools are written here."""

import numpy as np

import effattn
from effattn import ops

print(effattn.__file__)
x = np.array([[2, 4]], np.float32)
for lowering in ("cpu", "linalg", "reference"):
    print(lowering, ops.chunk(x[:, None], [[True]], lowering=lowering)[0][0, 0])

module = effattn.Module()
f = module.function("twice")
f.output(f.input("x", "f32[N]") * 2, "y")
compiled = effattn.compile(module)
print("compiled", compiled(np.array([1, 2], np.float32)))
compiled.save("twice.so")
print("loaded", effattn.load("twice.so")(np.array([1, 2], np.float32)))

np.save("mask.npy", np.tri(4, dtype=bool))
np.save("table.npy", np.eye(4, dtype=np.float32))
