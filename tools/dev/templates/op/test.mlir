// RUN: effattn-opt %s @PLUGINS@--verify-roundtrip | FileCheck %s --check-prefix=PRINTED
// RUN: effattn-opt %s @RUN@ | FileCheck %s

// PRINTED-LABEL: @scale
// PRINTED:         @DIALECT@.@NAME@ ins(%{{.*}} : tensor<?x?xbf16>) outs(%{{.*}} : tensor<?x?xbf16>) {factor = 2.000000e+00

// CHECK-LABEL: @scale
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x?xbf16>, %[[OUT:[a-z0-9]+]]: tensor<?x?xbf16>
// CHECK:         linalg.map ins(%[[X]] : {{.*}}) outs(%[[OUT]] : {{.*}})
// CHECK:           %[[WIDE:.*]] = arith.extf
// CHECK:           %[[FACTOR:.*]] = arith.constant 2.0{{.*}} : f32
// CHECK:           %[[SCALED:.*]] = arith.mulf %[[WIDE]], %[[FACTOR]]
// CHECK:           arith.truncf %[[SCALED]]
func.func @scale(%x: tensor<?x?xbf16>, %out: tensor<?x?xbf16>) -> tensor<?x?xbf16> {
  %0 = @DIALECT@.@NAME@ ins(%x : tensor<?x?xbf16>) outs(%out : tensor<?x?xbf16>) {factor = 2.0}
  return %0 : tensor<?x?xbf16>
}
