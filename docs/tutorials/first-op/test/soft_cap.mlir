// RUN: effattn-opt %s %plugins --verify-roundtrip | FileCheck %s --check-prefix=PRINTED
// RUN: effattn-opt %s %plugins --pass-pipeline='builtin.module(my-to-linalg)' | FileCheck %s

// PRINTED-LABEL: @cap
// PRINTED:         my.soft_cap ins(%{{.*}} : tensor<?x?xbf16>) outs(%{{.*}} : tensor<?x?xbf16>) {cap = 3.000000e+01

// CHECK-LABEL: @cap
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x?xbf16>, %[[OUT:[a-z0-9]+]]: tensor<?x?xbf16>
// CHECK:         linalg.map ins(%[[X]] : {{.*}}) outs(%[[OUT]] : {{.*}})
// CHECK:           %[[WIDE:.*]] = arith.extf
// CHECK:           %[[CAP:.*]] = arith.constant 3.0{{.*}} : f32
// CHECK:           %[[RATIO:.*]] = arith.divf %[[WIDE]], %[[CAP]]
// CHECK:           %[[BOUNDED:.*]] = math.tanh %[[RATIO]]
// CHECK:           %[[CAPPED:.*]] = arith.mulf %[[BOUNDED]], %[[CAP]]
// CHECK:           arith.truncf %[[CAPPED]]
func.func @cap(%x: tensor<?x?xbf16>, %out: tensor<?x?xbf16>) -> tensor<?x?xbf16> {
  %0 = my.soft_cap ins(%x : tensor<?x?xbf16>) outs(%out : tensor<?x?xbf16>) {cap = 30.0}
  return %0 : tensor<?x?xbf16>
}
