"""Prints a function of 64 loops, each of which writes into what the one before it gives."""

print("func.func @chained(%s0: tensor<?xf32>, %n: index, %f: f32) -> tensor<?xf32> {")
print("  %c0 = arith.constant 0 : index")
print("  %c1 = arith.constant 1 : index")
for i in range(64):
    print(f"  %s{i + 1} = scf.for %i = %c0 to %n step %c1 iter_args(%old = %s{i}) -> (tensor<?xf32>) {{")
    print("    %new = linalg.fill ins(%f : f32) outs(%old : tensor<?xf32>) -> tensor<?xf32>")
    print("    scf.yield %new : tensor<?xf32>")
    print("  }")
print("  return %s64 : tensor<?xf32>")
print("}")
