// A layer of separator attention (SepLLM): a query keeps the first 4 keys, the
// separators before it and the 64 newest keys, itself included.
//
//   effattn-compile separator_attention.mlir -o separator_attention.o
//
// writes the object, a C header and a JSON signature; docs/examples/c calls it.
//
// Every size is dynamic, so one object serves every text: B batch, H query
// heads, G key heads (G divides H), T queries, S keys, D key size, E value
// size, V vocabulary. With T < S the queries are the last T of S positions,
// which is a decoding step, or the next piece of a long prompt.
func.func @separator_attention(
    %query: tensor<?x?x?x?xf32> {effattn.name = "q", effattn.shape = "B H T D"},
    %key: tensor<?x?x?x?xf32> {effattn.name = "k", effattn.shape = "B G S D"},
    %value: tensor<?x?x?x?xf32> {effattn.name = "v", effattn.shape = "B G S E"},
    // The token of every key, and which tokens of the vocabulary separate.
    %ids: tensor<?x?xi32> {effattn.name = "ids", effattn.shape = "B S"},
    %separators: tensor<?xi1> {effattn.name = "separators", effattn.shape = "V"})
    -> (tensor<?x?x?x?xf32> {effattn.name = "out", effattn.shape = "B H T E"},
        tensor<?x?xi1> {effattn.name = "is_separator", effattn.shape = "B S"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %B = tensor.dim %query, %c0 : tensor<?x?x?x?xf32>
  %H = tensor.dim %query, %c1 : tensor<?x?x?x?xf32>
  %T = tensor.dim %query, %c2 : tensor<?x?x?x?xf32>
  %S = tensor.dim %key, %c2 : tensor<?x?x?x?xf32>
  %E = tensor.dim %value, %c3 : tensor<?x?x?x?xf32>

  // An id outside of the vocabulary is an error of the call.
  %flags = tensor.empty(%B, %S) : tensor<?x?xi1>
  %is_separator = effattn.separator_positions ins(%ids : tensor<?x?xi32>)
      bitmap(%separators : tensor<?xi1>) outs(%flags : tensor<?x?xi1>)

  // The mask is never written out: it says which keys the loops visit.
  %init = tensor.empty(%B, %H, %T, %E) : tensor<?x?x?x?xf32>
  %out = effattn.attention
      ins(%query, %key, %value
          : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>)
      outs(%init : tensor<?x?x?x?xf32>) mask {
    %keep = effattn.separator_mask %is_separator : tensor<?x?xi1>
        {initial = 4 : i64, window = 64 : i64}
    effattn.yield %keep : !effattn.mask
  }
  return %out, %is_separator : tensor<?x?x?x?xf32>, tensor<?x?xi1>
}
