// RUN: effattn-opt %s @PLUGINS@--verify-roundtrip | FileCheck %s --check-prefix=PRINTED
// RUN: effattn-opt %s @PLUGINS@-effattn-convert-to-linalg | FileCheck %s

// PRINTED-LABEL: @near
// PRINTED:         @DIALECT@.@NAME@ {reach = 3 : i64}

// CHECK-LABEL: @near
// CHECK-DAG:     %[[REACH:.*]] = arith.constant 3 : index
// CHECK:         %[[LOW:.*]] = arith.subi %[[QUERY:.*]], %[[REACH]]
// CHECK:         %[[HIGH:.*]] = arith.addi %[[QUERY]], %[[REACH]]
// CHECK:         arith.cmpi sle, %[[LOW]], %[[KEY:.*]] :
// CHECK:         arith.cmpi sle, %[[KEY]], %[[HIGH]] :
func.func @near(%keep: tensor<1x1x?x?xi1>) -> tensor<1x1x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x?x?xi1>) mask {
    %mask = @DIALECT@.@NAME@ {reach = 3}
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<1x1x?x?xi1>
}
