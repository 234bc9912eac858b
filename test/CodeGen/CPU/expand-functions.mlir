// RUN: effattn-opt %s -effattn-expand-functions | FileCheck %s

// A scalar stays one: LLVM makes vectors of the loop.
// CHECK-LABEL: func.func @scalar(
// CHECK-SAME:    %[[X:.*]]: f32) -> f32
// CHECK-NOT:     math.tanh
// CHECK-NOT:     vector
// CHECK:         %[[SMALL:.*]] = arith.cmpf olt
// CHECK:         arith.bitcast {{.*}} : f32 to i32
// CHECK:         math.copysign {{.*}}, %[[X]] : f32
// CHECK:         arith.select %[[SMALL]]
func.func @scalar(%x: f32) -> f32 {
  %y = math.tanh %x : f32
  return %y : f32
}

// CHECK-LABEL: func.func @others(
// CHECK:         math.tanh {{.*}} : f64
// CHECK:         math.tanh {{.*}} : vector<4xf32>
func.func @others(%x: f64, %v: vector<4xf32>) -> (f64, vector<4xf32>) {
  %y = math.tanh %x : f64
  %w = math.tanh %v : vector<4xf32>
  return %y, %w : f64, vector<4xf32>
}
