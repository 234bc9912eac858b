// An implementation as effattn-prepare-entry-points and bufferization leave it:
//   y = factor * x, memory += 1, kept = the rows of x where keep,
// and an error when the factor is negative (after memory was allocated).
#strided = strided<[?, 1], offset: ?>
#row = strided<[1], offset: ?>
func.func @filter(%x: memref<?x4xf32, #strided>, %factor: f32,
                  %keep: memref<?xi1, #row>, %memory: memref<?xf32, #row>,
                  %y: memref<?x4xf32, #strided>) -> (memref<?x4xf32>, i32)
    attributes {llvm.emit_c_interface, effattn.signature = {
      inputs = [{name = "x", element = f32, sizes = ["T", 4]},
                {name = "factor", element = f32, sizes = [], by_value},
                {name = "keep", element = i1, sizes = ["T"]},
                {name = "memory", element = f32, sizes = ["M"]}],
      outputs = [{name = "y", element = f32, sizes = ["T", 4]},
                 {name = "memory_out", element = f32, sizes = ["M"], state = 3},
                 {name = "kept", element = f32, sizes = ["?", 4], callee_allocated}]}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %done = arith.constant 0 : i32
  %tokens = memref.dim %x, %c0 : memref<?x4xf32, #strided>
  %slots = memref.dim %memory, %c0 : memref<?xf32, #row>
  %count = scf.for %t = %c0 to %tokens step %c1 iter_args(%n = %c0) -> (index) {
    %k = memref.load %keep[%t] : memref<?xi1, #row>
    %i = arith.index_castui %k : i1 to index
    %next = arith.addi %n, %i : index
    scf.yield %next : index
  }
  %kept = memref.alloc(%count) : memref<?x4xf32>
  %ok = arith.cmpf oge, %factor, %zero : f32
  effattn.check %ok, "expected a factor for {0} rows that is not negative" (%count : index)
  %end = scf.for %t = %c0 to %tokens step %c1 iter_args(%n = %c0) -> (index) {
    %k = memref.load %keep[%t] : memref<?xi1, #row>
    scf.for %e = %c0 to %c4 step %c1 {
      %value = memref.load %x[%t, %e] : memref<?x4xf32, #strided>
      %scaled = arith.mulf %value, %factor : f32
      memref.store %scaled, %y[%t, %e] : memref<?x4xf32, #strided>
      scf.if %k {
        memref.store %value, %kept[%n, %e] : memref<?x4xf32>
      }
    }
    %i = arith.index_castui %k : i1 to index
    %next = arith.addi %n, %i : index
    scf.yield %next : index
  }
  scf.for %m = %c0 to %slots step %c1 {
    %value = memref.load %memory[%m] : memref<?xf32, #row>
    %sum = arith.addf %value, %one : f32
    memref.store %sum, %memory[%m] : memref<?xf32, #row>
  }
  return %kept, %done : memref<?x4xf32>, i32
}

func.func private @filter_sizes(%x: memref<?x4xf32, #strided>, %factor: f32,
                                %keep: memref<?xi1, #row>, %memory: memref<?xf32, #row>)
    -> (index, index, index, index, index) attributes {llvm.emit_c_interface} {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %unknown = arith.constant -1 : index
  %tokens = memref.dim %x, %c0 : memref<?x4xf32, #strided>
  %slots = memref.dim %memory, %c0 : memref<?xf32, #row>
  return %tokens, %c4, %slots, %unknown, %c4 : index, index, index, index, index
}
