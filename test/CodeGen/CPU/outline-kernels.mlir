// RUN: effattn-opt %s -effattn-outline-kernels -split-input-file | FileCheck %s

// Equal products are one function, whatever the layout of their operands; the
// zeros that a product starts from go with it.
// CHECK-LABEL: func @products(
// CHECK-SAME:    %[[X:.*]]: memref<?x8xf32>, %[[A:.*]]: memref<8x8xf32>, %[[B:.*]]: memref<8x8xf32, strided<[?, 1], offset: ?>>
// CHECK-NOT:     linalg
// CHECK:         %[[Y:.*]] = memref.alloc
// CHECK-NOT:     linalg
// CHECK:         %[[WEIGHT:.*]] = memref.cast %[[A]]
// CHECK:         call @effattn_kernel_matmul_0(%{{.*}}, %[[WEIGHT]])
// CHECK:         call @effattn_kernel_matmul_0(%{{.*}}, %{{.*}}, %[[B]])
// CHECK-NOT:     linalg
// CHECK:         return
// CHECK:       func private @effattn_kernel_matmul_0(
// CHECK-SAME:    %[[TO:.*]]: memref<?x8xf32, strided<[?, 1], offset: ?>>, %[[FROM:.*]]: memref<?x8xf32, strided<[?, 1], offset: ?>>, %[[BY:.*]]: memref<8x8xf32, strided<[?, 1], offset: ?>>) -> i32
// CHECK-SAME:    llvm.linkage = #llvm.linkage<internal>, passthrough = ["noinline"]
// CHECK:         linalg.fill ins(%{{.*}}) outs(%[[TO]]
// CHECK:         linalg.matmul ins(%[[FROM]], %[[BY]]{{.*}} outs(%[[TO]]
// CHECK:         return %{{.*}} : i32
func.func @products(%x: memref<?x8xf32>, %a: memref<8x8xf32>, %b: memref<8x8xf32, strided<[?, 1], offset: ?>>,
    %out: memref<?x8xf32>, %n: index) {
  %zero = arith.constant 0.0 : f32
  %y = memref.alloc(%n) : memref<?x8xf32>
  linalg.fill ins(%zero : f32) outs(%y : memref<?x8xf32>)
  linalg.matmul ins(%x, %a : memref<?x8xf32>, memref<8x8xf32>) outs(%y : memref<?x8xf32>)
  linalg.fill ins(%zero : f32) outs(%out : memref<?x8xf32>)
  linalg.matmul ins(%y, %b : memref<?x8xf32>, memref<8x8xf32, strided<[?, 1], offset: ?>>) outs(%out : memref<?x8xf32>)
  return
}

// -----

// Masks are compared, and get what they capture.
// CHECK-LABEL: func @attention(
// CHECK-SAME:    %[[Q:[^:]*]]: memref<?x?x?x?xf32, {{.*}}, %[[SEPARATORS:[^:]*]]: memref<?x?xi1, strided<[?, 1], offset: ?>>
// CHECK-COUNT-2: call @effattn_kernel_attention_0(%[[Q]], %{{.*}}, %[[SEPARATORS]])
// CHECK:         effattn.attention
// CHECK:           effattn.separator_mask %{{.*}} {initial = 2
// CHECK:         return
// CHECK:       func private @effattn_kernel_attention_0(
// CHECK-SAME:    %[[KEPT:[^:]*]]: memref<?x?xi1, strided<[?, 1], offset: ?>>) -> i32
// CHECK:         effattn.attention
// CHECK:           effattn.separator_mask %[[KEPT]] {{.*}} {initial = 1
!T = memref<?x?x?x?xf32, strided<[?, ?, ?, 1], offset: ?>>
!S = memref<?x?xi1, strided<[?, 1], offset: ?>>
func.func @attention(%q: !T, %a: !T, %b: !T, %c: !T, %separators: !S) {
  effattn.attention ins(%q, %q, %q : !T, !T, !T) outs(%a : !T) mask {
    %m = effattn.separator_mask %separators : !S {initial = 1, window = 5}
    effattn.yield %m : !effattn.mask
  }
  effattn.attention ins(%q, %q, %q : !T, !T, !T) outs(%b : !T) mask {
    %m = effattn.separator_mask %separators : !S {initial = 1, window = 5}
    effattn.yield %m : !effattn.mask
  }
  effattn.attention ins(%q, %q, %q : !T, !T, !T) outs(%c : !T) mask {
    %m = effattn.separator_mask %separators : !S {initial = 2, window = 5}
    effattn.yield %m : !effattn.mask
  }
  return
}

// -----

// What is used once stays: other sizes, other element types.
// CHECK-LABEL: func @all_differ
// CHECK-NOT:     call
// CHECK:         return
// CHECK-NOT:   func private
func.func @all_differ(%a: memref<8x8xf32>, %b: memref<?x?xf32>, %c: memref<8x8xbf16>) {
  linalg.matmul ins(%a, %a : memref<8x8xf32>, memref<8x8xf32>) outs(%a : memref<8x8xf32>)
  linalg.matmul ins(%b, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%b : memref<?x?xf32>)
  linalg.matmul ins(%c, %c : memref<8x8xbf16>, memref<8x8xbf16>) outs(%c : memref<8x8xbf16>)
  return
}

// -----

// A call inside of a parallel loop could not return an error.
// CHECK-LABEL: func @in_parallel
// CHECK-NOT:     call
// CHECK:         return
// CHECK-NOT:   func private
func.func @in_parallel(%a: memref<?x8x8xf32>, %b: memref<8x8xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %row = memref.subview %a[%i, 0, 0] [1, 8, 8] [1, 1, 1]
      : memref<?x8x8xf32> to memref<8x8xf32, strided<[8, 1], offset: ?>>
    linalg.matmul ins(%b, %b : memref<8x8xf32>, memref<8x8xf32>) outs(%row : memref<8x8xf32, strided<[8, 1], offset: ?>>)
    linalg.matmul ins(%b, %b : memref<8x8xf32>, memref<8x8xf32>) outs(%row : memref<8x8xf32, strided<[8, 1], offset: ?>>)
  }
  return
}

// -----

// The names of a model stay its own.
// CHECK:     func @effattn_kernel_matmul_0
// CHECK:       call @[[KERNEL:effattn_kernel_matmul_[0-9_]+]](
// CHECK:       call @[[KERNEL]](
// CHECK:     func private @[[KERNEL]](
func.func @effattn_kernel_matmul_0(%a: memref<8x8xf32>, %b: memref<8x8xf32>) {
  linalg.matmul ins(%a, %a : memref<8x8xf32>, memref<8x8xf32>) outs(%b : memref<8x8xf32>)
  linalg.matmul ins(%a, %a : memref<8x8xf32>, memref<8x8xf32>) outs(%b : memref<8x8xf32>)
  return
}
