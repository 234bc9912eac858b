// RUN: effattn-opt %s -effattn-build-top-k-kernels -canonicalize -cse | FileCheck %s

// Few candidates: a warp a row. If one of four beats the last one kept, each of
// the four that does is sorted (15 exchanges) and merged (5), by the same code.
// CHECK-LABEL: @choose_experts
// CHECK-NOT: scf.if
// CHECK: gpu.launch
// CHECK-SAME: function(@top_k)
// CHECK: nvvm.vote.sync any
// CHECK-NEXT: scf.if
// CHECK-NEXT: scf.for %{{.*}} = %c0 to %c4 step %c1
// CHECK: nvvm.vote.sync any
// CHECK-NEXT: scf.if
// CHECK-COUNT-20: gpu.shuffle xor {{.*}} : i64
// CHECK-NOT: gpu.shuffle xor
// CHECK: return
func.func @choose_experts(%x: memref<?x64xf32>, %v: memref<?x2xf32>, %i: memref<?x2xi32>) {
  effattn.top_k ins(%x : memref<?x64xf32>) outs(%v, %i : memref<?x2xf32>, memref<?x2xi32>) {k = 2}
  return
}

// A row that is long and alone is searched in parts.
// CHECK-LABEL: @choose_words
// CHECK: %[[MANY:.*]] = arith.cmpi sgt, %[[PARTS:.*]], %c1
// CHECK: scf.if %[[MANY]]
// CHECK: memref.alloc({{.*}}%[[PARTS]]) : memref<?x?x32xi64>
// CHECK: function(@top_k_part)
// CHECK: function(@top_k_merge)
// CHECK: memref.dealloc
// CHECK: } else {
// CHECK: function(@top_k)
func.func @choose_words(%x: memref<?x?xbf16>, %v: memref<?x20xbf16>, %i: memref<?x20xi32>) {
  effattn.top_k ins(%x : memref<?x?xbf16>) outs(%v, %i : memref<?x20xbf16>, memref<?x20xi32>) {k = 20}
  return
}

// More than 256 are found in turns.
// CHECK-LABEL: @sort
// CHECK: gpu.launch
// CHECK: scf.for %{{.*}} = %c0 to %c700 step %c256 iter_args
// CHECK-NOT: gpu.launch
func.func @sort(%x: memref<?x?xf32>, %v: memref<?x700xf32>, %i: memref<?x700xi32>) {
  effattn.top_k ins(%x : memref<?x?xf32>) outs(%v, %i : memref<?x700xf32>, memref<?x700xi32>) {k = 700}
  return
}

// Many more are sorted: a parallel loop a step of the network.
// CHECK-LABEL: @sort_all
// CHECK-NOT: gpu.launch
// CHECK: math.ctlz
// CHECK: scf.parallel
// CHECK: scf.for
// CHECK-NEXT: arith.addi
// CHECK: scf.for
// CHECK: scf.parallel
// CHECK: scf.parallel
// CHECK: memref.dealloc
func.func @sort_all(%x: memref<?x?xf32>, %v: memref<?x2000xf32>, %i: memref<?x2000xi32>) {
  effattn.top_k ins(%x : memref<?x?xf32>) outs(%v, %i : memref<?x2000xf32>, memref<?x2000xi32>) {k = 2000}
  return
}
