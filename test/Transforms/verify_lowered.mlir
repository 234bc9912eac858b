// RUN: effattn-opt %s -split-input-file -verify-diagnostics -effattn-verify-lowered

func.func @tensors(%p: tensor<2x4xf32>, %out: tensor<2x4xi1>) -> tensor<2x4xi1> {
  // expected-error @below {{expected to be lowered by now, but is left: it is in tensor form; run effattn-convert-to-linalg}}
  %mask = effattn.boundary_mask ins(%p : tensor<2x4xf32>) outs(%out : tensor<2x4xi1>)
  return %mask : tensor<2x4xi1>
}

// -----

func.func @buffers(%p: memref<2x4xf32>, %out: memref<2x4xi1>) {
  // expected-error @below {{it is in buffer form, for which the pipeline has no expansion}}
  effattn.boundary_mask ins(%p : memref<2x4xf32>) outs(%out : memref<2x4xi1>)
  return
}
