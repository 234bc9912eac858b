// RUN: not effattn-opt %s -split-input-file -effattn-prepare-entry-points 2>&1 | FileCheck %s

// CHECK: resources.mlir:[[@LINE+2]]:8: error: 'arith.constant' op expected the resource 'weight' to have 32 bytes, but got 8
func.func @short() -> tensor<2x8xbf16> {
  %w = arith.constant dense_resource<weight> : tensor<2x8xbf16>
  return %w : tensor<2x8xbf16>
}
{-# dialect_resources: { builtin: { weight: "0x020000000102030405060708" } } #-}

// -----

// CHECK: resources.mlir:[[@LINE+2]]:8: error: 'arith.constant' op expected the resource 'bias' to have 8 bytes, but the module has no resource of this name
func.func @missing() -> tensor<2xf32> {
  %w = arith.constant dense_resource<bias> : tensor<2xf32>
  return %w : tensor<2xf32>
}

// -----

// CHECK: resources.mlir:[[@LINE+2]]:8: error: 'arith.constant' op expected a constant whose bytes 64 bits can count
func.func @huge() -> tensor<4611686018427387904x8xf32> {
  %w = arith.constant dense_resource<little> : tensor<4611686018427387904x8xf32>
  return %w : tensor<4611686018427387904x8xf32>
}
{-# dialect_resources: { builtin: { little: "0x0400000001020304" } } #-}

// -----

// CHECK-NOT: error
func.func @whole(%x: tensor<2xf32>) -> tensor<2xf32> {
  %w = arith.constant dense_resource<two> : tensor<2xf32>
  return %w : tensor<2xf32>
}
{-# dialect_resources: { builtin: { two: "0x040000000102030405060708" } } #-}
