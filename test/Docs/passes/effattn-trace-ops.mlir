// RUN: effattn-opt %s -effattn-trace-ops -canonicalize | FileCheck %s
// 1024 elements are squared, added, and scaled twice.
func.func @norm(%x: tensor<16x64xf32>, %weight: tensor<64xf32>, %out: tensor<16x64xf32>) -> tensor<16x64xf32> {
  %rows = effattn.rms_norm ins(%x, %weight : tensor<16x64xf32>, tensor<64xf32>) outs(%out : tensor<16x64xf32>)
  return %rows : tensor<16x64xf32>
}
// CHECK: %[[TIME:.+]] = effattn.begin_span
// CHECK: effattn.rms_norm
// CHECK: effattn.end_span %[[TIME]], "effattn.rms_norm" flops(%c4096) bytes(%c8448)
