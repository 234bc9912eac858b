// RUN: effattn-opt %s -effattn-fuse-embedding-norm | FileCheck %s
// RUN: effattn-opt %s -effattn-fuse-embedding-norm -remark-format=emitRemark \
// RUN:   -remarks-filter=effattn-fuse-.* -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Rows that only the norm wants are never stored.
// REMARK: remark: [Passed] embedding-norm
// CHECK-LABEL: @look_up
// CHECK-SAME:    %[[IDS:[^:]*]]: tensor<?x?xi32>
// CHECK-NOT:     effattn
// CHECK:         scf.forall {{.*}} step (1, 8)
// CHECK:           %[[TILE:.*]] = tensor.extract_slice %[[IDS]]
// CHECK:           %[[ROWS:.*]] = effattn.embedding ins(%[[TILE]],
// CHECK:           effattn.layer_norm ins(%[[ROWS]],
func.func @look_up(%ids: tensor<?x?xi32>, %table: tensor<?x64xf32>, %n: tensor<64xf32>, %e: tensor<?x?x64xf32>,
    %out: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
  %rows = effattn.embedding ins(%ids, %table : tensor<?x?xi32>, tensor<?x64xf32>) outs(%e : tensor<?x?x64xf32>)
  %0 = effattn.layer_norm ins(%rows, %n : tensor<?x?x64xf32>, tensor<64xf32>) outs(%out : tensor<?x?x64xf32>)
  return %0 : tensor<?x?x64xf32>
}

// A residual stream keeps the rows as they are: one loop writes both.
// REMARK: remark: [Passed] embedding-norm
// CHECK-LABEL: @residual_stream
// CHECK-SAME:    %{{.*}}: tensor<?xi32>, {{.*}} %[[E:[^:]*]]: tensor<?x8xf32>, %[[OUT:[^:]*]]: tensor<?x8xf32>)
// CHECK:         %[[BOTH:.*]]:2 = scf.forall {{.*}} shared_outs(%{{.*}} = %[[OUT]], %{{.*}} = %[[E]])
// CHECK:           effattn.embedding
// CHECK:           effattn.rms_norm
// CHECK:         arith.addf %[[BOTH]]#0, %[[BOTH]]#1
func.func @residual_stream(%ids: tensor<?xi32>, %table: tensor<?x8xf32>, %n: tensor<8xf32>,
    %e: tensor<?x8xf32>, %out: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %rows = effattn.embedding ins(%ids, %table : tensor<?xi32>, tensor<?x8xf32>) outs(%e : tensor<?x8xf32>)
  %norm = effattn.rms_norm ins(%rows, %n : tensor<?x8xf32>, tensor<8xf32>) outs(%out : tensor<?x8xf32>)
  %sum = arith.addf %norm, %rows : tensor<?x8xf32>
  return %sum : tensor<?x8xf32>
}

// REMARK: remark: [Missed] embedding-norm
// REMARK-SAME: the rows are used before the norm
// REMARK-NOT: remark
// CHECK-LABEL: @used_before
// CHECK-NOT:     scf.forall
func.func @used_before(%ids: tensor<4xi32>, %table: tensor<9x8xf32>, %n: tensor<8xf32>, %e: tensor<4x8xf32>,
    %out: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %rows = effattn.embedding ins(%ids, %table : tensor<4xi32>, tensor<9x8xf32>) outs(%e : tensor<4x8xf32>)
  %twice = arith.addf %rows, %rows : tensor<4x8xf32>
  %norm = effattn.rms_norm ins(%rows, %n : tensor<4x8xf32>, tensor<8xf32>) outs(%out : tensor<4x8xf32>)
  %sum = arith.addf %norm, %twice : tensor<4x8xf32>
  return %sum : tensor<4x8xf32>
}

// A tensor train makes many rows at once, of cores that each tile would pack anew.
// CHECK-LABEL: @tensor_train
// CHECK-NOT:     scf.forall
func.func @tensor_train(%ids: tensor<?xi32>, %a: tensor<1x4x2x3xf32>, %b: tensor<3x4x4x1xf32>, %n: tensor<8xf32>,
    %e: tensor<?x8xf32>, %out: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %rows = effattn.tensor_train_embedding ins(%ids, %a, %b : tensor<?xi32>, tensor<1x4x2x3xf32>, tensor<3x4x4x1xf32>)
    outs(%e : tensor<?x8xf32>)
  %norm = effattn.rms_norm ins(%rows, %n : tensor<?x8xf32>, tensor<8xf32>) outs(%out : tensor<?x8xf32>)
  return %norm : tensor<?x8xf32>
}
