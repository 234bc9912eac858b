// RUN: effattn-opt %s -effattn-sum-in-registers | FileCheck %s

// CHECK-LABEL: func.func @sum
// CHECK-SAME:    (%[[X:.*]]: memref<?xf32>, %[[TOTAL:.*]]: memref<f32>, %[[COUNT:.*]]: index)
// CHECK:         %[[RUNS:.*]] = arith.cmpi slt, %{{.*}}, %[[COUNT]]
// CHECK:         scf.if %[[RUNS]]
// CHECK:           %[[FIRST:.*]] = memref.load %[[TOTAL]][]
// CHECK:           %[[LAST:.*]] = scf.for {{.*}} iter_args(%[[SUM:.*]] = %[[FIRST]]) -> (f32)
// CHECK:             %[[NEXT:.*]] = arith.addf %[[SUM]]
// CHECK:             scf.yield %[[NEXT]]
// CHECK:           memref.store %[[LAST]], %[[TOTAL]][]
func.func @sum(%x: memref<?xf32>, %total: memref<f32>, %count: index) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  scf.for %i = %zero to %count step %one {
    %value = memref.load %x[%i] : memref<?xf32>
    %sum = memref.load %total[] : memref<f32>
    %next = arith.addf %sum, %value : f32
    memref.store %next, %total[] : memref<f32>
  }
  return
}

// CHECK-LABEL: func.func @narrow_product
// CHECK:         %[[FIRST:.*]] = arith.extf %{{.*}} : bf16 to f32
// CHECK:         scf.for {{.*}} iter_args(%[[SUM:.*]] = %[[FIRST]]) -> (f32)
// CHECK:           %[[LEFT:.*]] = arith.extf
// CHECK:           %[[RIGHT:.*]] = arith.extf
// CHECK:           %[[PRODUCT:.*]] = arith.mulf %[[LEFT]], %[[RIGHT]] : f32
// CHECK:           arith.addf %[[SUM]], %[[PRODUCT]] : f32
// CHECK:         arith.truncf %{{.*}} : f32 to bf16
func.func @narrow_product(%x: memref<?xbf16>, %total: memref<bf16>, %count: index) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  scf.for %i = %zero to %count step %one {
    %value = memref.load %x[%i] : memref<?xbf16>
    %product = arith.mulf %value, %value : bf16
    %sum = memref.load %total[] : memref<bf16>
    %next = arith.addf %sum, %product : bf16
    memref.store %next, %total[] : memref<bf16>
  }
  return
}

// What else is read of the buffer may be the element.
// CHECK-LABEL: func.func @reads_the_same_buffer
// CHECK-NOT:     iter_args
func.func @reads_the_same_buffer(%x: memref<?xf32>, %count: index) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %first = memref.subview %x[0] [1] [1] : memref<?xf32> to memref<f32, strided<[]>>
  scf.for %i = %zero to %count step %one {
    %value = memref.load %x[%i] : memref<?xf32>
    %sum = memref.load %first[] : memref<f32, strided<[]>>
    %next = arith.addf %sum, %value : f32
    memref.store %next, %first[] : memref<f32, strided<[]>>
  }
  return
}

// CHECK-LABEL: func.func @moves
// CHECK-NOT:     iter_args
func.func @moves(%x: memref<?xf32>, %count: index) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  scf.for %i = %zero to %count step %one {
    %value = memref.load %x[%i] : memref<?xf32>
    %next = arith.addf %value, %value : f32
    memref.store %next, %x[%i] : memref<?xf32>
  }
  return
}
