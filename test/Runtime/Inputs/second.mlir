func.func @second(%x: tensor<8xf32>) -> tensor<8xf32> {
  %y = arith.mulf %x, %x : tensor<8xf32>
  %z = math.exp %y : tensor<8xf32>
  return %z : tensor<8xf32>
}
