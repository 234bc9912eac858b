func.func @scale(%x: tensor<?xf32> {effattn.name = "x"},
                 %factor: f32 {effattn.name = "factor"}) -> tensor<?xf32> {
  %zero = arith.constant 0 : index
  %n = tensor.dim %x, %zero : tensor<?xf32>
  %empty = tensor.empty(%n) : tensor<?xf32>
  %factors = linalg.fill ins(%factor : f32) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
  %y = linalg.mul ins(%x, %factors : tensor<?xf32>, tensor<?xf32>)
                  outs(%empty : tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}
