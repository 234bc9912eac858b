// Which tokens start a concept.
func.func @boundaries(%p: tensor<2x?xf32>, %out: tensor<2x?xi1>) -> tensor<2x?xi1> {
  %mask = effattn.boundary_mask
      ins(%p : tensor<2x?xf32>) outs(%out : tensor<2x?xi1>) {strict = true}
  return %mask : tensor<2x?xi1>
}
