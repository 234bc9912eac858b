// RUN: effattn-opt %s -split-input-file -effattn-launch-kernels -canonicalize -cse | FileCheck %s

// CHECK-LABEL: func.func @parallel_loop
// CHECK-SAME:    (%[[BUFFER:.*]]: memref<?xf32>) -> i32
// CHECK-DAG:     %[[THREADS:.*]] = arith.constant 128 : index
// CHECK:         %[[BLOCKS:.*]] = arith.ceildivui %[[COUNT:.*]], %[[THREADS]]
// CHECK:         gpu.launch_func @effattn_kernels::@parallel_loop_0 blocks in (%[[BLOCKS]], %c1, %c1) threads in (%[[THREADS]], %c1, %c1) args({{.*}}%[[BUFFER]] : memref<?xf32>
// CHECK:       gpu.func @parallel_loop_0
// CHECK:         %[[THREAD:.*]] = arith.addi
// CHECK:         scf.for %[[I:.*]] = {{.*}} to {{.*}} step
// CHECK:           memref.store %{{.*}}, %{{.*}}[%[[I]]]
func.func @parallel_loop(%buffer: memref<?xf32>) -> i32 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %value = arith.constant 1.0 : f32
  %count = memref.dim %buffer, %zero : memref<?xf32>
  scf.parallel (%i) = (%zero) to (%count) step (%one) {
    memref.store %value, %buffer[%i] : memref<?xf32>
  }
  %done = arith.constant 0 : i32
  return %done : i32
}

// -----

// Neighbours that touch memory share a kernel of one thread.
// CHECK-LABEL: func.func @sequence
// CHECK:         gpu.launch_func @effattn_kernels::@sequence_0 blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1)
// CHECK-NOT:     gpu.launch_func
// CHECK:       gpu.func @sequence_0
// CHECK:         memref.load
// CHECK:         memref.store
// CHECK:         scf.for
func.func @sequence(%buffer: memref<8xf32>) -> i32 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %eight = arith.constant 8 : index
  %first = memref.load %buffer[%zero] : memref<8xf32>
  memref.store %first, %buffer[%one] : memref<8xf32>
  scf.for %i = %one to %eight step %one {
    memref.store %first, %buffer[%i] : memref<8xf32>
  }
  %done = arith.constant 0 : i32
  return %done : i32
}

// -----

// A bound that the host needs is read back.
// CHECK-LABEL: func.func @read_back
// CHECK:         %[[HOST:.*]] = memref.alloca() : memref<index>
// CHECK:         %[[SLOT:.*]] = memref.alloc() : memref<index>
// CHECK:         gpu.launch_func @effattn_kernels::@read_back_0
// CHECK:         gpu.memcpy %[[HOST]], %[[SLOT]]
// CHECK:         %[[BOUND:.*]] = memref.load %[[HOST]][]
// CHECK:         scf.for {{.*}} to %[[BOUND]]
// CHECK:           gpu.launch_func @effattn_kernels::@read_back_1
func.func @read_back(%bound: memref<index>, %buffer: memref<?xf32>) -> i32 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %value = arith.constant 1.0 : f32
  %steps = memref.load %bound[] : memref<index>
  %count = memref.dim %buffer, %zero : memref<?xf32>
  scf.for %step = %zero to %steps step %one {
    scf.parallel (%i) = (%zero) to (%count) step (%one) {
      memref.store %value, %buffer[%i] : memref<?xf32>
    }
  }
  %done = arith.constant 0 : i32
  return %done : i32
}

// -----

// What an iteration allocates is a part of one buffer, a stretch of it for each
// thread; the size is computed by the host, where nothing divides by zero.
// CHECK-LABEL: func.func @scratch
// CHECK:         %[[IS_ZERO:.*]] = arith.cmpi eq, %{{.*}}, %c0
// CHECK:         arith.select %[[IS_ZERO]], %c1
// CHECK:         %[[SCRATCH:.*]] = memref.alloc(%{{.*}}) : memref<?xi8>
// CHECK:         gpu.launch_func {{.*}}%[[SCRATCH]] : memref<?xi8>
// CHECK:         memref.dealloc %[[SCRATCH]]
// CHECK:       gpu.func @scratch_0
// CHECK-NOT:     memref.alloc
// CHECK:         %[[STRETCH:.*]] = arith.muli
// CHECK:         memref.view %{{.*}}[%{{.*}}][%{{.*}}] : memref<?xi8> to memref<?xf32>
// CHECK-NOT:     memref.dealloc
func.func @scratch(%buffer: memref<?xf32>, %parts: index) -> i32 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %count = memref.dim %buffer, %zero : memref<?xf32>
  scf.parallel (%i) = (%zero) to (%count) step (%one) {
    %size = arith.divsi %count, %parts : index
    %own = memref.alloc(%size) : memref<?xf32>
    %value = memref.load %buffer[%i] : memref<?xf32>
    memref.store %value, %own[%zero] : memref<?xf32>
    %again = memref.load %own[%zero] : memref<?xf32>
    memref.store %again, %buffer[%i] : memref<?xf32>
    memref.dealloc %own : memref<?xf32>
  }
  %done = arith.constant 0 : i32
  return %done : i32
}

// -----

// A check inside records its number and its argument; the host reads them at
// the end, and kernels do nothing once there is a failure.
// CHECK-LABEL: func.func private @check_failure
// CHECK:         effattn.check %{{.*}}, "expected a positive number, but got {0}"
// CHECK-LABEL: func.func @check
// CHECK:         %[[RECORD:.*]] = memref.alloc() : memref<3xi64>
// CHECK:         gpu.launch_func @effattn_kernels::@check_0
// CHECK:         gpu.launch_func @effattn_kernels::@check_1
// CHECK:         call @check_failure(%[[RECORD]]) : (memref<3xi64>) -> i32
// CHECK:         memref.dealloc %[[RECORD]]
// CHECK:       gpu.func @check_1
// CHECK:         %[[NUMBER:.*]] = memref.load %[[KERNEL_RECORD:.*]][%c0]
// CHECK:         %[[HOLDS:.*]] = arith.cmpi eq, %[[NUMBER]], %c0_i64
// CHECK:         scf.if %[[HOLDS]]
// CHECK:           scf.for
// CHECK:             scf.if
// CHECK:             } else {
// CHECK:               memref.store %c1_i64, %[[KERNEL_RECORD]][%c0]
// CHECK:               memref.store %{{.*}}, %[[KERNEL_RECORD]][%c2]
// CHECK-NOT:     effattn.check
func.func @check(%numbers: memref<8xi32>) -> i32 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %eight = arith.constant 8 : index
  %none = arith.constant 0 : i32
  scf.for %i = %zero to %eight step %one {
    %number = memref.load %numbers[%i] : memref<8xi32>
    %ok = arith.cmpi sgt, %number, %none : i32
    effattn.check %ok, "expected a positive number, but got {0}" (%number : i32)
    memref.store %none, %numbers[%i] : memref<8xi32>
  }
  return %none : i32
}

// -----

// Constant tables come along.
// CHECK-LABEL: func.func @use_table
// CHECK:       gpu.module @effattn_kernels
// CHECK:         memref.global "private" constant @table
// CHECK:         gpu.func @use_table_0
// CHECK:           memref.get_global @table
memref.global "private" constant @table : memref<4xf32> = dense<[1.0, 2.0, 3.0, 4.0]>
func.func @use_table(%buffer: memref<4xf32>) -> i32 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %four = arith.constant 4 : index
  %values = memref.get_global @table : memref<4xf32>
  scf.parallel (%i) = (%zero) to (%four) step (%one) {
    %value = memref.load %values[%i] : memref<4xf32>
    memref.store %value, %buffer[%i] : memref<4xf32>
  }
  %done = arith.constant 0 : i32
  return %done : i32
}

// -----

// The host frees what it has allocated, in a branch, too.
// CHECK-LABEL: func.func @free_in_a_branch
// CHECK:         gpu.launch_func
// CHECK-NOT:     gpu.launch_func
// CHECK:         scf.if %{{.*}} {
// CHECK-NEXT:      memref.dealloc
// CHECK-NOT:     gpu.launch_func
// CHECK:         return
func.func @free_in_a_branch(%size: index, %owned: i1, %value: f32) -> i32 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %buffer = memref.alloc(%size) : memref<?xf32>
  scf.parallel (%i) = (%zero) to (%size) step (%one) {
    memref.store %value, %buffer[%i] : memref<?xf32>
  }
  scf.if %owned {
    memref.dealloc %buffer : memref<?xf32>
  }
  %done = arith.constant 0 : i32
  return %done : i32
}
