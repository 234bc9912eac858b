// RUN: effattn-opt %s -split-input-file -effattn-launch-kernels -canonicalize -cse | FileCheck %s

// Every thread takes an iteration of both loops, and notes its number if it
// fails; then one thread repeats the first that was noted.
// CHECK-LABEL: func.func @all_ids
// CHECK:         %[[BLOCKS:.*]] = arith.ceildivui %{{.*}}, %c128
// CHECK:         gpu.launch_func @effattn_kernels::@all_ids_check_1 blocks in (%[[BLOCKS]], %c1, %c1) threads in (%c128
// CHECK:         gpu.launch_func @effattn_kernels::@all_ids_check_2 blocks in (%c1, %c1, %c1) threads in (%c1
// CHECK:       gpu.func @all_ids_check_1(%[[RECORD:[a-z0-9]*]]: memref<4xi64>
// CHECK:         %[[WORD:.*]] = arith.index_cast %{{.*}} : index to i64
// CHECK-NEXT:    memref.load
// CHECK:         } else {
// CHECK-NEXT:      memref.atomic_rmw mins %[[WORD]], %[[RECORD]][%c1]
// CHECK-NOT:     memref.store
// CHECK:       gpu.func @all_ids_check_2(%[[RECORD:[a-z0-9]*]]: memref<4xi64>
// CHECK:         memref.load %[[RECORD]][%c1]
// CHECK-NOT:     scf.for
// CHECK:           memref.store %c1_i64, %[[RECORD]][%c0]
func.func @all_ids(%ids: memref<?x?xi32>) -> i32 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %rows = memref.dim %ids, %zero : memref<?x?xi32>
  %columns = memref.dim %ids, %one : memref<?x?xi32>
  %none = arith.constant 0 : i32
  scf.for %i = %zero to %rows step %one {
    scf.for %j = %zero to %columns step %one {
      %id = memref.load %ids[%i, %j] : memref<?x?xi32>
      %ok = arith.cmpi sge, %id, %none : i32
      effattn.check %ok, "expected an id, but got {0} at [{1}]" (%id, %j : i32, index)
    }
  }
  return %none : i32
}

// -----

// A loop whose bound only the iteration knows is shared out among threads.
// CHECK-LABEL: func.func @ragged
// CHECK:         arith.ceildivui %c16384
// CHECK:       gpu.func @ragged_check_1
// CHECK:         %[[SHARE:.*]] = arith.remui
// CHECK:         %[[LENGTH:.*]] = memref.load
// CHECK:         scf.for %{{.*}} = %[[SHARE]] to %[[LENGTH]] step
// CHECK:       gpu.func @ragged_check_2
// CHECK:         scf.for %{{.*}} = %c0 to %{{.*}} step %c1
func.func @ragged(%ids: memref<?x?xi32>, %lengths: memref<?xindex>) -> i32 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %rows = memref.dim %ids, %zero : memref<?x?xi32>
  %none = arith.constant 0 : i32
  scf.for %i = %zero to %rows step %one {
    %length = memref.load %lengths[%i] : memref<?xindex>
    scf.for %j = %zero to %length step %one {
      %id = memref.load %ids[%i, %j] : memref<?x?xi32>
      %ok = arith.cmpi sge, %id, %none : i32
      effattn.check %ok, "expected an id, but got {0} at [{1}]" (%id, %j : i32, index)
    }
  }
  return %none : i32
}

// -----

// Behind a check that failed inside of a branch, nothing of the iteration runs.
// CHECK-LABEL: gpu.func @branches_check_1
// CHECK:         %[[HOLDS:.*]] = memref.alloca() : memref<i1>
// CHECK:         memref.store %true, %[[HOLDS]][]
// CHECK:         memref.store %false, %[[HOLDS]][]
// CHECK:         %[[GO_ON:.*]] = memref.load %[[HOLDS]][]
// CHECK:         scf.if %[[GO_ON]]
// CHECK:           memref.load
func.func @branches(%ids: memref<?xindex>, %map: memref<?xi32>) -> i32 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %rows = memref.dim %ids, %zero : memref<?xindex>
  %none = arith.constant 0 : i32
  scf.for %i = %zero to %rows step %one {
    %id = memref.load %ids[%i] : memref<?xindex>
    %ask = memref.load %ids[%id] : memref<?xindex>
    %positive = arith.cmpi sgt, %ask, %zero : index
    scf.if %positive {
      %ok = arith.cmpi slt, %id, %rows : index
      effattn.check %ok, "expected an id, but got {0}" (%id : index)
    }
    %entry = memref.load %map[%id] : memref<?xi32>
    %ok = arith.cmpi sge, %entry, %none : i32
    effattn.check %ok, "expected an entry, but got {0}" (%entry : i32)
  }
  return %none : i32
}

// -----

// What an iteration leaves to the next, in a value or in memory, keeps the loop
// with one thread.
// CHECK-LABEL: func.func @in_order
// CHECK:         gpu.launch_func @effattn_kernels::@in_order_1 blocks in (%c1, %c1, %c1) threads in (%c1,
// CHECK:         gpu.launch_func @effattn_kernels::@in_order_2 blocks in (%c1, %c1, %c1) threads in (%c1,
// CHECK-NOT:     gpu.launch_func
// CHECK-NOT:     atomic_rmw
func.func @in_order(%ids: memref<?xi32>, %seen: memref<?xi32>) -> i32 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %rows = memref.dim %ids, %zero : memref<?xi32>
  %none = arith.constant 0 : i32
  %last = scf.for %i = %zero to %rows step %one iter_args(%before = %none) -> i32 {
    %id = memref.load %ids[%i] : memref<?xi32>
    %ok = arith.cmpi sge, %id, %before : i32
    effattn.check %ok, "expected ids in order, but got {0} at [{1}]" (%id, %i : i32, index)
    scf.yield %id : i32
  }
  scf.for %i = %zero to %rows step %one {
    %id = memref.load %ids[%i] : memref<?xi32>
    %other = memref.load %seen[%zero] : memref<?xi32>
    %ok = arith.cmpi ne, %id, %other : i32
    effattn.check %ok, "expected another id at [{0}]" (%i : index)
    memref.store %id, %seen[%zero] : memref<?xi32>
  }
  return %none : i32
}
