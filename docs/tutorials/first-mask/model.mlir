// Queries keep the keys of their block that are not after them.
func.func @show() -> tensor<1x1x7x7xi1> {
  %empty = tensor.empty() : tensor<1x1x7x7xi1>
  %keep = effattn.materialize_mask outs(%empty : tensor<1x1x7x7xi1>) mask {
    %block = my.block_mask {size = 3}
    %causal = effattn.causal_mask
    %both = effattn.mask_and %block, %causal
    effattn.yield %both : !effattn.mask
  }
  return %keep : tensor<1x1x7x7xi1>
}

func.func @attend(%q: tensor<1x2x?x8xf32>, %k: tensor<1x2x?x8xf32>, %v: tensor<1x2x?x8xf32>)
    -> tensor<1x2x?x8xf32> {
  %c2 = arith.constant 2 : index
  %queries = tensor.dim %q, %c2 : tensor<1x2x?x8xf32>
  %empty = tensor.empty(%queries) : tensor<1x2x?x8xf32>
  %out = effattn.attention ins(%q, %k, %v : tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>)
      outs(%empty : tensor<1x2x?x8xf32>) mask {
    %block = my.block_mask {size = 3}
    %causal = effattn.causal_mask
    %both = effattn.mask_and %block, %causal
    effattn.yield %both : !effattn.mask
  }
  return %out : tensor<1x2x?x8xf32>
}
