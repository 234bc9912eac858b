// A layer of ordinary causal attention, to compare separator_attention.mlir
// with: a query keeps every key up to itself.
//
//   effattn-compile causal_attention.mlir -o causal_attention.o
//
// Every size is dynamic: B batch, H query heads, G key heads (G divides H),
// T queries (the last T of S positions), S keys, D key size, E value size.
func.func @causal_attention(
    %query: tensor<?x?x?x?xf32> {effattn.name = "q", effattn.shape = "B H T D"},
    %key: tensor<?x?x?x?xf32> {effattn.name = "k", effattn.shape = "B G S D"},
    %value: tensor<?x?x?x?xf32> {effattn.name = "v", effattn.shape = "B G S E"})
    -> (tensor<?x?x?x?xf32> {effattn.name = "out", effattn.shape = "B H T E"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %B = tensor.dim %query, %c0 : tensor<?x?x?x?xf32>
  %H = tensor.dim %query, %c1 : tensor<?x?x?x?xf32>
  %T = tensor.dim %query, %c2 : tensor<?x?x?x?xf32>
  %E = tensor.dim %value, %c3 : tensor<?x?x?x?xf32>

  %init = tensor.empty(%B, %H, %T, %E) : tensor<?x?x?x?xf32>
  %out = effattn.attention
      ins(%query, %key, %value
          : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>)
      outs(%init : tensor<?x?x?x?xf32>) mask {
    %keep = effattn.causal_mask
    effattn.yield %keep : !effattn.mask
  }
  return %out : tensor<?x?x?x?xf32>
}
