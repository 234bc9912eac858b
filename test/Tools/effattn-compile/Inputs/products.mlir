func.func @wide(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

func.func @ffn(%x: tensor<?x?xf16>, %gate: tensor<?x?xf16>, %up: tensor<?x?xf16>, %down: tensor<?x?xf16>,
               %out: tensor<?x?xf16>) -> tensor<?x?xf16> {
  %0 = effattn.gated_ffn ins(%x, %gate, %up, %down : tensor<?x?xf16>, tensor<?x?xf16>, tensor<?x?xf16>, tensor<?x?xf16>)
    outs(%out : tensor<?x?xf16>)
  return %0 : tensor<?x?xf16>
}
