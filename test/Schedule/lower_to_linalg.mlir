// RUN: effattn-opt %s --transform-interpreter --cse | FileCheck %s

// One of two equal ops becomes a loop, which the handle then has.
// CHECK-LABEL: func.func @norms
// CHECK:         scf.forall
// CHECK-NOT:     effattn
// CHECK:           math.sqrt
// CHECK:         } {lowered = 1 : i64}
// CHECK:         effattn.rms_norm
// CHECK-NOT:     effattn.rms_norm
// CHECK:         return
func.func @norms(%x: tensor<?x64xf32>, %scale: tensor<64xf32>, %out: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %plain = effattn.rms_norm ins(%x, %scale : tensor<?x64xf32>, tensor<64xf32>) outs(%out : tensor<?x64xf32>) {plain}
  %other = effattn.rms_norm ins(%plain, %scale : tensor<?x64xf32>, tensor<64xf32>) outs(%out : tensor<?x64xf32>)
  return %plain, %other : tensor<?x64xf32>, tensor<?x64xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %norm = transform.structured.match ops{["effattn.rms_norm"]} attributes{plain} in %root
      : (!transform.any_op) -> !transform.any_op
    %loops = transform.effattn.lower_to_linalg %norm : (!transform.any_op) -> !transform.any_op
    %mark = transform.param.constant 1 : i64 -> !transform.any_param
    transform.annotate %loops "lowered" = %mark : !transform.any_op, !transform.any_param
    transform.yield
  }
}
