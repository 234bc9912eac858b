// RUN: effattn-opt %s -split-input-file -effattn-trace-ops -canonicalize | FileCheck %s

// Sizes are read before the span begins. The zero that the product begins with is in its span.
// CHECK-LABEL: @product_of_normalised_rows
// CHECK-DAG: %[[ROWS:.+]] = tensor.dim %arg0
// CHECK: %[[T0:.+]] = effattn.begin_span
// CHECK-NEXT: effattn.rms_norm
// CHECK-NEXT: effattn.end_span %[[T0]], "effattn.rms_norm" flops({{.+}}) bytes({{.+}})
// CHECK: %[[FLOPS:.+]] = arith.muli %[[ROWS]], %c12288
// CHECK: %[[T1:.+]] = effattn.begin_span
// CHECK-NEXT: linalg.fill
// CHECK-NEXT: linalg.matmul
// CHECK-NEXT: effattn.end_span %[[T1]], "linalg.matmul" flops(%[[FLOPS]]) bytes({{.+}})
func.func @product_of_normalised_rows(%x: tensor<?x64xf32>, %scale: tensor<64xf32>, %w: tensor<64x96xf32>)
    -> tensor<?x96xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %rows = tensor.dim %x, %c0 : tensor<?x64xf32>
  %e0 = tensor.empty(%rows) : tensor<?x64xf32>
  %e1 = tensor.empty(%rows) : tensor<?x96xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x96xf32>) -> tensor<?x96xf32>
  %norm = effattn.rms_norm ins(%x, %scale : tensor<?x64xf32>, tensor<64xf32>) outs(%e0 : tensor<?x64xf32>)
  %y = linalg.matmul ins(%norm, %w : tensor<?x64xf32>, tensor<64x96xf32>)
    outs(%zeros : tensor<?x96xf32>) -> tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}

// -----

// One zero of two products is in the span of each.
// CHECK-LABEL: @two_products_of_one_zero
// CHECK-COUNT-2: linalg.fill
// CHECK-NOT: linalg.fill
func.func @two_products_of_one_zero(%x: tensor<4x4xf32>, %empty: tensor<4x4xf32>)
    -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %zero = arith.constant 0.0 : f32
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x4xf32>) -> tensor<4x4xf32>
  %a = linalg.matmul ins(%x, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%zeros : tensor<4x4xf32>) -> tensor<4x4xf32>
  %b = linalg.matmul ins(%x, %a : tensor<4x4xf32>, tensor<4x4xf32>) outs(%zeros : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %a, %b : tensor<4x4xf32>, tensor<4x4xf32>
}

// -----

// A generic of one op is called by its name; 2 inputs and an output, 10 numbers of 4 bytes each.
// CHECK-LABEL: @sum
// CHECK-DAG: %[[FLOPS:.+]] = arith.constant 10 : index
// CHECK-DAG: %[[BYTES:.+]] = arith.constant 120 : index
// CHECK: effattn.end_span %{{.+}}, "arith.addf" flops(%[[FLOPS]]) bytes(%[[BYTES]])
#element = affine_map<(i) -> (i)>
func.func @sum(%x: tensor<10xf32>, %y: tensor<10xf32>) -> tensor<10xf32> {
  %sum = linalg.generic {indexing_maps = [#element, #element, #element], iterator_types = ["parallel"]}
      ins(%x, %y : tensor<10xf32>, tensor<10xf32>) outs(%x : tensor<10xf32>) {
  ^bb0(%a: f32, %b: f32, %old: f32):
    %c = arith.addf %a, %b : f32
    linalg.yield %c : f32
  } -> tensor<10xf32>
  return %sum : tensor<10xf32>
}

// -----

// Each step of a sequential loop has spans; a parallel loop is one, named after what is in it.
// CHECK-LABEL: @loops
// CHECK: scf.for
// CHECK: effattn.begin_span
// CHECK-NEXT: effattn.rms_norm
// CHECK-NEXT: effattn.end_span
// CHECK: scf.yield
// CHECK: %[[TIME:.+]] = effattn.begin_span
// CHECK-NEXT: scf.forall
// CHECK-NOT: effattn.begin_span
// CHECK: effattn.end_span %[[TIME]], "effattn.embedding + effattn.rms_norm"
func.func @loops(%ids: tensor<8xi32>, %table: tensor<99x4xf32>, %weight: tensor<4xf32>, %steps: index,
    %out: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %last = scf.for %step = %c0 to %steps step %c1 iter_args(%rows = %out) -> (tensor<8x4xf32>) {
    %empty = tensor.empty() : tensor<8x4xf32>
    %norm = effattn.rms_norm ins(%rows, %weight : tensor<8x4xf32>, tensor<4xf32>) outs(%empty : tensor<8x4xf32>)
    scf.yield %norm : tensor<8x4xf32>
  }
  %all = scf.forall (%row) in (8) shared_outs(%rows = %last) -> (tensor<8x4xf32>) {
    %id = tensor.extract_slice %ids[%row] [1] [1] : tensor<8xi32> to tensor<1xi32>
    %empty = tensor.empty() : tensor<1x4xf32>
    %one = effattn.embedding ins(%id, %table : tensor<1xi32>, tensor<99x4xf32>) outs(%empty : tensor<1x4xf32>)
    %norm = effattn.rms_norm ins(%one, %weight : tensor<1x4xf32>, tensor<4xf32>) outs(%empty : tensor<1x4xf32>)
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %norm into %rows[%row, 0] [1, 4] [1, 1] : tensor<1x4xf32> into tensor<8x4xf32>
    }
  }
  return %all : tensor<8x4xf32>
}
