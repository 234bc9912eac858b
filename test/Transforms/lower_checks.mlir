// RUN: effattn-opt %s -split-input-file -verify-diagnostics -effattn-lower-checks | FileCheck %s

// CHECK:       llvm.mlir.global private constant @[[MESSAGE:.*]]("lower_checks.mlir:[[#]]:3: expected {0} of {1}\00")
// CHECK-LABEL: func.func @check(
// CHECK-SAME:    %[[OK:.*]]: i1, %[[A:.*]]: index, %[[B:.*]]: i32
// CHECK:         cf.cond_br %[[OK]], ^[[GO:.*]], ^[[FAIL:.*]]
// CHECK:       ^[[GO]]:
// CHECK:         return %{{.*}}, %{{.*}} : memref<?xf32>, i32
// CHECK:       ^[[FAIL]]:
// CHECK:         %[[STATUS:.*]] = llvm.call @effattn_fail(
// CHECK:         %[[NONE:.*]] = ub.poison : memref<?xf32>
// CHECK:         return %[[NONE]], %[[STATUS]]
func.func @check(%ok: i1, %a: index, %b: i32, %m: memref<?xf32>) -> (memref<?xf32>, i32) {
  effattn.check %ok, "expected {0} of {1}" (%a, %b : index, i32)
  %done = arith.constant 0 : i32
  return %m, %done : memref<?xf32>, i32
}

// -----

// CHECK-LABEL: func.func @allocation(
// CHECK:         %[[BUFFER:.*]] = memref.alloc
// CHECK:         %[[ADDRESS:.*]] = memref.extract_aligned_pointer_as_index %[[BUFFER]]
// CHECK:         %[[OK:.*]] = arith.cmpi ne, %[[ADDRESS]]
// CHECK:         cf.cond_br %[[OK]]
func.func @allocation(%n: index) -> i32 {
  %buffer = memref.alloc(%n) : memref<?xf32>
  memref.dealloc %buffer : memref<?xf32>
  %done = arith.constant 0 : i32
  return %done : i32
}

// -----

// expected-error @below {{expected the last result of 'no_status' to be an i32 status}}
func.func @no_status(%ok: i1) {
  effattn.check %ok, "expected more"
  return
}

// -----

func.func @in_loop(%ok: i1, %n: index) -> i32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    // expected-error @below {{expected no region between the check and its function}}
    effattn.check %ok, "expected more"
  }
  %done = arith.constant 0 : i32
  return %done : i32
}

// -----

// Who fails has left a message.
// CHECK-LABEL: func.func @call(
// CHECK:         %[[STATUS:.*]] = call @kernel
// CHECK:         %[[OK:.*]] = arith.cmpi eq, %[[STATUS]], %c0_i32
// CHECK:         cf.cond_br %[[OK]], ^[[GO:.*]], ^[[FAIL:.*]]
// CHECK:       ^[[FAIL]]:
// CHECK-NOT:     effattn_fail
// CHECK:         return %[[STATUS]]
func.func @call(%n: index) -> i32 {
  %status = call @kernel(%n) : (index) -> i32
  %done = arith.constant 0 : i32
  return %done : i32
}
func.func private @kernel(%n: index) -> i32 {
  %buffer = memref.alloc(%n) : memref<?xf32>
  memref.dealloc %buffer : memref<?xf32>
  %done = arith.constant 0 : i32
  return %done : i32
}

// -----

func.func @call_in_loop(%n: index) -> i32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    // expected-error @below {{expected no region between the call and its function}}
    func.call @kernel(%n) : (index) -> i32
  }
  %done = arith.constant 0 : i32
  return %done : i32
}
func.func private @kernel(%n: index) -> i32 {
  %done = arith.constant 0 : i32
  return %done : i32
}
