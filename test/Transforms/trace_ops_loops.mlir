// RUN: effattn-opt %s -split-input-file -effattn-trace-ops -canonicalize -cse | FileCheck %s
// What a fused loop takes is added up over its tiles before its span begins. Values in loops that are as
// long as 10 rows are, by tiles of 8, are of the last, shorter tile, too.

// Ids are read as they are looked up, rows of the table as often, the weights in each tile, but once at most; rows
// of the result are written. Rows between the two ops cost nothing.
// CHECK-LABEL: @embedding_and_norm
// CHECK-SAME:  (%[[IDS:.+]]: tensor<?xi32>, %{{.+}}: tensor<99x4xf32>,
// CHECK-DAG:   %[[ROWS:.+]] = tensor.dim %[[IDS]]
// CHECK:       %[[SUMS:.+]]:5 = scf.for %[[ROW:.+]] = %c0 to %[[ROWS]] step %c8
// CHECK-SAME:      iter_args(%[[S0:.+]] = %c0, %[[S1:.+]] = %c0, %[[S2:.+]] = %c0, %[[S3:.+]] = %c0, %[[S4:.+]] = %c0)
// CHECK-DAG:     %[[TILE:.+]] = affine.min #{{.+}}(%[[ROW]])[%[[ROWS]]]
// CHECK-DAG:     %[[BYTES:.+]] = arith.muli %[[TILE]], %c4
// CHECK-DAG:     %[[SUM0:.+]] = arith.addi %[[S0]], %[[BYTES]]
// CHECK-DAG:     %[[LOOKED_UP:.+]] = arith.minsi %[[BYTES]], %c396
// CHECK-DAG:     %[[TABLE:.+]] = arith.muli %[[LOOKED_UP]], %c4
// CHECK-DAG:     %[[SUM1:.+]] = arith.addi %[[S1]], %[[TABLE]]
// CHECK-DAG:     %[[SUM2:.+]] = arith.addi %[[S2]], %c16
// CHECK-DAG:     %[[FLOPS:.+]] = arith.muli %[[TILE]], %c16
// CHECK-DAG:     %[[SUM3:.+]] = arith.addi %[[S3]], %[[FLOPS]]
// CHECK-DAG:     %[[SUM4:.+]] = arith.addi %[[S4]], %[[FLOPS]]
// CHECK:         scf.yield %[[SUM0]], %[[SUM1]], %[[SUM2]], %[[SUM3]], %[[SUM4]]
// CHECK-DAG:   arith.minsi %[[SUMS]]#1, %c1584
// CHECK-DAG:   arith.minsi %[[SUMS]]#2, %c16
// CHECK:       effattn.begin_span
// CHECK-NEXT:  scf.forall
// CHECK-NOT:     arith
// CHECK:       effattn.end_span %{{.+}}, "effattn.embedding + effattn.rms_norm" flops(%[[SUMS]]#4) bytes(%{{.+}})
#tile = affine_map<(d0)[s0] -> (-d0 + s0, 8)>
func.func @embedding_and_norm(%ids: tensor<?xi32>, %table: tensor<99x4xf32>, %weight: tensor<4xf32>)
    -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %ids, %c0 : tensor<?xi32>
  %out = tensor.empty(%n) : tensor<?x4xf32>
  %all = scf.forall (%row) = (0) to (%n) step (8) shared_outs(%rows = %out) -> (tensor<?x4xf32>) {
    %size = affine.min #tile(%row)[%n]
    %tile = tensor.extract_slice %ids[%row] [%size] [1] : tensor<?xi32> to tensor<?xi32>
    %empty = tensor.empty(%size) : tensor<?x4xf32>
    %some = effattn.embedding ins(%tile, %table : tensor<?xi32>, tensor<99x4xf32>) outs(%empty : tensor<?x4xf32>)
    %own = tensor.extract_slice %rows[%row, 0] [%size, 4] [1, 1] : tensor<?x4xf32> to tensor<?x4xf32>
    %norm = effattn.rms_norm ins(%some, %weight : tensor<?x4xf32>, tensor<4xf32>) outs(%own : tensor<?x4xf32>)
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %norm into %rows[%row, 0] [%size, 4] [1, 1] : tensor<?x4xf32> into tensor<?x4xf32>
    }
  }
  return %all : tensor<?x4xf32>
}

// -----

// What a product is added to is read and written.
// CHECK-LABEL: @added_to
// CHECK:       scf.for %{{.+}} = %c0 to %c4 step %c1 iter_args(%{{.+}} = %c0, %{{.+}} = %c0, %{{.+}} = %c0,
// CHECK-COUNT-3: arith.addi %{{.+}}, %c4
// CHECK-COUNT-1: arith.addi %{{.+}}, %c2
// CHECK:       "linalg.matmul" flops(
func.func @added_to(%x: tensor<4x1xf32>, %w: tensor<1x1xf32>, %sum: tensor<4x1xf32>) -> tensor<4x1xf32> {
  %all = scf.forall (%row) in (4) shared_outs(%rows = %sum) -> (tensor<4x1xf32>) {
    %tile = tensor.extract_slice %x[%row, 0] [1, 1] [1, 1] : tensor<4x1xf32> to tensor<1x1xf32>
    %own = tensor.extract_slice %rows[%row, 0] [1, 1] [1, 1] : tensor<4x1xf32> to tensor<1x1xf32>
    %y = linalg.matmul ins(%tile, %w : tensor<1x1xf32>, tensor<1x1xf32>) outs(%own : tensor<1x1xf32>) -> tensor<1x1xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %y into %rows[%row, 0] [1, 1] [1, 1] : tensor<1x1xf32> into tensor<4x1xf32>
    }
  }
  return %all : tensor<4x1xf32>
}

// -----

// Nobody says what a split embedding computes: the loop has bytes alone.
// CHECK-LABEL: @without_flops
// CHECK: "effattn.split_embedding + effattn.rms_norm" bytes(
func.func @without_flops(%ids: tensor<8xi32>, %a: tensor<99x4xf32>, %b: tensor<99x4xf32>, %weight: tensor<4xf32>,
    %out: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %all = scf.forall (%row) in (8) shared_outs(%rows = %out) -> (tensor<8x4xf32>) {
    %id = tensor.extract_slice %ids[%row] [1] [1] : tensor<8xi32> to tensor<1xi32>
    %empty = tensor.empty() : tensor<1x4xf32>
    %one = effattn.split_embedding ins(%id, %a, %b : tensor<1xi32>, tensor<99x4xf32>, tensor<99x4xf32>)
      outs(%empty : tensor<1x4xf32>) {combine = #effattn.combine<add>}
    %norm = effattn.rms_norm ins(%one, %weight : tensor<1x4xf32>, tensor<4xf32>) outs(%empty : tensor<1x4xf32>)
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %norm into %rows[%row, 0] [1, 4] [1, 1] : tensor<1x4xf32> into tensor<8x4xf32>
    }
  }
  return %all : tensor<8x4xf32>
}

// -----

// Rows that hang on data, and ops that run nobody knows how often, have no counts.
// CHECK-LABEL: @sizes_of_data
// CHECK-NOT: scf.for %
// CHECK: effattn.begin_span
// CHECK: effattn.end_span %{{.+}}, "effattn.rms_norm"{{$}}
func.func @sizes_of_data(%x: tensor<8x4xf32>, %sizes: tensor<2xindex>, %weight: tensor<4xf32>, %out: tensor<8x4xf32>)
    -> tensor<8x4xf32> {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %all = scf.forall (%part) in (2) shared_outs(%rows = %out) -> (tensor<8x4xf32>) {
    %first = arith.muli %part, %c4 : index
    %size = tensor.extract %sizes[%part] : tensor<2xindex>
    %tile = tensor.extract_slice %x[%first, 0] [%size, 4] [1, 1] : tensor<8x4xf32> to tensor<?x4xf32>
    %own = tensor.extract_slice %rows[%first, 0] [%size, 4] [1, 1] : tensor<8x4xf32> to tensor<?x4xf32>
    %norm = effattn.rms_norm ins(%tile, %weight : tensor<?x4xf32>, tensor<4xf32>) outs(%own : tensor<?x4xf32>)
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %norm into %rows[%first, 0] [%size, 4] [1, 1] : tensor<?x4xf32> into tensor<8x4xf32>
    }
  }
  return %all : tensor<8x4xf32>
}

// CHECK-LABEL: @steps_of_data
// CHECK: effattn.end_span %{{.+}}, "effattn.rms_norm"{{$}}
func.func @steps_of_data(%x: tensor<8x4xf32>, %steps: index, %weight: tensor<4xf32>, %out: tensor<8x4xf32>)
    -> tensor<8x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %all = scf.forall (%row) in (8) shared_outs(%rows = %out) -> (tensor<8x4xf32>) {
    %tile = tensor.extract_slice %x[%row, 0] [1, 4] [1, 1] : tensor<8x4xf32> to tensor<1x4xf32>
    %empty = tensor.empty() : tensor<1x4xf32>
    %last = scf.for %step = %c0 to %steps step %c1 iter_args(%old = %tile) -> (tensor<1x4xf32>) {
      %norm = effattn.rms_norm ins(%old, %weight : tensor<1x4xf32>, tensor<4xf32>) outs(%empty : tensor<1x4xf32>)
      scf.yield %norm : tensor<1x4xf32>
    }
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %last into %rows[%row, 0] [1, 4] [1, 1] : tensor<1x4xf32> into tensor<8x4xf32>
    }
  }
  return %all : tensor<8x4xf32>
}
