// Functions of every kind of argument and result.
#matrix = affine_map<(i, j) -> (i, j)>

func.func @main(%x: tensor<?x?xf32> {effattn.name = "x", effattn.shape = "B T"},
                %factor: f32 {effattn.name = "factor"})
    -> (tensor<?x?xf32> {effattn.name = "y", effattn.shape = "B T"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %rows = tensor.dim %x, %c0 : tensor<?x?xf32>
  %columns = tensor.dim %x, %c1 : tensor<?x?xf32>
  %empty = tensor.empty(%rows, %columns) : tensor<?x?xf32>
  %y = linalg.generic {indexing_maps = [#matrix, #matrix],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x?xf32>) outs(%empty : tensor<?x?xf32>) {
  ^bb0(%value: f32, %old: f32):
    %product = arith.mulf %value, %factor : f32
    linalg.yield %product : f32
  } -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// One element type each, handed through.
func.func @types(%f16: tensor<2xf16>, %bf16: tensor<2xbf16>, %f64: tensor<2xf64>,
                 %i1: tensor<2xi1>, %i8: tensor<2xi8>, %i64: tensor<2xi64>, %scalar: i32)
    -> (tensor<2xf16>, tensor<2xbf16>, tensor<2xf64>, tensor<2xi1>, tensor<2xi8>,
        tensor<2xi64>, i32) {
  return %f16, %bf16, %f64, %i1, %i8, %i64, %scalar
      : tensor<2xf16>, tensor<2xbf16>, tensor<2xf64>, tensor<2xi1>, tensor<2xi8>, tensor<2xi64>, i32
}

func.func @count() -> (tensor<300xi32> {effattn.name = "numbers"}) {
  %empty = tensor.empty() : tensor<300xi32>
  %numbers = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>],
                             iterator_types = ["parallel"]}
      outs(%empty : tensor<300xi32>) {
  ^bb0(%old: i32):
    %index = linalg.index 0 : index
    %value = arith.index_cast %index : index to i32
    linalg.yield %value : i32
  } -> tensor<300xi32>
  return %numbers : tensor<300xi32>
}
