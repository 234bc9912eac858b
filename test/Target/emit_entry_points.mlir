// RUN: effattn-opt %s -split-input-file -effattn-emit-entry-points="symbol-prefix=my_ cpu-features=64bit,avx512f,avx2" | FileCheck %s

// A state, a scalar, an output of the caller and one whose size data decides.

// Features that no code depends on are left out; the rest is ordered by leaf.
// CHECK: llvm.mlir.global internal constant @effattn.cpu_features() {{.*}} : !llvm.array<2 x struct<(ptr, i32, i32, i32, i32, i32, i32, i32)>>
// CHECK: llvm.mlir.global internal constant @effattn.my_mix.inputs.0(dense<[-1, 4]> : tensor<2xi64>)
// CHECK: llvm.mlir.global internal constant @effattn.my_mix.outputs.2(dense<[-9223372036854775808, 4]> : tensor<2xi64>)
// CHECK: llvm.mlir.global internal constant @effattn.my_mix.symbols() {{.*}} : !llvm.array<1 x ptr>
// CHECK: llvm.mlir.global internal constant @effattn.my_mix.function()
// CHECK: llvm.mlir.global external constant @my_mix_signature("{{.*}}my_mix{{.*}}callee_allocated{{.*}}\00")

// CHECK: llvm.func internal @effattn.mix.implementation(
// CHECK: llvm.func internal @_mlir_ciface_mix(
// CHECK-NOT: effattn.signature
// CHECK: llvm.func internal @mix_sizes(
// CHECK: llvm.func internal @_mlir_ciface_mix_sizes(

// CHECK-LABEL: llvm.func internal @effattn.my_mix.compute(
// CHECK-SAME:    %[[ARGUMENTS:.*]]: !llvm.ptr) -> i32
// CHECK:         %[[AT:.*]] = llvm.getelementptr %[[ARGUMENTS]][4]
// CHECK:         %[[RESULTS:.*]] = llvm.load %[[AT]] : !llvm.ptr -> !llvm.ptr
// CHECK:         %[[BYTE:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i8
// CHECK:         %[[FLAG:.*]] = llvm.icmp "ne" %[[BYTE]]
// CHECK:         llvm.call @_mlir_ciface_mix(%[[RESULTS]], %{{.*}}, %{{.*}}, %[[FLAG]], %{{.*}}) :
// CHECK:         %[[STATUS:.*]] = llvm.getelementptr %[[RESULTS]][0, 1]
// CHECK:         llvm.load %[[STATUS]] : !llvm.ptr -> i32

// CHECK-LABEL: llvm.func internal @effattn.my_mix.sizes(
// CHECK:         llvm.call @_mlir_ciface_mix_sizes(

// Nothing before the check of the CPU may use its features.
// CHECK-LABEL: llvm.func @my_mix(
// CHECK-SAME:    effattn.signature = {{.*}} no_inline, target_cpu = "x86-64"
// CHECK:         llvm.call @effattn_call(
// CHECK-LABEL: llvm.func @my_mix_output_shapes(
// CHECK-SAME:    no_inline, target_cpu = "x86-64"
// CHECK:         llvm.call @effattn_output_shapes(
// CHECK-LABEL: llvm.func @my_mix_plain(
// CHECK-SAME:    !llvm.ptr, %{{.*}}: f32, %{{.*}}: i8, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64) -> i32
// CHECK-SAME:    no_inline, target_cpu = "x86-64"
// CHECK:         llvm.call @effattn_call_plain(
llvm.func @mix(%x: !llvm.ptr) -> i32 attributes {effattn.signature = {
    inputs = [{name = "x", element = f32, sizes = ["T", 4]},
              {name = "scale", element = f32, sizes = [], by_value},
              {name = "flag", element = i1, sizes = [], by_value}],
    outputs = [{name = "x_out", element = f32, sizes = ["T", 4], state = 0},
               {name = "out", element = f32, sizes = ["T", 4]},
               {name = "rows", element = f32, sizes = ["?", 4], callee_allocated}]}} {
  %0 = llvm.mlir.constant(0 : i32) : i32
  llvm.return %0 : i32
}
llvm.func @_mlir_ciface_mix(%r: !llvm.ptr, %x: !llvm.ptr, %scale: f32, %flag: i1, %out: !llvm.ptr) attributes {effattn.signature = {}} {
  llvm.return
}
llvm.func @mix_sizes(%x: !llvm.ptr) {
  llvm.return
}
llvm.func @_mlir_ciface_mix_sizes(%r: !llvm.ptr, %x: !llvm.ptr, %scale: f32, %flag: i1) {
  llvm.return
}

// -----

// One size comes back as a value; nothing but the status comes back otherwise.

// CHECK-LABEL: llvm.func internal @effattn.my_one.compute(
// CHECK:         %[[STATUS:.*]] = llvm.call @_mlir_ciface_one(%{{.*}}, %{{.*}}) : (!llvm.ptr, !llvm.ptr) -> i32
// CHECK:         llvm.return %[[STATUS]]
// CHECK-LABEL: llvm.func internal @effattn.my_one.sizes(
// CHECK:         %[[SIZE:.*]] = llvm.call @_mlir_ciface_one_sizes(%{{.*}}) : (!llvm.ptr) -> i64
// CHECK:         llvm.store %[[SIZE]]
llvm.func @one(%x: i32) -> i32 attributes {effattn.signature = {
    inputs = [{name = "x", element = i32, sizes = ["T"]}],
    outputs = [{name = "out", element = i32, sizes = ["U"]}]}} {
  llvm.return %x : i32
}
llvm.func @_mlir_ciface_one(%x: !llvm.ptr, %out: !llvm.ptr) -> i32 {
  %0 = llvm.mlir.constant(0 : i32) : i32
  llvm.return %0 : i32
}
llvm.func @_mlir_ciface_one_sizes(%x: !llvm.ptr) -> i64 {
  %0 = llvm.mlir.constant(0 : i64) : i64
  llvm.return %0 : i64
}

// -----

// Functions without a signature stay as they are.

// CHECK-LABEL: module
// CHECK-NEXT:    llvm.func @other()
// CHECK-NOT:     effattn_call
llvm.func @other() {
  llvm.return
}
