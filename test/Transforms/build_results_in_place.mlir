// RUN: effattn-opt %s -split-input-file -effattn-build-results-in-place -canonicalize | FileCheck %s

// Two products that start from the same zeros: each has its own, in the memory of its result.
// CHECK-LABEL: @products
// CHECK-DAG:     %[[FIRST:.*]] = bufferization.to_tensor %arg2 restrict writable
// CHECK-DAG:     %[[SECOND:.*]] = bufferization.to_tensor %arg3 restrict writable
// CHECK:         %[[Z0:.*]] = linalg.fill {{.*}} outs(%[[FIRST]] :
// CHECK:         %[[A:.*]] = linalg.matmul {{.*}} outs(%[[Z0]] :
// CHECK:         %[[Z1:.*]] = linalg.fill {{.*}} outs(%[[SECOND]] :
// CHECK:         linalg.matmul ins(%[[A]], {{.*}} outs(%[[Z1]] :
func.func @products(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>, %r0: memref<8x8xf32>, %r1: memref<8x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x8xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %a = linalg.matmul ins(%x, %w : tensor<8x8xf32>, tensor<8x8xf32>) outs(%z : tensor<8x8xf32>) -> tensor<8x8xf32>
  %b = linalg.matmul ins(%a, %w : tensor<8x8xf32>, tensor<8x8xf32>) outs(%z : tensor<8x8xf32>) -> tensor<8x8xf32>
  bufferization.materialize_in_destination %a in restrict writable %r0 : (tensor<8x8xf32>, memref<8x8xf32>) -> ()
  bufferization.materialize_in_destination %b in restrict writable %r1 : (tensor<8x8xf32>, memref<8x8xf32>) -> ()
  return
}

// -----

// %a is written to its result when the result of %b has been overwritten: it stays out of it.
// CHECK-LABEL: @built_on_another_result
// CHECK-DAG:     %[[SECOND:.*]] = bufferization.to_tensor %arg2 restrict writable
// CHECK:         %[[A:.*]] = linalg.exp {{.*}} outs(%[[SECOND]] :
// CHECK:         linalg.mul {{.*}} outs(%[[A]] :
func.func @built_on_another_result(%x: tensor<8xf32>, %r0: memref<8xf32>, %r1: memref<8xf32>) {
  %e = tensor.empty() : tensor<8xf32>
  %a = linalg.exp ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %b = linalg.mul ins(%a, %x : tensor<8xf32>, tensor<8xf32>) outs(%a : tensor<8xf32>) -> tensor<8xf32>
  bufferization.materialize_in_destination %b in restrict writable %r0 : (tensor<8xf32>, memref<8xf32>) -> ()
  bufferization.materialize_in_destination %a in restrict writable %r1 : (tensor<8xf32>, memref<8xf32>) -> ()
  return
}

// -----

// A result that is returned is read by the caller, after everything else.
// CHECK-LABEL: @returned
// CHECK:         tensor.empty
// CHECK-NOT:     to_tensor
// CHECK:         return
func.func @returned(%x: tensor<8xf32>, %r0: memref<8xf32>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<8xf32>
  %a = linalg.exp ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %b = linalg.mul ins(%a, %x : tensor<8xf32>, tensor<8xf32>) outs(%a : tensor<8xf32>) -> tensor<8xf32>
  bufferization.materialize_in_destination %b in restrict writable %r0 : (tensor<8xf32>, memref<8xf32>) -> ()
  return %a : tensor<8xf32>
}

// -----

// What two branches compute shares one tensor, so that bufferization sees that the second overwrites the first.
// CHECK-LABEL: @branches
// CHECK:         %[[MEMORY:.*]] = bufferization.to_tensor %arg2 restrict writable
// CHECK-NOT:     to_tensor
// CHECK:         linalg.exp {{.*}} outs(%[[MEMORY]] :
// CHECK:         scf.if
// CHECK:           linalg.abs {{.*}} outs(%[[MEMORY]] :
func.func @branches(%x: tensor<8xf32>, %c: i1, %r: memref<8xf32>) {
  %e = tensor.empty() : tensor<8xf32>
  %a = linalg.exp ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %chosen = scf.if %c -> tensor<8xf32> {
    scf.yield %a : tensor<8xf32>
  } else {
    %own = tensor.empty() : tensor<8xf32>
    %b = linalg.abs ins(%a : tensor<8xf32>) outs(%own : tensor<8xf32>) -> tensor<8xf32>
    scf.yield %b : tensor<8xf32>
  }
  bufferization.materialize_in_destination %chosen in restrict writable %r : (tensor<8xf32>, memref<8xf32>) -> ()
  return
}

// -----

// Values that go round a loop have memory of their own, which is allocated before the loop.
// CHECK-LABEL: @loop
// CHECK-COUNT-2: tensor.empty
// CHECK:         scf.for
func.func @loop(%n: index) -> (tensor<8xf32>, tensor<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %e = tensor.empty() : tensor<8xf32>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%p = %e, %q = %e) -> (tensor<8xf32>, tensor<8xf32>) {
    %a = linalg.exp ins(%q : tensor<8xf32>) outs(%p : tensor<8xf32>) -> tensor<8xf32>
    %b = linalg.abs ins(%p : tensor<8xf32>) outs(%q : tensor<8xf32>) -> tensor<8xf32>
    scf.yield %a, %b : tensor<8xf32>, tensor<8xf32>
  }
  return %r#0, %r#1 : tensor<8xf32>, tensor<8xf32>
}

// -----

// A tensor that is only read needs no copy, and neither does one that only its size is asked of.
// CHECK-LABEL: @read
// CHECK-COUNT-1: linalg.fill
// CHECK-NOT:     linalg.fill
func.func @read(%x: tensor<8xf32>, %n: index) -> (tensor<8xf32>, tensor<8xf32>, index) {
  %one = arith.constant 1.0 : f32
  %c0 = arith.constant 0 : index
  %e = tensor.empty() : tensor<8xf32>
  %f = linalg.fill ins(%one : f32) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %a = linalg.add ins(%f, %x : tensor<8xf32>, tensor<8xf32>) outs(%x : tensor<8xf32>) -> tensor<8xf32>
  %b = linalg.mul ins(%f, %x : tensor<8xf32>, tensor<8xf32>) outs(%x : tensor<8xf32>) -> tensor<8xf32>
  %d = tensor.dim %f, %c0 : tensor<8xf32>
  return %a, %b, %d : tensor<8xf32>, tensor<8xf32>, index
}
