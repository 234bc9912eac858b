// RUN: effattn-opt %s -effattn-lower-spans | FileCheck %s
// The support code looks at the clock and keeps the span.
func.func @nothing() {
  %time = effattn.begin_span
  effattn.end_span %time, "nothing"
  return
}
// CHECK-NOT: effattn.begin_span
// CHECK: llvm.call @effattn_now
// CHECK: llvm.call @effattn_record_span
