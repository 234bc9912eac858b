// A layer with a memory of constant size (RAM-Net, arXiv 2602.11958).
//
// Every token writes its value to the slots of its write address and reads those of its read address:
// the k most probable of base ** digits slots, turned by the position of the token (CAPE).
//
// A stream in pieces gives what the whole stream gives: `next_memory` and `next_mass` are the `memory`
// and `mass` of the next piece, zeros at the start, and may be put into the same memory. B rows,
// T tokens; tokens past `lengths` change nothing.
//
// Written by `python ram_net.py`.

func.func @ram_net(
    %x: tensor<?x?x32xf32> {effattn.name = "x", effattn.shape = "B T 32"},
    %positions: tensor<?x?xi64> {effattn.name = "positions", effattn.shape = "B T"},
    %lengths: tensor<?xi32> {effattn.name = "lengths", effattn.shape = "B"},
    %memory: tensor<?x216x32xf32> {effattn.name = "memory", effattn.shape = "B 216 32"},
    %mass: tensor<?x216xf32> {effattn.name = "mass", effattn.shape = "B 216"},
    %norm: tensor<32xf32> {effattn.name = "norm", effattn.shape = "32"},
    %to_write: tensor<32x18xf32> {effattn.name = "to_write", effattn.shape = "32 18"},
    %to_read: tensor<32x18xf32> {effattn.name = "to_read", effattn.shape = "32 18"},
    %to_value: tensor<32x32xf32> {effattn.name = "to_value", effattn.shape = "32 32"},
    %to_output: tensor<32x32xf32> {effattn.name = "to_output", effattn.shape = "32 32"})
    -> (tensor<?x?x32xf32> {effattn.name = "y", effattn.shape = "B T 32"},
        tensor<?x216x32xf32> {effattn.name = "next_memory", effattn.shape = "B 216 32"},
        tensor<?x216xf32> {effattn.name = "next_mass", effattn.shape = "B 216"}) {
  // Where a token writes.
  %c0 = arith.constant 0 : index
  %B = tensor.dim %x, %c0 : tensor<?x?x32xf32>
  %c1 = arith.constant 1 : index
  %T = tensor.dim %x, %c1 : tensor<?x?x32xf32>
  %init = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out = effattn.rms_norm ins(%x, %norm : tensor<?x?x32xf32>, tensor<32xf32>)
      outs(%init : tensor<?x?x32xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %zero = arith.constant 0.0 : f32
  %init_1 = tensor.empty(%B, %T) : tensor<?x?x18xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%init_1 : tensor<?x?x18xf32>) -> tensor<?x?x18xf32>
  %matmul = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out, %to_write : tensor<?x?x32xf32>, tensor<32x18xf32>)
      outs(%zeros : tensor<?x?x18xf32>) -> tensor<?x?x18xf32>
  %init_2 = tensor.empty(%B, %T) : tensor<?x?x4xf32>
  %init_3 = tensor.empty(%B, %T) : tensor<?x?x4xi32>
  %weights, %indices = effattn.address_decode ins(%matmul : tensor<?x?x18xf32>)
      positions(%positions : tensor<?x?xi64>)
      outs(%init_2, %init_3 : tensor<?x?x4xf32>, tensor<?x?x4xi32>)
      {digits = 3, k = 4, temperature = 1.0, normalize = true, mode = #effattn.shift<digits>}

  // Where it reads.
  %init_4 = tensor.empty(%B, %T) : tensor<?x?x18xf32>
  %zeros_1 = linalg.fill ins(%zero : f32) outs(%init_4 : tensor<?x?x18xf32>) -> tensor<?x?x18xf32>
  %matmul_1 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out, %to_read : tensor<?x?x32xf32>, tensor<32x18xf32>)
      outs(%zeros_1 : tensor<?x?x18xf32>) -> tensor<?x?x18xf32>
  %init_5 = tensor.empty(%B, %T) : tensor<?x?x4xf32>
  %init_6 = tensor.empty(%B, %T) : tensor<?x?x4xi32>
  %weights_1, %indices_1 = effattn.address_decode ins(%matmul_1 : tensor<?x?x18xf32>)
      positions(%positions : tensor<?x?xi64>)
      outs(%init_5, %init_6 : tensor<?x?x4xf32>, tensor<?x?x4xi32>)
      {digits = 3, k = 4, temperature = 1.0, normalize = true, mode = #effattn.shift<digits>}

  // Values move to the memory, and averages of them back.
  %init_7 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_2 = linalg.fill ins(%zero : f32) outs(%init_7 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_2 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out, %to_value : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_2 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_8 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out_1, %memory_1, %mass_1 = effattn.address_memory
      ins(%weights, %indices, %matmul_2, %weights_1, %indices_1
          : tensor<?x?x4xf32>, tensor<?x?x4xi32>, tensor<?x?x32xf32>, tensor<?x?x4xf32>, tensor<?x?x4xi32>)
      lengths(%lengths : tensor<?xi32>)
      outs(%init_8, %memory, %mass : tensor<?x?x32xf32>, tensor<?x216x32xf32>, tensor<?x216xf32>)
      {gamma = 1.0, epsilon = 1.0e-06}
  %init_9 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_3 = linalg.fill ins(%zero : f32) outs(%init_9 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_3 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_1, %to_output : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_3 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_10 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %add = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %matmul_3 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_10 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>
  return %add, %memory_1, %mass_1 : tensor<?x?x32xf32>, tensor<?x216x32xf32>, tensor<?x216xf32>
}
