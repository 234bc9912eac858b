func.func @unrelated(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %sum = arith.addf %a, %b : tensor<4xf32>
  return %sum : tensor<4xf32>
}

func.func @f(%p: tensor<2x4xf32>, %out: tensor<2x4xi1>, %keep: tensor<1x1x4x4xi1>)
    -> (tensor<2x4xi1>, tensor<1x1x4x4xi1>) {
  %boundaries = effattn.boundary_mask ins(%p : tensor<2x4xf32>) outs(%out : tensor<2x4xi1>)
  %mask = effattn.materialize_mask outs(%keep : tensor<1x1x4x4xi1>) mask {
    %causal = effattn.causal_mask
    %window = effattn.window_mask {size = 2}
    %both = effattn.mask_and %causal, %window
    effattn.yield %both : !effattn.mask
  }
  return %boundaries, %mask : tensor<2x4xi1>, tensor<1x1x4x4xi1>
}
