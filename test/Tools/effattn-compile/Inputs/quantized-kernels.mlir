// Products with a quantised table of 640 columns: one row, and any number.

!codes4 = tensor<?x320xi8>
!codes8 = tensor<?x640xi8>
!scales = tensor<?x20xf16>

func.func @one(%x: tensor<1x640xf32>, %codes4: !codes4, %codes8: !codes8, %kind: tensor<?xi1>, %row: tensor<?xi32>,
    %scales: !scales, %out: tensor<1x?xf32>) -> tensor<1x?xf32> {
  %r = effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
      tensor<1x640xf32>, !codes4, !codes8, tensor<?xi1>, tensor<?xi32>, !scales) outs(%out : tensor<1x?xf32>)
  return %r : tensor<1x?xf32>
}

func.func @one_of_bytes(%x: tensor<1x640xf32>, %codes4: !codes4, %codes8: !codes8, %kind: tensor<?xi1>,
    %row: tensor<?xi32>, %scales: !scales, %out: tensor<1x?xf32>) -> tensor<1x?xf32> {
  %r = effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
      tensor<1x640xf32>, !codes4, !codes8, tensor<?xi1>, tensor<?xi32>, !scales) outs(%out : tensor<1x?xf32>)
    {activation = #effattn.precision<i8>}
  return %r : tensor<1x?xf32>
}

func.func @many(%x: tensor<?x640xf32>, %codes4: !codes4, %codes8: !codes8, %kind: tensor<?xi1>, %row: tensor<?xi32>,
    %scales: !scales, %out: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %r = effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
      tensor<?x640xf32>, !codes4, !codes8, tensor<?xi1>, tensor<?xi32>, !scales) outs(%out : tensor<?x?xf32>)
  return %r : tensor<?x?xf32>
}

func.func @many_in_bf16(%x: tensor<?x640xbf16>, %codes4: !codes4, %codes8: !codes8, %kind: tensor<?xi1>,
    %row: tensor<?xi32>, %scales: !scales, %out: tensor<?x?xbf16>) -> tensor<?x?xbf16> {
  %r = effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
      tensor<?x640xbf16>, !codes4, !codes8, tensor<?xi1>, tensor<?xi32>, !scales) outs(%out : tensor<?x?xbf16>)
  return %r : tensor<?x?xbf16>
}

func.func @many_of_bytes(%x: tensor<?x640xbf16>, %codes4: !codes4, %codes8: !codes8, %kind: tensor<?xi1>,
    %row: tensor<?xi32>, %scales: !scales, %out: tensor<?x?xbf16>) -> tensor<?x?xbf16> {
  %r = effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
      tensor<?x640xbf16>, !codes4, !codes8, tensor<?xi1>, tensor<?xi32>, !scales) outs(%out : tensor<?x?xbf16>)
    {activation = #effattn.precision<i8>}
  return %r : tensor<?x?xbf16>
}
