// RUN: effattn-opt %s -effattn-lower-checks | FileCheck %s
// A check becomes a branch. The block for failures records the sentence and returns its code.
func.func @first(%m: memref<?xf32>, %n: index) -> i32 {
  %c0 = arith.constant 0 : index
  %done = arith.constant 0 : i32
  %ok = arith.cmpi sgt, %n, %c0 : index
  effattn.check %ok, "expected a row, but got {0}"(%n : index)
  return %done : i32
}
// CHECK-NOT: effattn.check
// CHECK: cf.cond_br
// CHECK: call @effattn_fail
