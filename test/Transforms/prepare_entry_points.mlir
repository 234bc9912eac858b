// RUN: effattn-opt %s -split-input-file -verify-diagnostics -effattn-prepare-entry-points -canonicalize | FileCheck %s

// A result goes to memory of the caller, and its sizes are the argument's.
// CHECK-LABEL: func.func @transposed(
// CHECK-SAME:    %[[X:.*]]: memref<?x?xf32, strided<[?, 1], offset: ?>>, %[[OUT:.*]]: memref<?x?xf32, strided<[?, 1], offset: ?>>) -> i32
// CHECK-SAME:    inputs = [{element = f32, name = "x", sizes = ["rows", "arg0_dim1"]}]
// CHECK-SAME:    outputs = [{element = f32, name = "y", sizes = ["arg0_dim1", "rows"]}]
// CHECK:         %[[T:.*]] = linalg.transpose
// CHECK:         bufferization.materialize_in_destination %[[T]] in restrict writable %[[OUT]]
// CHECK-LABEL: func.func @transposed_sizes(
// CHECK-SAME:    %[[X:.*]]: memref<?x?xf32, {{.*}}>) -> (i64, i64)
// CHECK-NOT:     linalg
// CHECK:         %[[COLUMNS:.*]] = memref.dim %[[X]], %{{.*}}
func.func @transposed(%x: tensor<?x?xf32> {effattn.name = "x", effattn.shape = "rows arg0_dim1"})
    -> (tensor<?x?xf32> {effattn.name = "y"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %rows = tensor.dim %x, %c0 : tensor<?x?xf32>
  %columns = tensor.dim %x, %c1 : tensor<?x?xf32>
  %e = tensor.empty(%columns, %rows) : tensor<?x?xf32>
  %t = linalg.transpose ins(%x : tensor<?x?xf32>) outs(%e : tensor<?x?xf32>) permutation = [1, 0]
  return %t : tensor<?x?xf32>
}

// -----

// A result that updates an argument works on the memory of the result, which
// stands in the argument's place; a scalar is passed by value.
// CHECK-LABEL: func.func @state(
// CHECK-SAME:    %[[STATE:.*]]: memref<?xf32, strided<[1], offset: ?>>, %[[N:.*]]: index) -> i32
// CHECK-SAME:    {by_value, element = index, name = "n", sizes = []}
// CHECK-SAME:    outputs = [{element = f32, name = "result0", sizes = ["arg0_dim0"], state = 0 : i64}]
// CHECK:         %[[T:.*]] = bufferization.to_tensor %[[STATE]] restrict writable
// CHECK:         %[[NEXT:.*]] = tensor.insert %{{.*}} into %[[T]]
// CHECK:         bufferization.materialize_in_destination %[[NEXT]] in restrict writable %[[STATE]]
func.func @state(%state: tensor<?xf32>, %n: index {effattn.name = "n"}) -> tensor<?xf32> {
  %one = arith.constant 1.0 : f32
  %next = tensor.insert %one into %state[%n] : tensor<?xf32>
  return %next : tensor<?xf32>
}

// -----

// Sizes that data decides are the callee's to allocate.
// CHECK-LABEL: func.func @counted(
// CHECK-SAME:    %{{.*}}: memref<i64, strided<[], offset: ?>>) -> (tensor<?xf32>, i32)
// CHECK-SAME:    {callee_allocated, element = f32, name = "result0", sizes = ["?"]}
// CHECK-LABEL: func.func @counted_sizes(
// CHECK:         %[[UNKNOWN:.*]] = arith.constant -1 : i64
// CHECK:         return %[[UNKNOWN]] : i64
func.func @counted(%n: tensor<i64>) -> tensor<?xf32> {
  %size = tensor.extract %n[] : tensor<i64>
  %index = arith.index_cast %size : i64 to index
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%index) : tensor<?xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  return %f : tensor<?xf32>
}

// -----

// Sizes that an op of the entry block equates share a symbol, its letter.
// CHECK-LABEL: func.func @equal_sizes(
// CHECK-SAME:    {element = f32, name = "arg0", sizes = ["B", 4]}
// CHECK-SAME:    {element = i1, name = "arg1", sizes = ["B", 4]}
func.func @equal_sizes(%p: tensor<?x4xf32>, %out: tensor<?x?xi1>) -> tensor<?x?xi1> {
  %mask = effattn.boundary_mask ins(%p : tensor<?x4xf32>) outs(%out : tensor<?x?xi1>)
  return %mask : tensor<?x?xi1>
}

// -----

// expected-error @below {{expected argument 0 of 'unranked' to be a ranked tensor or scalar}}
func.func @unranked(%x: tensor<*xf32>) {
  return
}

// -----

func.func private @outside(tensor<?xf32>) -> tensor<?xf32>
func.func @calls(%x: tensor<?xf32>) -> tensor<?xf32> {
  // expected-error @below {{expected 'outside' to have been inlined}}
  %y = call @outside(%x) : (tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// -----

// expected-error @below {{expected at least one public function with a body}}
module {
}

// -----

// Other results are written, and views of the state copied, before the state's
// memory changes.
// CHECK-LABEL: func.func @old_state_too(
// CHECK-SAME:    %[[STATE:[a-z0-9]+]]: memref<?xf32
// CHECK:         %[[OLD:.*]] = bufferization.to_tensor %[[STATE]]
// CHECK:         %[[NEW:.*]] = linalg.add
// CHECK:         %[[SLICE:.*]] = tensor.extract_slice %[[OLD]]
// CHECK:         bufferization.materialize_in_destination %[[OLD]]
// CHECK:         %[[COPY:.*]] = bufferization.alloc_tensor() copy(%[[SLICE]])
// CHECK:         bufferization.materialize_in_destination %[[NEW]] in restrict writable %[[STATE]]
// CHECK:         return %[[COPY]]
func.func @old_state_too(%state: tensor<?xf32>, %n: tensor<index>)
    -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
  %count = tensor.extract %n[] : tensor<index>
  %new = linalg.add ins(%state, %state : tensor<?xf32>, tensor<?xf32>)
    outs(%state : tensor<?xf32>) -> tensor<?xf32>
  %slice = tensor.extract_slice %state[0][%count][1] : tensor<?xf32> to tensor<?xf32>
  return %new, %state, %slice : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
}

// -----

// expected-error @below {{expected to be constant; pass a state as an argument and return its successor}}
ml_program.global private mutable @state(dense<0.0> : tensor<4xf32>) : tensor<4xf32>
func.func @stateful() -> tensor<4xf32> {
  %state = ml_program.global_load @state : tensor<4xf32>
  return %state : tensor<4xf32>
}

// -----

// A step gives what has the sizes of an argument, as does a loop without steps.
// CHECK-LABEL: func.func @looped_sizes(
// CHECK-SAME:    %[[STATE:[a-z0-9]+]]: memref<?xf32
// CHECK:         %[[SIZE:.*]] = memref.dim %[[STATE]]
// CHECK:         %[[CAST:.*]] = arith.index_cast %[[SIZE]]
// CHECK:         return %[[CAST]] : i64
func.func @looped(%state: tensor<?xf32>, %x: tensor<f32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %f = tensor.extract %x[] : tensor<f32>
  %last = scf.for %i = %c0 to %c3 step %c1 iter_args(%old = %state) -> (tensor<?xf32>) {
    %inner = scf.for %j = %c0 to %i step %c1 iter_args(%older = %old) -> (tensor<?xf32>) {
      %new = linalg.fill ins(%f : f32) outs(%state : tensor<?xf32>) -> tensor<?xf32>
      scf.yield %new : tensor<?xf32>
    }
    scf.yield %inner : tensor<?xf32>
  }
  return %last : tensor<?xf32>
}

// -----

// Nobody knows the sizes of tensors that change places.
// CHECK-LABEL: func.func @swapped_sizes(
// CHECK:         %[[NONE:.*]] = arith.constant -1 : i64
// CHECK:         return %[[NONE]], %[[NONE]] : i64, i64
func.func @swapped(%x: tensor<?xf32>, %y: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %last:2 = scf.for %i = %c0 to %c3 step %c1 iter_args(%a = %x, %b = %y) -> (tensor<?xf32>, tensor<?xf32>) {
    scf.yield %b, %a : tensor<?xf32>, tensor<?xf32>
  }
  return %last#0, %last#1 : tensor<?xf32>, tensor<?xf32>
}
