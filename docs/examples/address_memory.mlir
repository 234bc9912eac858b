// A memory of constant size (RAM-Net): every token writes its value to the 4
// slots that its write address names, then reads the 4 slots of its read
// address. What a token costs does not depend on how many tokens went before,
// nor on the number of slots.
//
//   effattn-compile address_memory.mlir -o address_memory.o
//
// An address comes from the logits of 3 digits, W = 3 P of them for digits
// with P values, and names slots of [0, P^3): give the memory M = P^3 slots.
// A call with fewer fails as soon as an address names a slot that is missing.
//
// `memory` and `mass` are the state; the results `next_memory` and `next_mass`
// may be put into the same memory, and are then updated in place. A stream in
// pieces, down to single tokens, gives what the whole stream gives. B rows,
// T tokens, E value size.
func.func @address_memory(
    %write_logits: tensor<?x?x?xf32> {effattn.name = "write_logits", effattn.shape = "B T W"},
    %read_logits: tensor<?x?x?xf32> {effattn.name = "read_logits", effattn.shape = "B T W"},
    %values: tensor<?x?x?xf32> {effattn.name = "values", effattn.shape = "B T E"},
    %memory: tensor<?x?x?xf32> {effattn.name = "memory", effattn.shape = "B M E"},
    %mass: tensor<?x?xf32> {effattn.name = "mass", effattn.shape = "B M"})
    -> (tensor<?x?x?xf32> {effattn.name = "out", effattn.shape = "B T E"},
        tensor<?x?x4xi32> {effattn.name = "write_indices", effattn.shape = "B T 4"},
        tensor<?x?x4xi32> {effattn.name = "read_indices", effattn.shape = "B T 4"},
        tensor<?x?x?xf32> {effattn.name = "next_memory", effattn.shape = "B M E"},
        tensor<?x?xf32> {effattn.name = "next_mass", effattn.shape = "B M"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %B = tensor.dim %values, %c0 : tensor<?x?x?xf32>
  %T = tensor.dim %values, %c1 : tensor<?x?x?xf32>
  %E = tensor.dim %values, %c2 : tensor<?x?x?xf32>

  // The 4 most probable slots of all P^3, found without computing P^3 values.
  // `positions(%t : ...)` and a `mode` would turn the addresses as the text
  // goes on (CAPE), so that equal tokens at different places differ.
  %write_weights_init = tensor.empty(%B, %T) : tensor<?x?x4xf32>
  %write_indices_init = tensor.empty(%B, %T) : tensor<?x?x4xi32>
  %write_weights, %write_indices = effattn.address_decode
      ins(%write_logits : tensor<?x?x?xf32>)
      outs(%write_weights_init, %write_indices_init : tensor<?x?x4xf32>, tensor<?x?x4xi32>)
      {digits = 3 : i64, k = 4 : i64, normalize = true}
  %read_weights_init = tensor.empty(%B, %T) : tensor<?x?x4xf32>
  %read_indices_init = tensor.empty(%B, %T) : tensor<?x?x4xi32>
  %read_weights, %read_indices = effattn.address_decode
      ins(%read_logits : tensor<?x?x?xf32>)
      outs(%read_weights_init, %read_indices_init : tensor<?x?x4xf32>, tensor<?x?x4xi32>)
      {digits = 3 : i64, k = 4 : i64, normalize = true}

  %out_init = tensor.empty(%B, %T, %E) : tensor<?x?x?xf32>
  %out, %next_memory, %next_mass = effattn.address_memory
      ins(%write_weights, %write_indices, %values, %read_weights, %read_indices
          : tensor<?x?x4xf32>, tensor<?x?x4xi32>, tensor<?x?x?xf32>, tensor<?x?x4xf32>, tensor<?x?x4xi32>)
      outs(%out_init, %memory, %mass : tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?xf32>)
  return %out, %write_indices, %read_indices, %next_memory, %next_mass
      : tensor<?x?x?xf32>, tensor<?x?x4xi32>, tensor<?x?x4xi32>, tensor<?x?x?xf32>, tensor<?x?xf32>
}
