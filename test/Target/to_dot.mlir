// RUN: effattn-translate %s --to-dot --split-input-file | FileCheck %s
// RUN: effattn-translate %s --to-dot --split-input-file | FileCheck %s --check-prefix=LEFT-OUT
// RUN: effattn-translate %s --to-dot --split-input-file > %t.1
// RUN: effattn-translate %s --to-dot --split-input-file > %t.2
// RUN: cmp %t.1 %t.2

// Sizes, empty tensors and the zero that a product begins with are no nodes.
// LEFT-OUT-NOT: tensor.dim
// LEFT-OUT-NOT: tensor.empty
// LEFT-OUT-NOT: linalg.fill
// LEFT-OUT-NOT: tensor.cast
// LEFT-OUT-NOT: arith.constant

// Inputs, weights and states look different. Sizes keep their symbols from op to op.
// CHECK: digraph "module" {
// CHECK: subgraph cluster_0 {
// CHECK-NEXT: label="layer";
// CHECK-NEXT: n0 [label="x\nf32[T, 4]", shape=ellipse
// CHECK-NEXT: n1 [label="arg1\nf32[4]", shape=note
// CHECK-NEXT: n2 [label="arg2\nf32[4, 6]", shape=note
// CHECK-NEXT: n3 [label="rms_norm\n{{.*}}\nf32[T, 4]", shape=box, {{.*}}fillcolor="#cdeaea", tooltip="to_dot.mlir:{{.*}}:11"
// CHECK-NEXT: n4 [label="linalg.matmul\nf32[T, 6]", {{.*}}fillcolor="#ffffff"
// CHECK-NEXT: n5 [label="y\nf32[T, 6]", shape=ellipse, peripheries=2
// CHECK: n0 -> n3 [label="x"];
// CHECK-NEXT: n1 -> n3 [label="weight"];
// CHECK-NEXT: n3 -> n4;
// CHECK-NEXT: n2 -> n4;
// CHECK-NEXT: n4 -> n5;
// CHECK-NEXT: }
func.func @layer(%x: tensor<?x4xf32> {effattn.name = "x", effattn.shape = "T 4"}, %scale: tensor<4xf32>,
    %w: tensor<4x6xf32>) -> (tensor<?x6xf32> {effattn.name = "y"}) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %rows = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e0 = tensor.empty(%rows) : tensor<?x4xf32>
  %norm = effattn.rms_norm ins(%x, %scale : tensor<?x4xf32>, tensor<4xf32>) outs(%e0 : tensor<?x4xf32>)
  %e1 = tensor.empty(%rows) : tensor<?x6xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x6xf32>) -> tensor<?x6xf32>
  %y = linalg.matmul ins(%norm, %w : tensor<?x4xf32>, tensor<4x6xf32>) outs(%zeros : tensor<?x6xf32>) -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}

// -----

// A state and its successor. Of several results an edge names the one it takes. Constants are weights.
// CHECK-LABEL: label="append";
// CHECK: n2 [label="arg2\nf32[1, 2, 8, 4]", shape=cylinder
// CHECK: label="kv_cache_append\nring = false\nkeys: f32[1, 2, 8, 4]\nvalues: f32[1, 2, 8, 4]\nlength: i32[1]"
// CHECK: label="constant\nf32[2]", shape=note
// CHECK: label="result0\nf32[1, 2, 8, 4]\nnext state of arg2", shape=cylinder
// CHECK: [label="keys"];
// CHECK: [label="length as length"];
func.func @append(%k: tensor<1x2x1x4xf32>, %v: tensor<1x2x1x4xf32>, %keys: tensor<1x2x8x4xf32>,
    %values: tensor<1x2x8x4xf32>, %length: tensor<1xi32>)
    -> (tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>, tensor<1xi32>, tensor<2xf32>) {
  %0:3 = effattn.kv_cache_append ins(%k, %v : tensor<1x2x1x4xf32>, tensor<1x2x1x4xf32>)
    outs(%keys, %values, %length : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>, tensor<1xi32>)
  %w = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %1:3 = effattn.kv_cache_append ins(%k, %v : tensor<1x2x1x4xf32>, tensor<1x2x1x4xf32>)
    outs(%0#0, %0#1, %0#2 : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>, tensor<1xi32>)
  return %1#0, %1#1, %1#2, %w : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>, tensor<1xi32>, tensor<2xf32>
}

// -----

// Loops are clusters; what a step hands on comes back as a dashed edge. A loop without ops is left out.
// CHECK-LABEL: label="loops";
// CHECK: subgraph cluster_1 {
// CHECK-NEXT: label="scf.for"
// CHECK-NEXT: n[[CARRIED:[0-9]+]] [label="carried\nf32[8, 4]"
// CHECK-NEXT: n[[NORM:[0-9]+]] [label="rms_norm
// CHECK-NEXT: n[[BOUNDS:[0-9]+]] [label="bounds", shape=diamond
// CHECK-NEXT: }
// CHECK-NEXT: subgraph cluster_2 {
// CHECK-NEXT: label="scf.forall
// CHECK-NOT: subgraph
// CHECK-DAG: n2 -> n[[BOUNDS]];
// CHECK-DAG: n[[NORM]] -> n[[CARRIED]] [style=dashed];
func.func @loops(%x: tensor<8x4xf32>, %scale: tensor<4xf32>, %steps: index) -> tensor<8x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %sum = scf.for %i = %c0 to %steps step %c1 iter_args(%total = %c0) -> (index) {
    %next = arith.addi %total, %i : index
    scf.yield %next : index
  }
  %last = scf.for %step = %c0 to %steps step %c1 iter_args(%rows = %x) -> (tensor<8x4xf32>) {
    %empty = tensor.empty() : tensor<8x4xf32>
    %norm = effattn.rms_norm ins(%rows, %scale : tensor<8x4xf32>, tensor<4xf32>) outs(%empty : tensor<8x4xf32>)
    scf.yield %norm : tensor<8x4xf32>
  }
  %out = tensor.empty() : tensor<8x4xf32>
  %all = scf.forall (%row) in (8) shared_outs(%rows = %out) -> (tensor<8x4xf32>) {
    %one = tensor.extract_slice %last[%row, 0] [1, 4] [1, 1] : tensor<8x4xf32> to tensor<1x4xf32>
    %empty = tensor.empty() : tensor<1x4xf32>
    %norm = effattn.rms_norm ins(%one, %scale : tensor<1x4xf32>, tensor<4xf32>) outs(%empty : tensor<1x4xf32>)
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %norm into %rows[%row, 0] [1, 4] [1, 1] : tensor<1x4xf32> into tensor<8x4xf32>
    }
  }
  return %all : tensor<8x4xf32>
}

// -----

// The mask is part of the op that uses it, and so are scalars that are known. Names are escaped.
// CHECK-LABEL: label="a \"q\" \\ &amp;amp; <b>";
// CHECK: [label="attention\noffset = 3\nmask: causal &amp; window {size = 2}\nf32[1, 1, 2, 4]"
func.func @"a \"q\" \\ &amp; <b>"(%q: tensor<1x1x2x4xf32>, %k: tensor<1x1x9x4xf32>,
    %out: tensor<1x1x2x4xf32>) -> tensor<1x1x2x4xf32> {
  %c3 = arith.constant 3 : index
  %0 = effattn.attention ins(%q, %k, %k : tensor<1x1x2x4xf32>, tensor<1x1x9x4xf32>, tensor<1x1x9x4xf32>)
      offset(%c3 : index) outs(%out : tensor<1x1x2x4xf32>) mask {
    %causal = effattn.causal_mask
    %window = effattn.window_mask {size = 2}
    %mask = effattn.mask_and %causal, %window
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<1x1x2x4xf32>
}

// -----

// CHECK: digraph "several"
// CHECK: label="several::empty";
// CHECK-NEXT: n0 [label="nothing is computed"
// CHECK: label="several::elsewhere (external)"; style="rounded,dashed"
// CHECK-NEXT: n1 [label="arg0\nf32[?]"
// CHECK-NEXT: n2 [label="result0\nf32[?]"
// CHECK: label="several::caller"
// CHECK: label="call elsewhere\nf32[?]"
module @several {
  func.func @empty() {
    return
  }
  func.func private @elsewhere(tensor<?xf32>) -> tensor<?xf32>
  func.func @caller(%x: tensor<?xf32>) -> tensor<?xf32> {
    %y = func.call @elsewhere(%x) : (tensor<?xf32>) -> tensor<?xf32>
    return %y : tensor<?xf32>
  }
}

// -----

// CHECK: digraph "module"
// CHECK: label="the module has no function";
module {}
