// The frame of a concept model (ConceptMoE): tokens are merged into concepts
// where the hidden state turns, a model runs on the few concepts, and every
// token gets its concept back.
//
//   effattn-compile concepts.mlir -o concepts.o
//   effattn-run concepts.mlir --input=h.npy ... --output=out.npy ...
//
// `last`, `started` and `average` carry a row from one call to the next: a text
// in pieces gives what the whole text gives. The results `next_last` and
// `next_average` may be put into the memory of `last` and `average`.
//
// B batch, T tokens, C model width; N, the largest number of concepts of a row,
// is known only after the boundaries, so the callee allocates `concepts`.

#hidden = affine_map<(b, t, c, k) -> (b, t, k)>
#weight = affine_map<(b, t, c, k) -> (k, c)>
#result = affine_map<(b, t, c, k) -> (b, t, c)>

func.func @concepts(
    %hidden: tensor<?x?x?xf32> {effattn.name = "h", effattn.shape = "B T C"},
    %to_query: tensor<?x?xf32> {effattn.name = "to_query", effattn.shape = "C C"},
    %to_key: tensor<?x?xf32> {effattn.name = "to_key", effattn.shape = "C C"},
    %model: tensor<?x?xf32> {effattn.name = "model", effattn.shape = "C C"},
    // The key of the token before the first, in the rows that have one.
    %last: tensor<?x?xf32> {effattn.name = "last", effattn.shape = "B C"},
    %started: tensor<?xi1> {effattn.name = "started", effattn.shape = "B"},
    // The moving average of the concepts so far; 0 at the start.
    %average: tensor<?x?xf32> {effattn.name = "average", effattn.shape = "B C"})
    -> (tensor<?x?x?xf32> {effattn.name = "out", effattn.shape = "B T C"},
        tensor<?x?xf32> {effattn.name = "p", effattn.shape = "B T"},
        tensor<?x?xi1> {effattn.name = "boundaries", effattn.shape = "B T"},
        tensor<?x?x?xf32> {effattn.name = "concepts", effattn.shape = "B N C"},
        tensor<?x?xf32> {effattn.name = "next_last", effattn.shape = "B C"},
        tensor<?x?xf32> {effattn.name = "next_average", effattn.shape = "B C"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %zero = arith.constant 0.0 : f32
  %B = tensor.dim %hidden, %c0 : tensor<?x?x?xf32>
  %T = tensor.dim %hidden, %c1 : tensor<?x?x?xf32>
  %C = tensor.dim %hidden, %c2 : tensor<?x?x?xf32>

  // A boundary is where the query of a token points away from the key of the
  // token before it.
  %tokens = tensor.empty(%B, %T, %C) : tensor<?x?x?xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%tokens : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %query = linalg.contract indexing_maps = [#hidden, #weight, #result]
      ins(%hidden, %to_query : tensor<?x?x?xf32>, tensor<?x?xf32>)
      outs(%zeros : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %key = linalg.contract indexing_maps = [#hidden, #weight, #result]
      ins(%hidden, %to_key : tensor<?x?x?xf32>, tensor<?x?xf32>)
      outs(%zeros : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %scores = tensor.empty(%B, %T) : tensor<?x?xf32>
  %p, %next_last = effattn.boundary_probability resume
      ins(%query, %key : tensor<?x?x?xf32>, tensor<?x?x?xf32>)
      started(%started : tensor<?xi1>)
      outs(%scores, %last : tensor<?x?xf32>, tensor<?x?xf32>)
  %flags = tensor.empty(%B, %T) : tensor<?x?xi1>
  %boundaries = effattn.boundary_mask ins(%p : tensor<?x?xf32>)
      outs(%flags : tensor<?x?xi1>) {threshold = 0.5}

  // The boundary tokens stand for their concepts.
  %count_init = tensor.empty(%B) : tensor<?xi32>
  %largest_init = tensor.empty() : tensor<i32>
  %counted, %largest = effattn.boundary_count ins(%boundaries : tensor<?x?xi1>)
      outs(%count_init, %largest_init : tensor<?xi32>, tensor<i32>)
  %most = tensor.extract %largest[] : tensor<i32>
  %N = arith.index_cast %most : i32 to index
  %rows = tensor.empty(%B, %N, %C) : tensor<?x?x?xf32>
  %concepts, %counts = effattn.chunk
      ins(%hidden, %boundaries : tensor<?x?x?xf32>, tensor<?x?xi1>)
      outs(%rows, %counted : tensor<?x?x?xf32>, tensor<?xi32>)

  // Here stands the model of the concepts; this one is a matrix.
  %concept_rows = tensor.empty(%B, %N, %C) : tensor<?x?x?xf32>
  %concept_zeros = linalg.fill ins(%zero : f32) outs(%concept_rows : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %y = linalg.contract indexing_maps = [#hidden, #weight, #result]
      ins(%concepts, %model : tensor<?x?x?xf32>, tensor<?x?xf32>)
      outs(%concept_zeros : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>

  // Every token receives the moving average of the concepts up to its own.
  %out_init = tensor.empty(%B, %T, %C) : tensor<?x?x?xf32>
  %out, %next_average = effattn.dechunk resume
      ins(%y, %p, %boundaries : tensor<?x?x?xf32>, tensor<?x?xf32>, tensor<?x?xi1>)
      residual(%hidden : tensor<?x?x?xf32>)
      outs(%out_init, %average : tensor<?x?x?xf32>, tensor<?x?xf32>)
  return %out, %p, %boundaries, %concepts, %next_last, %next_average
      : tensor<?x?x?xf32>, tensor<?x?xf32>, tensor<?x?xi1>, tensor<?x?x?xf32>,
        tensor<?x?xf32>, tensor<?x?xf32>
}
