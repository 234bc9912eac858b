// RUN: effattn-opt %s -effattn-fuse-norm-matmul | FileCheck %s
// Normalised rows of a tile are multiplied right away; no tensor holds all of them.
func.func @project(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %w: tensor<64x1024xf32>, %e: tensor<?x64xf32>,
                   %out: tensor<?x1024xf32>) -> tensor<?x1024xf32> {
  %norm = effattn.rms_norm ins(%x, %n : tensor<?x64xf32>, tensor<64xf32>) outs(%e : tensor<?x64xf32>)
  %0 = linalg.matmul ins(%norm, %w : tensor<?x64xf32>, tensor<64x1024xf32>)
    outs(%out : tensor<?x1024xf32>) -> tensor<?x1024xf32>
  return %0 : tensor<?x1024xf32>
}
// CHECK: scf.forall
// CHECK: effattn.rms_norm
// CHECK: linalg.matmul
