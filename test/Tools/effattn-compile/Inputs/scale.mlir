func.func @scale(%x: tensor<?x?xf32> {effattn.name = "x", effattn.shape = "B T"},
                 %factor: f32 {effattn.name = "factor"})
    -> (tensor<?x?xf32> {effattn.name = "y", effattn.shape = "B T"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %rows = tensor.dim %x, %c0 : tensor<?x?xf32>
  %columns = tensor.dim %x, %c1 : tensor<?x?xf32>
  %empty = tensor.empty(%rows, %columns) : tensor<?x?xf32>
  %y = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x?xf32>) outs(%empty : tensor<?x?xf32>) {
  ^bb0(%value: f32, %old: f32):
    %product = arith.mulf %value, %factor : f32
    linalg.yield %product : f32
  } -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}
