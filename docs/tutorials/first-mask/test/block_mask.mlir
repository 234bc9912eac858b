// RUN: effattn-opt %s %plugins --verify-roundtrip | FileCheck %s --check-prefix=PRINTED
// RUN: effattn-opt %s %plugins -effattn-convert-to-linalg | FileCheck %s

// PRINTED-LABEL: @blocks
// PRINTED:         my.block_mask {size = 3 : i64}

// CHECK-LABEL: @blocks
// CHECK:         %[[OWN:.*]] = arith.floordivsi %[[QUERY:.*]], %{{.*}} : index
// CHECK:         %[[OTHER:.*]] = arith.floordivsi %[[KEY:.*]], %{{.*}} : index
// CHECK:         arith.cmpi eq, %[[OWN]], %[[OTHER]] : index
func.func @blocks(%keep: tensor<1x1x?x?xi1>) -> tensor<1x1x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x?x?xi1>) mask {
    %mask = my.block_mask {size = 3}
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<1x1x?x?xi1>
}
