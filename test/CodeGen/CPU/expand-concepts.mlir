// RUN: effattn-opt %s -effattn-expand-concepts='vector-bits=512 vector-registers=32' -canonicalize -split-input-file | FileCheck %s
// RUN: effattn-opt %s -effattn-expand-concepts='vector-bits=256' -canonicalize -split-input-file | FileCheck %s --check-prefix=AVX2

// Boundaries are counted 64 at a time, then blocks of tokens are gathered: their
// boundaries are listed four at a time, without a branch for each, and rows move
// as they are, bit by bit.
// CHECK-LABEL:   func @known_width
// CHECK:           scf.parallel
// CHECK:             llvm.load {{.*}} {alignment = 1 : i64} : !llvm.ptr -> vector<64xi8>
// CHECK:             math.ctpop {{.*}} : i64
// CHECK:             memref.store %{{.*}} : memref<?xi32>
// CHECK:           scf.parallel
// CHECK:             memref.alloc() {{.*}} : memref<8196xindex>
// CHECK:             scf.if
// CHECK-NEXT:          scf.for
// CHECK:                 llvm.load {{.*}} : !llvm.ptr -> vector<64xi8>
// CHECK:                 scf.for
// CHECK-COUNT-4:           math.cttz
// CHECK:               scf.for
// CHECK:                 scf.for {{.*}} = %c0 to %c64 step %c32
// CHECK-NEXT:              memref.prefetch {{.*}} read
// CHECK-COUNT-4:         vector.load {{.*}} : memref<?x?x64xbf16>, vector<16xbf16>
// CHECK-NOT:             arith.extf
// CHECK-COUNT-4:         vector.store {{.*}} : memref<?x?x64xbf16>, vector<16xbf16>
// CHECK:             scf.for
// CHECK-COUNT-4:       vector.store {{.*}} : memref<?x?x64xbf16>, vector<16xbf16>
// CHECK-NOT:         effattn.
// AVX2-LABEL:    func @known_width
// AVX2-COUNT-4:    vector.load {{.*}} : memref<?x?x64xbf16>, vector<8xbf16>
func.func @known_width(%h: memref<?x?x64xbf16>, %mask: memref<?x?xi1>, %lengths: memref<?xi64>,
    %concepts: memref<?x?x64xbf16>, %counts: memref<?xi32>) {
  effattn.chunk ins(%h, %mask : memref<?x?x64xbf16>, memref<?x?xi1>) lengths(%lengths : memref<?xi64>)
    outs(%concepts, %counts : memref<?x?x64xbf16>, memref<?xi32>) {overflow = #effattn.overflow<drop>}
  return
}

// -----

// Rows whose columns lie apart are copied first, and results last.
// CHECK-LABEL: func @apart
// CHECK-DAG:     %[[H:.*]] = memref.alloc() {{.*}} : memref<2x9x5xf32>
// CHECK-DAG:     linalg.generic {{.*}} ins(%{{.*}} : memref<2x9x5xf32, strided<[90, 10, 2]>>) outs(%[[H]] :
// CHECK-DAG:     %[[OUT:.*]] = memref.alloc() {{.*}} : memref<2x3x5xf32>
// The boundaries that were counted are checked before anything is written.
// CHECK:         math.ctpop
// CHECK-NOT:     memref<2xi32>
// CHECK:         effattn.check %{{.*}}, "'effattn.chunk' op expected at most {0} boundaries (capacity), but got {1} in row {2}"
// CHECK:         memref.store %{{.*}} : memref<2xi32>
// CHECK:         vector.maskedload %[[H]]
// CHECK:         linalg.generic {{.*}} ins(%[[OUT]] : memref<2x3x5xf32>)
func.func @apart(%h: memref<2x9x5xf32, strided<[90, 10, 2]>>, %mask: memref<2x9xi1>,
    %concepts: memref<2x3x5xf32, strided<[30, 10, 2]>>, %counts: memref<2xi32>) {
  effattn.chunk ins(%h, %mask : memref<2x9x5xf32, strided<[90, 10, 2]>>, memref<2x9xi1>)
    outs(%concepts, %counts : memref<2x3x5xf32, strided<[30, 10, 2]>>, memref<2xi32>)
  return
}
