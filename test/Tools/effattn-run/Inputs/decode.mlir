// A norm, a product, a sum, and attention over what a cache holds.
func.func @decode(%x: tensor<?x4xf32>, %weight: tensor<4xf32>, %w: tensor<4x8xf32>,
                  %keys: tensor<2x1x16x8xf32>, %held: tensor<2xi32>) -> tensor<?x1x1x8xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %rows = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e0 = tensor.empty(%rows) : tensor<?x4xf32>
  %norm = effattn.rms_norm ins(%x, %weight : tensor<?x4xf32>, tensor<4xf32>) outs(%e0 : tensor<?x4xf32>)
  %e1 = tensor.empty(%rows) : tensor<?x8xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x8xf32>) -> tensor<?x8xf32>
  %q0 = linalg.matmul ins(%norm, %w : tensor<?x4xf32>, tensor<4x8xf32>)
    outs(%zeros : tensor<?x8xf32>) -> tensor<?x8xf32>
  %q1 = arith.addf %q0, %q0 : tensor<?x8xf32>
  %q = tensor.expand_shape %q1 [[0, 1, 2], [3]] output_shape [%rows, 1, 1, 8]
    : tensor<?x8xf32> into tensor<?x1x1x8xf32>
  %e2 = tensor.empty(%rows) : tensor<?x1x1x8xf32>
  %out = effattn.attention ins(%q, %keys, %keys
    : tensor<?x1x1x8xf32>, tensor<2x1x16x8xf32>, tensor<2x1x16x8xf32>)
    key_lengths(%held : tensor<2xi32>) outs(%e2 : tensor<?x1x1x8xf32>) mask {
    %causal = effattn.causal_mask
    effattn.yield %causal : !effattn.mask
  }
  return %out : tensor<?x1x1x8xf32>
}
