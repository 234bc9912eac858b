// A product of few rows with a packed factor sums 24 vectors, which stay in
// registers: LLVM does not load all of its factors first.
// RUN: effattn-compile %s -o - --emit=asm --cpu=x86-64-v4 --threads=none | FileCheck %s
// RUN: effattn-compile %s -o - --emit=asm --cpu=x86-64-v4 --threads=openmp | FileCheck %s

// CHECK-NOT: vmov{{.*}} %zmm{{[0-9]+}}, {{.*}}(%r{{[sb]}}p)
// CHECK:     vfmadd231ps {{.*}}%zmm
// CHECK-NOT: vmov{{.*}} %zmm{{[0-9]+}}, {{.*}}(%r{{[sb]}}p)
func.func @matmul(%a: tensor<?x?xf32>, %panels: tensor<43x?x48xf32>) -> tensor<?x2048xf32> {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %a, %c0 : tensor<?x?xf32>
  %init = tensor.empty(%rows) : tensor<?x2048xf32>
  %out = effattn.packed_matmul ins(%a, %panels : tensor<?x?xf32>, tensor<43x?x48xf32>)
      outs(%init : tensor<?x2048xf32>)
  return %out : tensor<?x2048xf32>
}
