// RUN: effattn-opt %s -effattn-expand-address-memory='vector-bits=512 vector-registers=32' -canonicalize -split-input-file | FileCheck %s
// RUN: effattn-opt %s -effattn-expand-address-memory='vector-bits=256' -canonicalize -split-input-file | FileCheck %s --check-prefix=AVX2

// The columns of a token stay in registers while its slots are written, and so
// do the sums while slots are read; all that is allocated is K + Kr numbers.
// CHECK-LABEL:   func @known_width
// CHECK:           scf.parallel
// CHECK-COUNT-2:     memref.alloc(%{{.*}}) {{.*}} : memref<?xf32>
// CHECK-NOT:         memref.alloc
// CHECK:             scf.for
// CHECK:               scf.for
// CHECK:                 scf.for {{.*}} = %c0 to %c64 step %c16
// CHECK-NEXT:              memref.prefetch {{.*}} write
// CHECK:                 memref.store
// CHECK-COUNT-4:       vector.load %{{.*}} : memref<?x?x64xbf16>, vector<16xbf16>
// CHECK:               scf.for
// CHECK-COUNT-4:         vector.store {{.*}} : memref<?x?x64xf32>, vector<16xf32>
// CHECK:               scf.for
// CHECK:                 memref.prefetch {{.*}} read
// CHECK:               scf.for {{.*}} iter_args(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} =
// CHECK-COUNT-4:         vector.load %{{.*}} : memref<?x?x64xf32>, vector<16xf32>
// CHECK-NOT:             math.powf
// CHECK-NOT:         effattn.
// AVX2-LABEL:    func @known_width
// AVX2-COUNT-4:    vector.load %{{.*}} : memref<?x?x64xbf16>, vector<8xbf16>
func.func @known_width(%w: memref<?x?x?xf32>, %wi: memref<?x?x?xi32>, %v: memref<?x?x64xbf16>, %r: memref<?x?x?xf32>,
    %ri: memref<?x?x?xi32>, %out: memref<?x?x64xbf16>, %memory: memref<?x?x64xf32>, %mass: memref<?x?xf32>) {
  effattn.address_memory
    ins(%w, %wi, %v, %r, %ri : memref<?x?x?xf32>, memref<?x?x?xi32>, memref<?x?x64xbf16>, memref<?x?x?xf32>, memref<?x?x?xi32>)
    outs(%out, %memory, %mass : memref<?x?x64xbf16>, memref<?x?x64xf32>, memref<?x?xf32>) {gamma = 4.0}
  return
}

// -----

// A state whose columns lie apart is copied, and copied back.
// CHECK-LABEL: func @apart
// CHECK:         %[[COPY:.*]] = memref.alloc() {{.*}} : memref<2x9x5xf32>
// CHECK:         linalg.generic {{.*}} ins(%[[MEMORY:.*]] : memref<2x9x5xf32, strided<[90, 10, 2]>>) outs(%[[COPY]] :
// CHECK:         scf.parallel
// CHECK:           math.powf
// CHECK:         linalg.generic {{.*}} ins(%[[COPY]] : memref<2x9x5xf32>) outs(%[[MEMORY]] :
func.func @apart(%w: memref<2x3x4xf32>, %i: memref<2x3x4xi32>, %v: memref<2x3x5xf32>, %out: memref<2x3x5xf32>,
    %memory: memref<2x9x5xf32, strided<[90, 10, 2]>>, %mass: memref<2x9xf32>) {
  effattn.address_memory
    ins(%w, %i, %v, %w, %i : memref<2x3x4xf32>, memref<2x3x4xi32>, memref<2x3x5xf32>, memref<2x3x4xf32>, memref<2x3x4xi32>)
    outs(%out, %memory, %mass : memref<2x3x5xf32>, memref<2x9x5xf32, strided<[90, 10, 2]>>, memref<2x9xf32>) {gamma = 0.5}
  return
}
