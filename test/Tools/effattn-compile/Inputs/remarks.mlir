// A norm, for which no tuned code is made, two equal products, and a mask of which one part decides nothing.
func.func @layers(%x: tensor<?x64xf32>, %weight: tensor<64xf32>, %a: tensor<64x64xf32>, %b: tensor<64x64xf32>) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %rows = tensor.dim %x, %c0 : tensor<?x64xf32>
  %empty = tensor.empty(%rows) : tensor<?x64xf32>
  %normal = effattn.rms_norm ins(%x, %weight : tensor<?x64xf32>, tensor<64xf32>) outs(%empty : tensor<?x64xf32>)
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x64xf32>) -> tensor<?x64xf32>
  %first = linalg.matmul ins(%normal, %a : tensor<?x64xf32>, tensor<64x64xf32>) outs(%zeros : tensor<?x64xf32>) -> tensor<?x64xf32>
  %second = linalg.matmul ins(%first, %b : tensor<?x64xf32>, tensor<64x64xf32>) outs(%zeros : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %second : tensor<?x64xf32>
}

func.func @attend(%q: tensor<1x2x?x8xf32>, %k: tensor<1x2x?x8xf32>, %v: tensor<1x2x?x8xf32>) -> tensor<1x2x?x8xf32> {
  %c2 = arith.constant 2 : index
  %queries = tensor.dim %q, %c2 : tensor<1x2x?x8xf32>
  %empty = tensor.empty(%queries) : tensor<1x2x?x8xf32>
  %out = effattn.attention ins(%q, %k, %v : tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>)
      outs(%empty : tensor<1x2x?x8xf32>) mask {
    %wide = effattn.window_mask {size = 9}
    %narrow = effattn.window_mask {size = 5}
    %both = effattn.mask_and %wide, %narrow
    effattn.yield %both : !effattn.mask
  }
  return %out : tensor<1x2x?x8xf32>
}
