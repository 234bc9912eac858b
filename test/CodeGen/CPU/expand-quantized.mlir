// RUN: effattn-opt %s -effattn-expand-quantized='vector-bits=512 vector-registers=32 byte-dots' -canonicalize -split-input-file | FileCheck %s
// RUN: effattn-opt %s -effattn-expand-quantized='vector-bits=256 byte-dots' -canonicalize -split-input-file | FileCheck %s --check-prefix=AVX2
// RUN: effattn-opt %s -effattn-expand-quantized='vector-bits=256 short-dots' -canonicalize -split-input-file | FileCheck %s --check-prefix=SHORT
// RUN: effattn-opt %s -effattn-expand-quantized='vector-bits=512 vector-registers=32 short-dots' -canonicalize -split-input-file | FileCheck %s --check-prefix=WIDE
// RUN: effattn-opt %s -effattn-expand-quantized -canonicalize -split-input-file | FileCheck %s --check-prefix=PLAIN

// A row is multiplied by eight rows of the table at a time, in integers, or by
// four where there are 16 registers; wide vectors take two groups of 32 columns,
// and four of 4 bits, whose half bytes are multiplied by the even and the odd
// columns. A table that no cache has is read row by row.
// CHECK-LABEL: func @one_row
// CHECK:         memref.alloc() {{.*}} : memref<1x2x160xi32>
// CHECK:         memref.alloc() {{.*}} : memref<1x3x80xi32>
// CHECK-NOT:     effattn
// CHECK:         %[[NEAR:.*]] = arith.cmpi sle, %{{.*}}, %c33554432 : index
// CHECK-NOT:     effattn
// CHECK:         arith.andi %[[NEAR]], %{{.*}} : i1
// CHECK-NOT:     effattn
// CHECK-COUNT-8: vector.load {{.*}} : memref<?x640xi8>, vector<64xi8>
// CHECK:         vector.load {{.*}} : memref<1x3x80xi32>, vector<16xi32>
// CHECK-COUNT-8: vector.load {{.*}} : memref<?x320xi8>, vector<64xi8>
// CHECK-NOT:     vector.interleave
// CHECK:         memref.atomic_rmw mins
// CHECK:         effattn.check %{{.*}}, "'effattn.quantized_matmul' op expected the codes of codes4 to lie in [-7, 7], but got -8 in row {0}"
// CHECK:         effattn.check %{{.*}}, "'effattn.quantized_matmul' op expected the codes of codes8 to lie in [-127, 127], but got -128 in row {0}"
// CHECK:         return
// AVX2-LABEL:  func @one_row
// AVX2-COUNT-4:  vector.load {{.*}} : memref<?x640xi8>, vector<32xi8>
// AVX2-COUNT-4:  llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.256"
// AVX2:          return
// Without VNNI, 8-bit activations take the signs of codes of 8 bits, whose sizes
// they are multiplied by; halves of bytes are positive as they are. Scales of a
// set of rows are written ahead where vectors are narrow.
// SHORT-LABEL: func @one_row
// SHORT-NOT:     dpbusd
// SHORT:         memref.alloc() {{.*}} : memref<4x20xf32>
// SHORT:         vector.load {{.*}} : memref<?x640xi8>, vector<32xi8>
// SHORT:         math.absi {{.*}} : vector<32xi8>
// SHORT:         llvm.call_intrinsic "llvm.x86.avx2.psign.b"
// SHORT:         llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// SHORT:         llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// SHORT:         vector.load {{.*}} : memref<?x320xi8>, vector<32xi8>
// SHORT-COUNT-2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// SHORT-NEXT:    arith.addi {{.*}} : vector<16xi16>
// SHORT-NOT:     psign
// SHORT:         llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// SHORT:         return
// WIDE-LABEL:  func @one_row
// WIDE-NOT:      psign.b
// WIDE-NOT:      memref<8x20xf32>
// WIDE:          math.absi {{.*}} : vector<64xi8>
// WIDE:          arith.select {{.*}} : vector<64xi1>, vector<64xi8>
// WIDE:          llvm.call_intrinsic "llvm.x86.avx512.pmaddubs.w.512"
// WIDE:          llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"
// WIDE:          return
// PLAIN-LABEL: func @one_row
// PLAIN-NOT:     llvm
// PLAIN:         memref.alloc() {{.*}} : memref<8x640xf32>
// PLAIN:         vector.load {{.*}} : memref<?x640xi8>, vector<4xi8>
// PLAIN:         vector.interleave
// PLAIN-NOT:     llvm
// PLAIN:         return
func.func @one_row(%x: memref<1x640xf32>, %codes4: memref<?x320xi8>, %codes8: memref<?x640xi8>, %kind: memref<?xi1>,
    %row: memref<?xi32>, %scales: memref<?x20xf16>, %out: memref<1x?xf32>) {
  effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
      memref<1x640xf32>, memref<?x320xi8>, memref<?x640xi8>, memref<?xi1>, memref<?xi32>, memref<?x20xf16>)
    outs(%out : memref<1x?xf32>) {activation = #effattn.precision<i8>}
  return
}

// -----

// Many rows: tiles of 6 rows by 2 vectors, or of 3 by 2 where there are 16
// registers, and of 4 or 2 for what is left. The residual is one more table
// behind the first.
// CHECK-LABEL: func @many_rows
// CHECK:         memref.alloc() {{.*}} : memref<8x2x160x32xi32>
// CHECK-COUNT-20: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT:     vpdpbusd
// CHECK:         return
// AVX2-LABEL:  func @many_rows
// AVX2:          memref.alloc() {{.*}} : memref<8x2x160x16xi32>
// AVX2-NOT:      vpdpbusd.512
// AVX2:          return
// Tiles multiply pairs of 16-bit integers.
// SHORT-LABEL: func @many_rows
// SHORT:         memref.alloc() {{.*}} : memref<8x2x320x16xi32>
// SHORT:         arith.extsi {{.*}} : vector<16xi8> to vector<16xi16>
// SHORT-COUNT-10: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// SHORT-NOT:     pmadd
// SHORT:         return
// WIDE-LABEL:  func @many_rows
// WIDE-COUNT-20: llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"
// WIDE-NOT:      pmaddw
// WIDE:          return
func.func @many_rows(%x: memref<512x640xbf16>, %codes4: memref<?x320xi8>, %codes8: memref<?x640xi8>, %kind: memref<?xi1>,
    %row: memref<?xi32>, %scales: memref<?x20xf16>, %codes: memref<?x320xi8>, %steps: memref<?x20xf32>,
    %out: memref<512x?xbf16>) {
  effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
      memref<512x640xbf16>, memref<?x320xi8>, memref<?x640xi8>, memref<?xi1>, memref<?xi32>, memref<?x20xf16>)
    residual(%codes, %steps : memref<?x320xi8>, memref<?x20xf32>)
    outs(%out : memref<512x?xbf16>) {activation = #effattn.precision<i8>}
  return
}

// -----

// Activations that are not rounded, and groups of broken blocks, are
// multiplied by decoded rows.
// CHECK-LABEL: func @floats
// CHECK-NOT:     vpdpbusd
// CHECK:         return
func.func @floats(%x: memref<512x48xf32>, %codes4: memref<?x24xi8>, %codes8: memref<?x48xi8>, %kind: memref<?xi1>,
    %row: memref<?xi32>, %scales: memref<?x3xf32>, %out: memref<512x?xf32>) {
  effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
      memref<512x48xf32>, memref<?x24xi8>, memref<?x48xi8>, memref<?xi1>, memref<?xi32>, memref<?x3xf32>)
    outs(%out : memref<512x?xf32>)
  effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
      memref<512x48xf32>, memref<?x24xi8>, memref<?x48xi8>, memref<?xi1>, memref<?xi32>, memref<?x3xf32>)
    outs(%out : memref<512x?xf32>) {activation = #effattn.precision<i8>}
  return
}
