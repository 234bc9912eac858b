// RUN: effattn-opt %s | effattn-opt | FileCheck %s
// RUN: effattn-opt %s -mlir-print-op-generic | effattn-opt | FileCheck %s

// CHECK-LABEL: @embedding
// CHECK:         effattn.embedding ins(%{{.*}}, %{{.*}} : tensor<?x3xi64>, tensor<?x8xbf16>) outs(%{{.*}} : tensor<?x3x8xbf16>)
func.func @embedding(%ids: tensor<?x3xi64>, %table: tensor<?x8xbf16>, %out: tensor<?x3x8xbf16>) -> tensor<?x3x8xbf16> {
  %rows = effattn.embedding ins(%ids, %table : tensor<?x3xi64>, tensor<?x8xbf16>) outs(%out : tensor<?x3x8xbf16>)
  return %rows : tensor<?x3x8xbf16>
}

// CHECK-LABEL: @embedding_of_one_id
// CHECK:         effattn.embedding ins(%{{.*}}, %{{.*}} : memref<i32>, memref<4x8xf16>) outs(%{{.*}} : memref<8xf16>)
func.func @embedding_of_one_id(%id: memref<i32>, %table: memref<4x8xf16>, %out: memref<8xf16>) {
  effattn.embedding ins(%id, %table : memref<i32>, memref<4x8xf16>) outs(%out : memref<8xf16>)
  return
}

// CHECK-LABEL: @lora_embedding
// CHECK:         effattn.lora_embedding ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<2x?xi32>, tensor<?x8xbf16>, tensor<3x?x4xf32>, tensor<3x4x8xf16>)
// CHECK-SAME:      weights(%{{.*}} : tensor<2x3xf32>) outs(%{{.*}} : tensor<2x?x8xbf16>) {alpha = 8.000000e+00 : f64}
func.func @lora_embedding(%ids: tensor<2x?xi32>, %table: tensor<?x8xbf16>, %a: tensor<3x?x4xf32>, %b: tensor<3x4x8xf16>,
    %w: tensor<2x3xf32>, %out: tensor<2x?x8xbf16>) -> tensor<2x?x8xbf16> {
  %rows = effattn.lora_embedding
    ins(%ids, %table, %a, %b : tensor<2x?xi32>, tensor<?x8xbf16>, tensor<3x?x4xf32>, tensor<3x4x8xf16>)
    weights(%w : tensor<2x3xf32>) outs(%out : tensor<2x?x8xbf16>) {alpha = 8.0}
  return %rows : tensor<2x?x8xbf16>
}

// CHECK-LABEL: @lora_embedding_buffers
// CHECK:         effattn.lora_embedding ins(%{{.*}} : memref<i64>, memref<9x8xf32>, memref<0x9x0xf32>, memref<0x0x8xf32>)
// CHECK-SAME:      weights(%{{.*}} : memref<0xbf16>) outs(%{{.*}} : memref<8xf32>)
func.func @lora_embedding_buffers(%id: memref<i64>, %table: memref<9x8xf32>, %a: memref<0x9x0xf32>, %b: memref<0x0x8xf32>,
    %w: memref<0xbf16>, %out: memref<8xf32>) {
  effattn.lora_embedding ins(%id, %table, %a, %b : memref<i64>, memref<9x8xf32>, memref<0x9x0xf32>, memref<0x0x8xf32>)
    weights(%w : memref<0xbf16>) outs(%out : memref<8xf32>)
  return
}

// CHECK-LABEL: @split_embedding
// CHECK:         effattn.split_embedding ins(%{{.*}} : tensor<?xi32>, tensor<4x8xf16>, tensor<?x8xf32>) outs(%{{.*}} : tensor<?x8xf16>)
func.func @split_embedding(%ids: tensor<?xi32>, %i: tensor<4x8xf16>, %v: tensor<?x8xf32>, %out: tensor<?x8xf16>) -> tensor<?x8xf16> {
  %rows = effattn.split_embedding ins(%ids, %i, %v : tensor<?xi32>, tensor<4x8xf16>, tensor<?x8xf32>) outs(%out : tensor<?x8xf16>)
  return %rows : tensor<?x8xf16>
}

// CHECK-LABEL: @split_embedding_buffers
// CHECK:         effattn.split_embedding ins(%{{.*}} : memref<2xi32>, memref<4x3xf32>, memref<5x2xf32>)
// CHECK-SAME:      invariant_map(%{{.*}} : memref<9xi64>) variant_map(%{{.*}} : memref<9xi32>)
// CHECK-SAME:      outs(%{{.*}} : memref<2x5xf32>) {combine = #effattn.combine<concat>}
func.func @split_embedding_buffers(%ids: memref<2xi32>, %i: memref<4x3xf32>, %v: memref<5x2xf32>, %im: memref<9xi64>,
    %vm: memref<9xi32>, %out: memref<2x5xf32>) {
  effattn.split_embedding ins(%ids, %i, %v : memref<2xi32>, memref<4x3xf32>, memref<5x2xf32>)
    invariant_map(%im : memref<9xi64>) variant_map(%vm : memref<9xi32>)
    outs(%out : memref<2x5xf32>) {combine = #effattn.combine<concat>}
  return
}

// CHECK-LABEL: @tensor_train_embedding
// CHECK:         effattn.tensor_train_embedding ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?xi32>, tensor<1x4x2x?xbf16>, tensor<?x5x3x1xbf16>)
// CHECK-SAME:      outs(%{{.*}} : tensor<?x6xbf16>) {vocabulary = 17 : i64}
func.func @tensor_train_embedding(%ids: tensor<?xi32>, %c0: tensor<1x4x2x?xbf16>, %c1: tensor<?x5x3x1xbf16>,
    %out: tensor<?x6xbf16>) -> tensor<?x6xbf16> {
  %rows = effattn.tensor_train_embedding ins(%ids, %c0, %c1 : tensor<?xi32>, tensor<1x4x2x?xbf16>, tensor<?x5x3x1xbf16>)
    outs(%out : tensor<?x6xbf16>) {vocabulary = 17}
  return %rows : tensor<?x6xbf16>
}

// CHECK-LABEL: @tensor_train_embedding_buffers
// CHECK:         effattn.tensor_train_embedding ins(%{{.*}}, %{{.*}} : memref<i64>, memref<1x4x2x1xf16>) outs(%{{.*}} : memref<2xf16>)
func.func @tensor_train_embedding_buffers(%id: memref<i64>, %c0: memref<1x4x2x1xf16>, %out: memref<2xf16>) {
  effattn.tensor_train_embedding ins(%id, %c0 : memref<i64>, memref<1x4x2x1xf16>) outs(%out : memref<2xf16>)
  return
}

// CHECK-LABEL: @quantized_embedding
// CHECK:         effattn.quantized_embedding ins(%{{.*}} : tensor<?xi64>, tensor<?x4xi8>, tensor<?x7xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x1xf16>)
// CHECK-SAME:      residual(%{{.*}}, %{{.*}} : tensor<?x4xi8>, tensor<?x1xf32>) nearest(%{{.*}}, %{{.*}} : tensor<?xi64>, tensor<?xbf16>)
// CHECK-SAME:      outs(%{{.*}} : tensor<?x7xbf16>)
func.func @quantized_embedding(%ids: tensor<?xi64>, %c4: tensor<?x4xi8>, %c8: tensor<?x7xi8>, %kind: tensor<?xi1>, %row: tensor<?xi32>,
    %s: tensor<?x1xf16>, %rc: tensor<?x4xi8>, %rs: tensor<?x1xf32>, %n: tensor<?xi64>, %nw: tensor<?xbf16>,
    %out: tensor<?x7xbf16>) -> tensor<?x7xbf16> {
  %rows = effattn.quantized_embedding ins(%ids, %c4, %c8, %kind, %row, %s :
      tensor<?xi64>, tensor<?x4xi8>, tensor<?x7xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x1xf16>)
    residual(%rc, %rs : tensor<?x4xi8>, tensor<?x1xf32>) nearest(%n, %nw : tensor<?xi64>, tensor<?xbf16>)
    outs(%out : tensor<?x7xbf16>)
  return %rows : tensor<?x7xbf16>
}

// CHECK-LABEL: @quantized_embedding_buffers
// CHECK:         effattn.quantized_embedding ins(%{{.*}} : memref<2x3xi32>, memref<0x4xi8>, memref<5x8xi8>, memref<5xi1>, memref<5xi64>, memref<5x2xf32>)
// CHECK-SAME:      nearest(%{{.*}}, %{{.*}} : memref<5xi32>, memref<5xf32>) outs(%{{.*}} : memref<2x3x8xf16>)
func.func @quantized_embedding_buffers(%ids: memref<2x3xi32>, %c4: memref<0x4xi8>, %c8: memref<5x8xi8>, %kind: memref<5xi1>,
    %row: memref<5xi64>, %s: memref<5x2xf32>, %n: memref<5xi32>, %nw: memref<5xf32>, %out: memref<2x3x8xf16>) {
  effattn.quantized_embedding ins(%ids, %c4, %c8, %kind, %row, %s :
      memref<2x3xi32>, memref<0x4xi8>, memref<5x8xi8>, memref<5xi1>, memref<5xi64>, memref<5x2xf32>)
    nearest(%n, %nw : memref<5xi32>, memref<5xf32>) outs(%out : memref<2x3x8xf16>)
  return
}

// CHECK-LABEL: @quantized_matmul
// CHECK:         effattn.quantized_matmul ins(%{{.*}} : tensor<?x?x8xbf16>, tensor<?x4xi8>, tensor<?x8xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x2xf16>)
// CHECK-SAME:      residual(%{{.*}}, %{{.*}} : tensor<?x4xi8>, tensor<?x2xf16>)
// CHECK-SAME:      outs(%{{.*}} : tensor<?x?x?xbf16>) {activation = #effattn.precision<i8>}
func.func @quantized_matmul(%x: tensor<?x?x8xbf16>, %c4: tensor<?x4xi8>, %c8: tensor<?x8xi8>, %kind: tensor<?xi1>, %row: tensor<?xi32>,
    %s: tensor<?x2xf16>, %rc: tensor<?x4xi8>, %rs: tensor<?x2xf16>, %out: tensor<?x?x?xbf16>) -> tensor<?x?x?xbf16> {
  %logits = effattn.quantized_matmul ins(%x, %c4, %c8, %kind, %row, %s :
      tensor<?x?x8xbf16>, tensor<?x4xi8>, tensor<?x8xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x2xf16>)
    residual(%rc, %rs : tensor<?x4xi8>, tensor<?x2xf16>)
    outs(%out : tensor<?x?x?xbf16>) {activation = #effattn.precision<i8>}
  return %logits : tensor<?x?x?xbf16>
}

// CHECK-LABEL: @quantized_matmul_buffers
// CHECK:         effattn.quantized_matmul ins(%{{.*}} : memref<8xf16>, memref<3x4xi8>, memref<0x8xi8>, memref<3xi1>, memref<3xi32>, memref<3x8xf32>)
// CHECK-SAME:      outs(%{{.*}} : memref<3xf16>)
func.func @quantized_matmul_buffers(%x: memref<8xf16>, %c4: memref<3x4xi8>, %c8: memref<0x8xi8>, %kind: memref<3xi1>,
    %row: memref<3xi32>, %s: memref<3x8xf32>, %out: memref<3xf16>) {
  effattn.quantized_matmul ins(%x, %c4, %c8, %kind, %row, %s :
      memref<8xf16>, memref<3x4xi8>, memref<0x8xi8>, memref<3xi1>, memref<3xi32>, memref<3x8xf32>)
    outs(%out : memref<3xf16>)
  return
}
