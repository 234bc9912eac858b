// RUN: effattn-opt %s -effattn-limit-parallelism -canonicalize -cse | FileCheck %s

// One iteration needs no threads, nor do few elements, as far as their number
// is known before the loop.
// CHECK-LABEL: @rows
// CHECK-SAME:    (%{{.*}}: memref<?x640xf32>, %[[N:.*]]: index, %{{.*}}: f32)
// CHECK-DAG:     %[[ONE:.*]] = arith.cmpi sle, %[[N]], %c1
// CHECK-DAG:     %[[PER_ROW:.*]] = arith.muli %[[N]], %c641
// CHECK-DAG:     %[[FEW:.*]] = arith.cmpi sle, %[[PER_ROW]], %c4096
// CHECK:         %[[SHORT:.*]] = arith.ori %[[ONE]], %[[FEW]]
// CHECK:         scf.if %[[SHORT]] {
// CHECK-NEXT:      scf.for %{{.*}} = %c0 to %[[N]]
// CHECK-NEXT:        scf.for
// CHECK-NOT:       scf.parallel
// CHECK:         } else {
// CHECK-NEXT:      scf.parallel (%{{.*}}) = (%c0) to (%[[N]])
// CHECK-NEXT:        scf.for
func.func @rows(%m: memref<?x640xf32>, %n: index, %x: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c640 = arith.constant 640 : index
  scf.parallel (%i, %j) = (%c0, %c0) to (%n, %c640) step (%c1, %c1) {
    memref.store %x, %m[%i, %j] : memref<?x640xf32>
  }
  return
}

// A triangle: how many elements a row has is known inside only. Steps count.
// CHECK-LABEL: @unknown_rows
// CHECK-SAME:    (%{{.*}}: memref<?x?xf32>, %[[N:.*]]: index, %{{.*}}: f32)
// CHECK:         %[[ONE:.*]] = arith.cmpi sle, %[[N]], %c16
// CHECK-NOT:     arith.ori
// CHECK:         scf.if %[[ONE]]
// CHECK:         } else {
// CHECK:           scf.parallel
func.func @unknown_rows(%m: memref<?x?xf32>, %n: index, %x: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c16) {
    scf.for %j = %c0 to %i step %c1 {
      memref.store %x, %m[%i, %j] : memref<?x?xf32>
    }
  }
  return
}

// What a call does is not known, so it may be much.
// CHECK-LABEL: @calls
// CHECK-SAME:    (%[[N:.*]]: index)
// CHECK:         %[[ONE:.*]] = arith.cmpi sle, %[[N]], %c1
// CHECK-NOT:     arith.ori
// CHECK:         scf.if %[[ONE]]
func.func private @work(index)
func.func @calls(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    func.call @work(%i) : (index) -> ()
  }
  return
}

// Much work by static sizes: there is one form.
// CHECK-LABEL: @much
// CHECK-NOT:     scf.if
// CHECK:         scf.parallel
// CHECK-NOT:     scf.if
// CHECK:         return
func.func @much(%m: memref<64x640xf32>, %x: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %c640 = arith.constant 640 : index
  scf.parallel (%i, %j) = (%c0, %c0) to (%c64, %c640) step (%c1, %c1) {
    memref.store %x, %m[%i, %j] : memref<64x640xf32>
  }
  return
}

// A sum has one form, too.
// CHECK-LABEL: @sum
// CHECK-NOT:     scf.if
// CHECK:         scf.parallel
func.func @sum(%m: memref<?xf32>, %n: index, %x: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %sum = scf.parallel (%i) = (%c0) to (%n) step (%c1) init (%x) -> f32 {
    %number = memref.load %m[%i] : memref<?xf32>
    scf.reduce(%number : f32) {
    ^bb0(%a: f32, %b: f32):
      %next = arith.addf %a, %b : f32
      scf.reduce.return %next : f32
    }
  }
  return %sum : f32
}
