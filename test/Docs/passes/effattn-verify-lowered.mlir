// RUN: not effattn-opt %s -effattn-verify-lowered 2>&1 | FileCheck %s
// An op of the dialect that no lowering took is an error, with its place.
func.func @mask(%p: memref<2x4xf32>, %out: memref<2x4xi1>) {
  effattn.boundary_mask ins(%p : memref<2x4xf32>) outs(%out : memref<2x4xi1>)
  return
}
// CHECK: error: {{.*}}effattn.boundary_mask
