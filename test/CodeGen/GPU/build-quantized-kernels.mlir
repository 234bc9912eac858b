// RUN: effattn-opt %s -effattn-build-quantized-kernels -canonicalize -cse | FileCheck %s

// Which kernels, is found on the host: no rows, codes in whole chunks, one row,
// few rows, and of many those whose activations are aligned.
// CHECK-LABEL: @of_f32
// CHECK: memref.alloc() : memref<2xi64>
// CHECK: effattn.check
// CHECK: memref.extract_aligned_pointer_as_index
// CHECK: function(@quantized_matmul_arrange)
// CHECK: function(@quantized_matmul_few)
// A chunk of 4 bits is 16 bytes, one of 8 bits twice as many.
// CHECK: scf.if {{.*}} -> (i32, i32, i32, i32, i32, i32, i32, i32)
// CHECK-COUNT-2: vector.load {{.*}} {alignment = 16 : i64} {{.*}}, vector<16xi8>
// CHECK: else
// CHECK: vector.load {{.*}} {alignment = 16 : i64} {{.*}}, vector<16xi8>
// CHECK: memref.atomic_rmw mins
// CHECK: gpu.shuffle xor
// CHECK: function(@quantized_matmul)
// CHECK: vector.store {{.*}} vector<8xbf16>
// CHECK: nvvm.mma.sync
// CHECK: function(@quantized_matmul)
// CHECK-NOT: nvvm.mma.sync
// CHECK: function(@quantized_matmul_few)
// CHECK: effattn.check {{.*}}"'effattn.quantized_matmul' op expected the codes of codes4
// CHECK: effattn.check {{.*}}"'effattn.quantized_matmul' op expected the codes of codes8
// CHECK: memref.dealloc
func.func @of_f32(%x: memref<?x64xf32>, %codes4: memref<?x32xi8>, %codes8: memref<?x64xi8>, %kind: memref<?xi1>,
                  %row: memref<?xi32>, %scales: memref<?x2xf16>, %out: memref<?x?xf32>) {
  effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
      memref<?x64xf32>, memref<?x32xi8>, memref<?x64xi8>, memref<?xi1>, memref<?xi32>, memref<?x2xf16>)
    outs(%out : memref<?x?xf32>)
  return
}

// Rounded activations are bytes: four of them at a time for few rows, on tensor
// cores for many.
// CHECK-LABEL: @of_bytes
// CHECK: function(@quantized_matmul_round)
// CHECK: function(@quantized_matmul_few)
// CHECK-COUNT-8: nvvm.dot.accumulate.4way {{.*}} <signed>, {{.*}} <signed>
// CHECK: function(@quantized_matmul)
// CHECK: vector.store {{.*}} vector<8xi16>
// CHECK: nvgpu.device_async_copy
// CHECK: nvvm.mma.sync {{.*}}mma_type<s8>
// CHECK: return
func.func @of_bytes(%x: memref<?x64xf32>, %codes4: memref<?x32xi8>, %codes8: memref<?x64xi8>, %kind: memref<?xi1>,
                    %row: memref<?xi32>, %scales: memref<?x2xf16>, %out: memref<?x?xf32>) {
  effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
      memref<?x64xf32>, memref<?x32xi8>, memref<?x64xi8>, memref<?xi1>, memref<?xi32>, memref<?x2xf16>)
    outs(%out : memref<?x?xf32>) {activation = #effattn.precision<i8>}
  return
}

// Groups of 5 columns: numbers one by one.
// CHECK-LABEL: @of_narrow_groups
// CHECK-NOT: vector.load {{.*}}xi8>
// CHECK: function(@quantized_matmul
// CHECK-NOT: nvvm.mma.sync
// CHECK: return
func.func @of_narrow_groups(%x: memref<?x10xbf16>, %codes4: memref<?x5xi8>, %codes8: memref<?x10xi8>,
                            %kind: memref<?xi1>, %row: memref<?xi32>, %scales: memref<?x2xf32>,
                            %out: memref<?x?xbf16>) {
  effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
      memref<?x10xbf16>, memref<?x5xi8>, memref<?x10xi8>, memref<?xi1>, memref<?xi32>, memref<?x2xf32>)
    outs(%out : memref<?x?xbf16>)
  return
}
