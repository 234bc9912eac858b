// RUN: effattn-opt %s -effattn-fuse-embedding-norm | FileCheck %s
// A tile of rows is looked up and normalised while it is in the cache.
func.func @look_up(%ids: tensor<?xi32>, %table: tensor<?x64xf32>, %n: tensor<64xf32>, %e: tensor<?x64xf32>,
                   %out: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %rows = effattn.embedding ins(%ids, %table : tensor<?xi32>, tensor<?x64xf32>) outs(%e : tensor<?x64xf32>)
  %0 = effattn.rms_norm ins(%rows, %n : tensor<?x64xf32>, tensor<64xf32>) outs(%out : tensor<?x64xf32>)
  return %0 : tensor<?x64xf32>
}
// CHECK: scf.forall
// CHECK: effattn.embedding
// CHECK: effattn.rms_norm
