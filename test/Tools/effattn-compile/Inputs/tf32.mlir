func.func @narrow(%q: tensor<2x8x?x64xf32>, %k: tensor<2x8x?x64xf32>, %v: tensor<2x8x?x64xf32>,
    %out: tensor<2x8x?x64xf32>) -> tensor<2x8x?x64xf32> {
  %0 = effattn.attention ins(%q, %k, %v : tensor<2x8x?x64xf32>, tensor<2x8x?x64xf32>, tensor<2x8x?x64xf32>)
    outs(%out : tensor<2x8x?x64xf32>)
  return %0 : tensor<2x8x?x64xf32>
}

func.func @wide(%q: tensor<2x8x?x128xf32>, %k: tensor<2x8x?x128xf32>, %v: tensor<2x8x?x128xf32>,
    %out: tensor<2x8x?x128xf32>) -> tensor<2x8x?x128xf32> {
  %0 = effattn.attention ins(%q, %k, %v : tensor<2x8x?x128xf32>, tensor<2x8x?x128xf32>, tensor<2x8x?x128xf32>)
    outs(%out : tensor<2x8x?x128xf32>) mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<2x8x?x128xf32>
}

func.func @product(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

func.func @ffn(%x: tensor<?x?xf32>, %gate: tensor<?x?xf32>, %up: tensor<?x?xf32>, %down: tensor<?x?xf32>,
               %out: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = effattn.gated_ffn ins(%x, %gate, %up, %down : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>)
    outs(%out : tensor<?x?xf32>)
  return %0 : tensor<?x?xf32>
}
