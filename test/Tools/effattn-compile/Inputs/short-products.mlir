func.func @few_tiles(%a: tensor<5000x96xbf16>, %b: tensor<96x3333xbf16>, %c: tensor<5000x3333xf32>) -> tensor<5000x3333xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<5000x96xbf16>, tensor<96x3333xbf16>) outs(%c : tensor<5000x3333xf32>)
    -> tensor<5000x3333xf32>
  return %0 : tensor<5000x3333xf32>
}
