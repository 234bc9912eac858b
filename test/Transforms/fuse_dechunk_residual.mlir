// RUN: effattn-opt %s -split-input-file -effattn-fuse-dechunk-residual | FileCheck %s
// RUN: effattn-opt %s -split-input-file -effattn-fuse-dechunk-residual \
// RUN:   -remarks-filter="effattn-fuse-dechunk-residual" -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// CHECK-LABEL: @sum_as_linalg_add
// CHECK-SAME:    %[[H:[a-z0-9]+]]: tensor<2x?x8xf32>
// CHECK:         %[[OUT:.*]]:2 = effattn.dechunk ins({{.*}}) residual(%[[H]] : tensor<2x?x8xf32>)
// CHECK-NOT:     linalg.add
// CHECK:         return %[[OUT]]#0, %[[OUT]]#1
func.func @sum_as_linalg_add(%h: tensor<2x?x8xf32>, %y: tensor<2x?x8xf32>, %p: tensor<2x?xf32>,
    %mask: tensor<2x?xi1>, %out: tensor<2x?x8xf32>, %state: tensor<2x8xf32>,
    %destination: tensor<2x?x8xf32>) -> (tensor<2x?x8xf32>, tensor<2x8xf32>) {
  %e, %s = effattn.dechunk ins(%y, %p, %mask : tensor<2x?x8xf32>, tensor<2x?xf32>, tensor<2x?xi1>)
    outs(%out, %state : tensor<2x?x8xf32>, tensor<2x8xf32>)
  // REMARK: :[[@LINE+1]]:{{.*}} remark: [Passed] {{.*}}"the residual is added inside dechunk"
  %sum = linalg.add ins(%h, %e : tensor<2x?x8xf32>, tensor<2x?x8xf32>)
    outs(%destination : tensor<2x?x8xf32>) -> tensor<2x?x8xf32>
  return %sum, %s : tensor<2x?x8xf32>, tensor<2x8xf32>
}

// -----

// The sum's destination is known before dechunk, so the sum stays there.
// CHECK-LABEL: @destination_of_the_sum
// CHECK-SAME:    %[[DESTINATION:[a-z0-9]+]]: tensor<1x4x8xf32>) ->
// CHECK:         effattn.dechunk resume
// CHECK-SAME:      outs(%[[DESTINATION]], %{{.*}} :
func.func @destination_of_the_sum(%h: tensor<1x4x8xf32>, %y: tensor<1x3x8xf32>, %p: tensor<1x4xf32>,
    %mask: tensor<1x4xi1>, %out: tensor<1x4x8xf32>, %state: tensor<1x8xf32>,
    %destination: tensor<1x4x8xf32>) -> (tensor<1x4x8xf32>, tensor<1x8xf32>) {
  %e, %s = effattn.dechunk resume ins(%y, %p, %mask : tensor<1x3x8xf32>, tensor<1x4xf32>, tensor<1x4xi1>)
    outs(%out, %state : tensor<1x4x8xf32>, tensor<1x8xf32>) {epsilon = 1.0e-4}
  // REMARK: :[[@LINE+1]]:{{.*}} remark: [Passed] {{.*}}"the residual is added inside dechunk"
  %sum = linalg.map { arith.addf } ins(%e, %h : tensor<1x4x8xf32>, tensor<1x4x8xf32>)
    outs(%destination : tensor<1x4x8xf32>)
  return %sum, %s : tensor<1x4x8xf32>, tensor<1x8xf32>
}

// -----

// A destination that holds the residual is read: dechunk keeps its own.
// CHECK-LABEL: @sum_in_place
// CHECK-SAME:    %[[H:[a-z0-9]+]]: tensor<1x4x8xf32>, {{.*}}, %[[OUT:[a-z0-9]+]]: tensor<1x4x8xf32>, %{{[a-z0-9]+}}: tensor<1x8xf32>)
// CHECK:         effattn.dechunk
// CHECK-SAME:      residual(%[[H]] :
// CHECK-SAME:      outs(%[[OUT]], %{{.*}} :
// CHECK-NOT:     linalg.generic
#same = affine_map<(b, t, c) -> (b, t, c)>
func.func @sum_in_place(%h: tensor<1x4x8xf32>, %y: tensor<1x3x8xf32>, %p: tensor<1x4xf32>,
    %mask: tensor<1x4xi1>, %out: tensor<1x4x8xf32>, %state: tensor<1x8xf32>) -> tensor<1x4x8xf32> {
  %e, %s = effattn.dechunk ins(%y, %p, %mask : tensor<1x3x8xf32>, tensor<1x4xf32>, tensor<1x4xi1>)
    outs(%out, %state : tensor<1x4x8xf32>, tensor<1x8xf32>)
  // REMARK: :[[@LINE+1]]:{{.*}} remark: [Passed] {{.*}}"the residual is added inside dechunk"
  %sum = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%e : tensor<1x4x8xf32>) outs(%h : tensor<1x4x8xf32>) {
  ^bb0(%token: f32, %residual: f32):
    %added = arith.addf %residual, %token : f32
    linalg.yield %added : f32
  } -> tensor<1x4x8xf32>
  return %sum : tensor<1x4x8xf32>
}

// -----

// CHECK-LABEL: @sum_as_addf
// CHECK:         effattn.dechunk {{.*}} residual(
// CHECK-NOT:     arith.addf
func.func @sum_as_addf(%h: tensor<?x?x?xf32>, %y: tensor<?x?x?xf32>, %p: tensor<?x?xf32>,
    %mask: tensor<?x?xi1>, %out: tensor<?x?x?xf32>, %state: tensor<?x?xf32>) -> tensor<?x?x?xf32> {
  %e, %s = effattn.dechunk ins(%y, %p, %mask : tensor<?x?x?xf32>, tensor<?x?xf32>, tensor<?x?xi1>)
    outs(%out, %state : tensor<?x?x?xf32>, tensor<?x?xf32>)
  // REMARK: :[[@LINE+1]]:{{.*}} remark: [Passed] {{.*}}"the residual is added inside dechunk"
  %sum = arith.addf %e, %h : tensor<?x?x?xf32>
  return %sum : tensor<?x?x?xf32>
}

// -----

// What the sum knows of its sizes is kept.
// CHECK-LABEL: @sum_with_other_static_sizes
// CHECK:         %[[OUT:.*]]:2 = effattn.dechunk {{.*}} residual(
// CHECK:         %[[CAST:.*]] = tensor.cast %[[OUT]]#0 : tensor<1x?x8xf32> to tensor<1x4x8xf32>
// CHECK:         return %[[CAST]]
func.func @sum_with_other_static_sizes(%h: tensor<1x4x8xf32>, %y: tensor<1x3x8xf32>, %p: tensor<1x?xf32>,
    %mask: tensor<1x?xi1>, %out: tensor<1x?x8xf32>, %state: tensor<1x8xf32>) -> tensor<1x4x8xf32> {
  %e, %s = effattn.dechunk ins(%y, %p, %mask : tensor<1x3x8xf32>, tensor<1x?xf32>, tensor<1x?xi1>)
    outs(%out, %state : tensor<1x?x8xf32>, tensor<1x8xf32>)
  %destination = tensor.empty() : tensor<1x4x8xf32>
  // REMARK: :[[@LINE+1]]:{{.*}} remark: [Passed] {{.*}}"the residual is added inside dechunk"
  %sum = linalg.elementwise kind=#linalg.elementwise_kind<add> ins(%e, %h : tensor<1x?x8xf32>, tensor<1x4x8xf32>)
    outs(%destination : tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
  return %sum : tensor<1x4x8xf32>
}

// -----

// CHECK-LABEL: @tokens_used_elsewhere
// CHECK-NOT:     residual
// CHECK:         arith.addf
func.func @tokens_used_elsewhere(%h: tensor<1x4x8xf32>, %y: tensor<1x3x8xf32>, %p: tensor<1x4xf32>,
    %mask: tensor<1x4xi1>, %out: tensor<1x4x8xf32>, %state: tensor<1x8xf32>) -> (tensor<1x4x8xf32>, tensor<1x4x8xf32>) {
  %e, %s = effattn.dechunk ins(%y, %p, %mask : tensor<1x3x8xf32>, tensor<1x4xf32>, tensor<1x4xi1>)
    outs(%out, %state : tensor<1x4x8xf32>, tensor<1x8xf32>)
  // REMARK: :[[@LINE+1]]:{{.*}} remark: [Missed] {{.*}}"the tokens of dechunk have other uses"
  %sum = arith.addf %e, %h : tensor<1x4x8xf32>
  return %sum, %e : tensor<1x4x8xf32>, tensor<1x4x8xf32>
}

// -----

// CHECK-LABEL: @second_residual
// CHECK:         arith.addf
func.func @second_residual(%h: tensor<1x4x8xf32>, %y: tensor<1x3x8xf32>, %p: tensor<1x4xf32>,
    %mask: tensor<1x4xi1>, %out: tensor<1x4x8xf32>, %state: tensor<1x8xf32>) -> tensor<1x4x8xf32> {
  %e, %s = effattn.dechunk ins(%y, %p, %mask : tensor<1x3x8xf32>, tensor<1x4xf32>, tensor<1x4xi1>)
    residual(%h : tensor<1x4x8xf32>) outs(%out, %state : tensor<1x4x8xf32>, tensor<1x8xf32>)
  // REMARK: :[[@LINE+1]]:{{.*}} remark: [Missed] {{.*}}"dechunk has a residual already"
  %sum = arith.addf %e, %h : tensor<1x4x8xf32>
  return %sum : tensor<1x4x8xf32>
}

// -----

// CHECK-LABEL: @rounded_before_the_sum
// CHECK-NOT:     residual
// CHECK:         arith.addf
func.func @rounded_before_the_sum(%h: tensor<1x4x8xbf16>, %y: tensor<1x3x8xbf16>, %p: tensor<1x4xf32>,
    %mask: tensor<1x4xi1>, %out: tensor<1x4x8xbf16>, %state: tensor<1x8xf32>) -> tensor<1x4x8xbf16> {
  %e, %s = effattn.dechunk ins(%y, %p, %mask : tensor<1x3x8xbf16>, tensor<1x4xf32>, tensor<1x4xi1>)
    outs(%out, %state : tensor<1x4x8xbf16>, tensor<1x8xf32>)
  // REMARK: :[[@LINE+1]]:{{.*}} remark: [Missed] {{.*}}"dechunk rounds its tokens before the addition, with a residual only after it"
  %sum = arith.addf %e, %h : tensor<1x4x8xbf16>
  return %sum : tensor<1x4x8xbf16>
}

// -----

// CHECK-LABEL: @ragged_rows
// CHECK-NOT:     residual
// CHECK:         arith.addf
func.func @ragged_rows(%h: tensor<1x4x8xf32>, %y: tensor<1x3x8xf32>, %p: tensor<1x4xf32>, %mask: tensor<1x4xi1>,
    %lengths: tensor<1xi32>, %out: tensor<1x4x8xf32>, %state: tensor<1x8xf32>) -> tensor<1x4x8xf32> {
  %e, %s = effattn.dechunk ins(%y, %p, %mask : tensor<1x3x8xf32>, tensor<1x4xf32>, tensor<1x4xi1>)
    lengths(%lengths : tensor<1xi32>) outs(%out, %state : tensor<1x4x8xf32>, tensor<1x8xf32>)
  // REMARK: :[[@LINE+1]]:{{.*}} remark: [Missed] {{.*}}"padding tokens keep the residual here, but with a residual inside dechunk they are 0"
  %sum = arith.addf %e, %h : tensor<1x4x8xf32>
  return %sum : tensor<1x4x8xf32>
}

// -----

// CHECK-LABEL: @residual_computed_later
// CHECK-NOT:     residual
// CHECK:         arith.addf
func.func @residual_computed_later(%h: tensor<1x4x8xf32>, %y: tensor<1x3x8xf32>, %p: tensor<1x4xf32>,
    %mask: tensor<1x4xi1>, %out: tensor<1x4x8xf32>, %state: tensor<1x8xf32>) -> tensor<1x4x8xf32> {
  %e, %s = effattn.dechunk ins(%y, %p, %mask : tensor<1x3x8xf32>, tensor<1x4xf32>, tensor<1x4xi1>)
    outs(%out, %state : tensor<1x4x8xf32>, tensor<1x8xf32>)
  %later = arith.mulf %h, %h : tensor<1x4x8xf32>
  // REMARK: :[[@LINE+1]]:{{.*}} remark: [Missed] {{.*}}"the residual is computed after dechunk"
  %sum = arith.addf %e, %later : tensor<1x4x8xf32>
  return %sum : tensor<1x4x8xf32>
}

// -----

// CHECK-LABEL: @broadcast_residual
// CHECK-NOT:     residual(
// CHECK:         linalg.generic
#tokens = affine_map<(b, t, c) -> (b, t, c)>
#columns = affine_map<(b, t, c) -> (c)>
func.func @broadcast_residual(%bias: tensor<8xf32>, %y: tensor<1x3x8xf32>, %p: tensor<1x4xf32>,
    %mask: tensor<1x4xi1>, %out: tensor<1x4x8xf32>, %state: tensor<1x8xf32>) -> tensor<1x4x8xf32> {
  %e, %s = effattn.dechunk ins(%y, %p, %mask : tensor<1x3x8xf32>, tensor<1x4xf32>, tensor<1x4xi1>)
    outs(%out, %state : tensor<1x4x8xf32>, tensor<1x8xf32>)
  %destination = tensor.empty() : tensor<1x4x8xf32>
  // REMARK: :[[@LINE+1]]:{{.*}} remark: [Missed] {{.*}}"the addition broadcasts or transposes an operand"
  %sum = linalg.generic {indexing_maps = [#tokens, #columns, #tokens], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%e, %bias : tensor<1x4x8xf32>, tensor<8xf32>) outs(%destination : tensor<1x4x8xf32>) {
  ^bb0(%token: f32, %offset: f32, %previous: f32):
    %added = arith.addf %token, %offset : f32
    linalg.yield %added : f32
  } -> tensor<1x4x8xf32>
  return %sum : tensor<1x4x8xf32>
}

// -----

// The state is no token: its sum is nobody's business.
// CHECK-LABEL: @sum_of_the_state
// CHECK-NOT:     residual
// CHECK:         arith.addf
func.func @sum_of_the_state(%y: tensor<1x3x8xf32>, %p: tensor<1x4xf32>, %mask: tensor<1x4xi1>,
    %out: tensor<1x4x8xf32>, %state: tensor<1x8xf32>) -> tensor<1x8xf32> {
  %e, %s = effattn.dechunk ins(%y, %p, %mask : tensor<1x3x8xf32>, tensor<1x4xf32>, tensor<1x4xi1>)
    outs(%out, %state : tensor<1x4x8xf32>, tensor<1x8xf32>)
  %sum = arith.addf %s, %state : tensor<1x8xf32>
  return %sum : tensor<1x8xf32>
}
// REMARK-NOT: remark:
