// RUN: effattn-opt %s -effattn-shorten-lifetimes -split-input-file -allow-unregistered-dialect | FileCheck %s

// Views wait with their memory, and memory is used as long as any view of it.
// CHECK-LABEL: func @views(
// CHECK-SAME:    %[[X:.*]]: memref<8xf32>, %[[N:.*]]: index
// CHECK:         "test.other"
// CHECK-NEXT:    %[[A:.*]] = memref.alloc(%[[N]])
// CHECK-NEXT:    %[[CAST:.*]] = memref.cast %[[A]]
// CHECK-NEXT:    memref.copy %[[CAST]], %[[X]]
// CHECK-NEXT:    %[[PART:.*]] = memref.subview %[[A]]
// CHECK-NEXT:    %[[SUM:.*]] = memref.load %[[PART]]
// CHECK-NEXT:    memref.dealloc %[[A]]
// CHECK-NEXT:    "test.other"
// CHECK-NEXT:    return %[[SUM]]
func.func @views(%x: memref<8xf32>, %n: index) -> f32 {
  %c0 = arith.constant 0 : index
  %a = memref.alloc(%n) : memref<?xf32>
  %cast = memref.cast %a : memref<?xf32> to memref<8xf32>
  %part = memref.subview %a[2] [1] [1] : memref<?xf32> to memref<1xf32, strided<[1], offset: 2>>
  "test.other"() : () -> ()
  memref.copy %cast, %x : memref<8xf32> to memref<8xf32>
  %sum = memref.load %part[%c0] : memref<1xf32, strided<[1], offset: 2>>
  "test.other"() : () -> ()
  memref.dealloc %a : memref<?xf32>
  return %sum : f32
}

// -----

// What a region uses is used by the op that has the region; blocks of loops are
// looked at on their own.
// CHECK-LABEL: func @regions(
// CHECK:         %[[A:.*]] = memref.alloc() : memref<4xf32>
// CHECK-NEXT:    scf.for
// CHECK-NEXT:      "test.other"
// CHECK-NEXT:      %[[B:.*]] = memref.alloc() : memref<4xf32>
// CHECK-NEXT:      memref.copy %[[A]], %[[B]]
// CHECK-NEXT:      memref.dealloc %[[B]]
// CHECK-NEXT:      "test.other"
// CHECK-NEXT:    }
// CHECK-NEXT:    memref.dealloc %[[A]]
// CHECK-NEXT:    "test.other"
func.func @regions(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = memref.alloc() : memref<4xf32>
  scf.for %i = %c0 to %n step %c1 {
    %b = memref.alloc() : memref<4xf32>
    "test.other"() : () -> ()
    memref.copy %a, %b : memref<4xf32> to memref<4xf32>
    "test.other"() : () -> ()
    memref.dealloc %b : memref<4xf32>
  }
  "test.other"() : () -> ()
  memref.dealloc %a : memref<4xf32>
  return
}

// -----

// Buffers of a loop's results are those that it begins with.
// CHECK-LABEL: func @loop_carried(
// CHECK:         %[[LAST:.*]]:2 = scf.for
// CHECK:         "test.other"
// CHECK-NEXT:    memref.copy %[[LAST]]#0
// CHECK-NEXT:    memref.dealloc
// CHECK-NEXT:    memref.dealloc
func.func @loop_carried(%x: memref<4xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc() : memref<4xf32>
  %last:2 = scf.for %i = %c0 to %n step %c1 iter_args(%p = %a, %q = %b) -> (memref<4xf32>, memref<4xf32>) {
    memref.copy %p, %q : memref<4xf32> to memref<4xf32>
    scf.yield %q, %p : memref<4xf32>, memref<4xf32>
  }
  "test.other"() : () -> ()
  memref.copy %last#0, %x : memref<4xf32> to memref<4xf32>
  memref.dealloc %a : memref<4xf32>
  memref.dealloc %b : memref<4xf32>
  return
}

// -----

// Nobody knows how long an address is used, unless it is only looked at.
// CHECK-LABEL: func @unknown(
// CHECK:         memref.extract_aligned_pointer_as_index
// CHECK-NEXT:    "test.other"
// CHECK-NEXT:    memref.dealloc
func.func @unknown(%x: memref<4xf32>) {
  %a = memref.alloc() : memref<4xf32>
  %address = memref.extract_aligned_pointer_as_index %a : memref<4xf32> -> index
  "test.other"(%address) : (index) -> ()
  memref.dealloc %a : memref<4xf32>
  return
}

// CHECK-LABEL: func @aligned(
// CHECK:         memref.extract_aligned_pointer_as_index
// CHECK-NEXT:    memref.dealloc
// CHECK:         "test.other"
func.func @aligned() {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %a = memref.alloc() : memref<4xf32>
  %address = memref.extract_aligned_pointer_as_index %a : memref<4xf32> -> index
  %rest = arith.remui %address, %c64 : index
  %is = arith.cmpi eq, %rest, %c0 : index
  "test.other"(%is) : (i1) -> ()
  memref.dealloc %a : memref<4xf32>
  return
}
