func.func @decode(%tokens: tensor<1x?x8xf32> {effattn.name = "tokens", effattn.shape = "1 T 8"},
    %concepts: tensor<1x?x8xf32>, %p: tensor<1x?xf32>, %starts: tensor<1x?xi1>,
    %out: tensor<1x?x8xf32> {effattn.shape = "1 T 8"}, %state: tensor<1x8xf32>) -> tensor<1x?x8xf32> {
  %0, %1 = effattn.dechunk ins(%concepts, %p, %starts : tensor<1x?x8xf32>, tensor<1x?xf32>, tensor<1x?xi1>)
      outs(%out, %state : tensor<1x?x8xf32>, tensor<1x8xf32>)
  %sum = arith.addf %tokens, %0 : tensor<1x?x8xf32>
  return %sum : tensor<1x?x8xf32>
}
