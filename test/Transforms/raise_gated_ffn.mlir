// RUN: effattn-opt %s -split-input-file -effattn-raise-gated-ffn | FileCheck %s
// RUN: effattn-opt %s -split-input-file -effattn-raise-gated-ffn -remark-format=emitRemark \
// RUN:   -remarks-filter=effattn-raise-.* -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// SwiGLU as importers write it: a chain of elementwise ops.
// REMARK: remark: [Passed] gated-ffn
// CHECK-LABEL: @swiglu
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[G:.*]]: tensor<8x16xf32>, %[[U:.*]]: tensor<8x16xf32>, %[[D:.*]]: tensor<16x8xf32>, %[[OUT:.*]]: tensor<?x8xf32>
// CHECK:         %[[R:.*]] = effattn.gated_ffn ins(%[[X]], %[[G]], %[[U]], %[[D]] : {{.*}}) outs(%[[OUT]] : tensor<?x8xf32>)
// CHECK-NEXT:    return %[[R]]
func.func @swiglu(%x: tensor<?x8xf32>, %g: tensor<8x16xf32>, %u: tensor<8x16xf32>, %d: tensor<16x8xf32>,
    %out: tensor<?x8xf32>, %hidden: tensor<?x16xf32>) -> tensor<?x8xf32> {
  %zero = arith.constant 0.0 : f32
  %ones = arith.constant dense<1.0> : tensor<4x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%hidden : tensor<?x16xf32>) -> tensor<?x16xf32>
  %gate = linalg.matmul ins(%x, %g : tensor<?x8xf32>, tensor<8x16xf32>) outs(%init : tensor<?x16xf32>) -> tensor<?x16xf32>
  %up = linalg.matmul ins(%x, %u : tensor<?x8xf32>, tensor<8x16xf32>) outs(%init : tensor<?x16xf32>) -> tensor<?x16xf32>
  %sigmoid = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]} ins(%gate : tensor<?x16xf32>) outs(%hidden : tensor<?x16xf32>) {
  ^bb0(%h: f32, %ignored: f32):
    %one = arith.constant 1.0 : f32
    %minus = arith.negf %h : f32
    %power = math.exp %minus : f32
    %sum = arith.addf %power, %one : f32
    %quotient = arith.divf %one, %sum : f32
    linalg.yield %quotient : f32
  } -> tensor<?x16xf32>
  %silu = linalg.mul ins(%sigmoid, %gate : tensor<?x16xf32>, tensor<?x16xf32>) outs(%hidden : tensor<?x16xf32>) -> tensor<?x16xf32>
  %product = arith.mulf %silu, %up : tensor<?x16xf32>
  %start = linalg.fill ins(%zero : f32) outs(%out : tensor<?x8xf32>) -> tensor<?x8xf32>
  %0 = linalg.matmul ins(%product, %d : tensor<?x16xf32>, tensor<16x8xf32>) outs(%start : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----

// The other activations, in one op each and batched.
// REMARK-COUNT-4: remark: [Passed] gated-ffn
// CHECK-LABEL: @activations
// CHECK:         effattn.gated_ffn {{.*}} {activation = #effattn.activation<relu>}
// CHECK:         effattn.gated_ffn {{.*}} {activation = #effattn.activation<gelu>}
// CHECK:         effattn.gated_ffn {{.*}} {activation = #effattn.activation<gelu_tanh>}
// CHECK:         effattn.gated_ffn
// CHECK-NOT:     activation
// CHECK:         return
#rows = affine_map<(b, t, c, f) -> (b, t, c)>
#weight = affine_map<(b, t, c, f) -> (c, f)>
#product = affine_map<(b, t, c, f) -> (b, t, f)>
#same = affine_map<(b, t, c) -> (b, t, c)>
!x = tensor<?x?x8xf32>
!h = tensor<?x?x16xf32>
!w = tensor<8x16xf32>
!d = tensor<16x8xf32>
func.func @activations(%x: !x, %g: !w, %u: !w, %d: !d, %out: !x, %hidden: !h) -> (!x, !x, !x, !x) {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %half = arith.constant 0.5 : f32
  %root = arith.constant 0.707106781 : f32
  %outer = arith.constant 0.797884561 : f32
  %inner = arith.constant 0.044715 : f32
  %init = linalg.fill ins(%zero : f32) outs(%hidden : !h) -> !h
  %start = linalg.fill ins(%zero : f32) outs(%out : !x) -> !x
  %gate = linalg.contract indexing_maps = [#rows, #weight, #product] ins(%x, %g : !x, !w) outs(%init : !h) -> !h
  %up = linalg.contract indexing_maps = [#rows, #weight, #product] ins(%x, %u : !x, !w) outs(%init : !h) -> !h
  %relu = linalg.generic {indexing_maps = [#same, #same, #same], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%gate, %up : !h, !h) outs(%hidden : !h) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %m = arith.maximumf %a, %zero : f32
    %p = arith.mulf %b, %m : f32
    linalg.yield %p : f32
  } -> !h
  %gelu = linalg.generic {indexing_maps = [#same, #same, #same], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%gate, %up : !h, !h) outs(%hidden : !h) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %s = arith.mulf %a, %root : f32
    %e = math.erf %s : f32
    %f = arith.addf %e, %one : f32
    %m = arith.mulf %a, %half : f32
    %n = arith.mulf %m, %f : f32
    %p = arith.mulf %n, %b : f32
    linalg.yield %p : f32
  } -> !h
  %tanh = linalg.generic {indexing_maps = [#same, #same, #same], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%gate, %up : !h, !h) outs(%hidden : !h) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %square = arith.mulf %a, %a : f32
    %cube = arith.mulf %square, %a : f32
    %i = arith.mulf %cube, %inner : f32
    %s = arith.addf %a, %i : f32
    %o = arith.mulf %s, %outer : f32
    %e = math.tanh %o : f32
    %f = arith.addf %e, %one : f32
    %m = arith.mulf %a, %f : f32
    %n = arith.mulf %m, %half : f32
    %p = arith.mulf %n, %b : f32
    linalg.yield %p : f32
  } -> !h
  %silu = linalg.generic {indexing_maps = [#same, #same, #same], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%gate, %up : !h, !h) outs(%hidden : !h) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %minus = arith.subf %zero, %a : f32
    %e = math.exp %minus : f32
    %s = arith.addf %one, %e : f32
    %q = arith.divf %a, %s : f32
    %p = arith.mulf %q, %b : f32
    linalg.yield %p : f32
  } -> !h
  %0 = linalg.contract indexing_maps = [#rows, #weight, #product] ins(%relu, %d : !h, !d) outs(%start : !x) -> !x
  %1 = linalg.contract indexing_maps = [#rows, #weight, #product] ins(%gelu, %d : !h, !d) outs(%start : !x) -> !x
  %2 = linalg.contract indexing_maps = [#rows, #weight, #product] ins(%tanh, %d : !h, !d) outs(%start : !x) -> !x
  %3 = linalg.contract indexing_maps = [#rows, #weight, #product] ins(%silu, %d : !h, !d) outs(%start : !x) -> !x
  return %0, %1, %2, %3 : !x, !x, !x, !x
}

// -----

// The hidden layer is needed elsewhere; a product is added to something; gate
// and up are of different rows; the elementwise part is no activation.
// REMARK: remark: [Missed] gated-ffn
// REMARK-SAME: the hidden layer has other uses
// REMARK-NOT: remark
// CHECK-LABEL: @others
// CHECK-NOT:     effattn.gated_ffn
#same = affine_map<(i, j) -> (i, j)>
!x = tensor<8x8xf32>
func.func @others(%x: !x, %y: !x, %w: !x, %out: !x) -> (!x, !x, !x, !x, !x) {
  %zero = arith.constant 0.0 : f32
  %zeros = arith.constant dense<0.0> : !x
  %init = linalg.fill ins(%zero : f32) outs(%out : !x) -> !x
  %gate = linalg.matmul ins(%x, %w : !x, !x) outs(%init : !x) -> !x
  %up = linalg.matmul ins(%x, %w : !x, !x) outs(%init : !x) -> !x
  %other = linalg.matmul ins(%y, %w : !x, !x) outs(%init : !x) -> !x
  %relu = arith.maximumf %gate, %zeros : !x
  %used = arith.mulf %relu, %up : !x
  %0 = linalg.matmul ins(%used, %w : !x, !x) outs(%init : !x) -> !x
  %apart = arith.mulf %relu, %other : !x
  %1 = linalg.matmul ins(%apart, %w : !x, !x) outs(%init : !x) -> !x
  %alone = arith.mulf %relu, %up : !x
  %2 = linalg.matmul ins(%alone, %w : !x, !x) outs(%out : !x) -> !x
  %bilinear = arith.mulf %gate, %up : !x
  %3 = linalg.matmul ins(%bilinear, %w : !x, !x) outs(%init : !x) -> !x
  return %used, %0, %1, %2, %3 : !x, !x, !x, !x, !x
}

// -----

// Sizes that contradict each other where they are dynamic between the ops.
// REMARK: remark: [Missed] gated-ffn{{.*}}sizes of the ops contradict each other
// CHECK-LABEL: @contradictory
// CHECK-NOT:   effattn
// CHECK:       return
func.func @contradictory(%x: tensor<?x?xf32>, %g: tensor<8x16xf32>, %u: tensor<8x32xf32>, %d: tensor<?x8xf32>,
    %out: tensor<?x8xf32>, %hidden: tensor<?x?xf32>) -> tensor<?x8xf32> {
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill ins(%zero : f32) outs(%hidden : tensor<?x?xf32>) -> tensor<?x?xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%hidden : tensor<?x?xf32>) -> tensor<?x?xf32>
  %start = linalg.fill ins(%zero : f32) outs(%out : tensor<?x8xf32>) -> tensor<?x8xf32>
  %gate = linalg.matmul ins(%x, %g : tensor<?x?xf32>, tensor<8x16xf32>) outs(%init : tensor<?x?xf32>) -> tensor<?x?xf32>
  %up = linalg.matmul ins(%x, %u : tensor<?x?xf32>, tensor<8x32xf32>) outs(%init : tensor<?x?xf32>) -> tensor<?x?xf32>
  %relu = linalg.max ins(%gate, %zeros : tensor<?x?xf32>, tensor<?x?xf32>) outs(%hidden : tensor<?x?xf32>) -> tensor<?x?xf32>
  %both = linalg.mul ins(%relu, %up : tensor<?x?xf32>, tensor<?x?xf32>) outs(%hidden : tensor<?x?xf32>) -> tensor<?x?xf32>
  %0 = linalg.matmul ins(%both, %d : tensor<?x?xf32>, tensor<?x8xf32>) outs(%start : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
