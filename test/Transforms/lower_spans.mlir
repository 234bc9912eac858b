// RUN: effattn-opt %s -effattn-lower-spans | FileCheck %s
// RUN: effattn-opt %s -effattn-lower-spans=discard=true | FileCheck %s --check-prefix=DISCARD
// RUN: effattn-opt %s -mlir-print-debuginfo | effattn-opt -effattn-lower-spans | FileCheck %s --check-prefix=PLACE

// What is not known is -1.
// CHECK-DAG: llvm.mlir.global private constant @[[NAME:.+]]("effattn.top_k\00")
// CHECK-DAG: llvm.func @effattn_now() -> i64
// CHECK-DAG: llvm.func @effattn_record_span(i64, !llvm.ptr, !llvm.ptr, i64, i64)
// CHECK: func.func @one_span(%[[BYTES:.+]]: index)
// CHECK: %[[TIME:.+]] = llvm.call @effattn_now() : () -> i64
// CHECK: %[[TEXT:.+]] = llvm.mlir.addressof @[[NAME]]
// CHECK: %[[UNKNOWN:.+]] = arith.constant -1 : i64
// CHECK: %[[COUNT:.+]] = arith.index_cast %[[BYTES]] : index to i64
// CHECK: llvm.call @effattn_record_span(%[[TIME]], %[[TEXT]], %{{.+}}, %[[UNKNOWN]], %[[COUNT]])
// DISCARD-NOT: llvm.
// DISCARD-LABEL: @one_span
// DISCARD-NOT: effattn.
// The folder of the file is left out.
// PLACE: llvm.mlir.global private constant @effattn_place("lower_spans.mlir:[[# @LINE + 3]]:3\00")
func.func @one_span(%bytes: index) {
  %time = effattn.begin_span
  effattn.end_span %time, "effattn.top_k" bytes(%bytes)
  return
}
