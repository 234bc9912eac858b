// RUN: effattn-opt %s -effattn-emit-entry-points | FileCheck %s
// The function that C calls checks its arguments by a constant description and calls
// the implementation.
llvm.func @next(%x: !llvm.ptr) -> i32 attributes {effattn.signature = {
    inputs = [{name = "x", element = f32, sizes = ["T"]}],
    outputs = [{name = "out", element = f32, sizes = ["T"]}]}} {
  %0 = llvm.mlir.constant(0 : i32) : i32
  llvm.return %0 : i32
}
llvm.func @_mlir_ciface_next(%x: !llvm.ptr, %out: !llvm.ptr) -> i32 {
  %0 = llvm.mlir.constant(0 : i32) : i32
  llvm.return %0 : i32
}
// CHECK: llvm.func @next(
// CHECK: llvm.func @next_plain(
