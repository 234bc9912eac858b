// RUN: effattn-opt %s -effattn-expand-contractions='vector-bits=512 vector-registers=32' -canonicalize -cse | FileCheck %s
// A product becomes tiles whose sums stay in registers; the second factor is put into
// panels first.
func.func @product(%a: memref<2048x500xf32>, %b: memref<500x256xf32>, %c: memref<2048x256xf32>) {
  linalg.matmul ins(%a, %b : memref<2048x500xf32>, memref<500x256xf32>) outs(%c : memref<2048x256xf32>)
  return
}
// CHECK-NOT: linalg.matmul
// CHECK: scf.parallel
// CHECK: vector<16xf32>
