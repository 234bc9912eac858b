// RUN: effattn-opt %s | effattn-opt | FileCheck %s
// RUN: effattn-opt %s -mlir-print-op-generic | effattn-opt | FileCheck %s

// CHECK-LABEL: @product_softmax
// CHECK:         effattn.product_softmax ins(%{{.*}} : tensor<?x3x2x4xf16>) outs(%{{.*}} : tensor<?x3x16xf32>) {temperature = 5.000000e-01 : f64}
func.func @product_softmax(%x: tensor<?x3x2x4xf16>, %out: tensor<?x3x16xf32>) -> tensor<?x3x16xf32> {
  %slots = effattn.product_softmax ins(%x : tensor<?x3x2x4xf16>) outs(%out : tensor<?x3x16xf32>) {temperature = 0.5}
  return %slots : tensor<?x3x16xf32>
}

// No digits: one slot.
// CHECK-LABEL: @product_softmax_without_digits
// CHECK:         effattn.product_softmax ins(%{{.*}} : memref<0x4xf32>) outs(%{{.*}} : memref<1xf32>)
func.func @product_softmax_without_digits(%x: memref<0x4xf32>, %out: memref<1xf32>) {
  effattn.product_softmax ins(%x : memref<0x4xf32>) outs(%out : memref<1xf32>)
  return
}

// CHECK-LABEL: @top_k
// CHECK:         effattn.top_k ins(%{{.*}} : tensor<?xbf16>) outs(%{{.*}}, %{{.*}} : tensor<3xbf16>, tensor<3xi32>) {k = 3 : i64}
func.func @top_k(%x: tensor<?xbf16>, %v: tensor<3xbf16>, %i: tensor<3xi32>) -> (tensor<3xbf16>, tensor<3xi32>) {
  %values, %indices = effattn.top_k ins(%x : tensor<?xbf16>) outs(%v, %i : tensor<3xbf16>, tensor<3xi32>) {k = 3}
  return %values, %indices : tensor<3xbf16>, tensor<3xi32>
}

// CHECK-LABEL: @top_k_buffers
// CHECK:         effattn.top_k ins(%{{.*}} : memref<2x5xf16>) outs(%{{.*}}, %{{.*}} : memref<2x?xf16>, memref<2x?xi32>) {k = 0 : i64}
func.func @top_k_buffers(%x: memref<2x5xf16>, %v: memref<2x?xf16>, %i: memref<2x?xi32>) {
  effattn.top_k ins(%x : memref<2x5xf16>) outs(%v, %i : memref<2x?xf16>, memref<2x?xi32>) {k = 0}
  return
}

// CHECK-LABEL: @product_softmax_top_k
// CHECK:         effattn.product_softmax_top_k ins(%{{.*}} : tensor<?x3x16xbf16>) outs(%{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<?x8xi32>)
// CHECK-SAME:      {k = 8 : i64, normalize = true, temperature = 2.000000e+00 : f64}
func.func @product_softmax_top_k(%x: tensor<?x3x16xbf16>, %v: tensor<?x8xf32>, %i: tensor<?x8xi32>)
    -> (tensor<?x8xf32>, tensor<?x8xi32>) {
  %values, %slots = effattn.product_softmax_top_k ins(%x : tensor<?x3x16xbf16>)
    outs(%v, %i : tensor<?x8xf32>, tensor<?x8xi32>) {k = 8, temperature = 2.0, normalize = true}
  return %values, %slots : tensor<?x8xf32>, tensor<?x8xi32>
}

// CHECK-LABEL: @cyclic_shift
// CHECK:         effattn.cyclic_shift ins(%{{.*}}, %{{.*}} : tensor<2x?x4xi32>, tensor<2x?xi64>) outs(%{{.*}} : tensor<2x?x4xi32>)
// CHECK-SAME:      mode = #effattn.shift<digits>
// CHECK-SAME:      periods = array<i64: 64, 1>
func.func @cyclic_shift(%slots: tensor<2x?x4xi32>, %positions: tensor<2x?xi64>, %out: tensor<2x?x4xi32>) -> tensor<2x?x4xi32> {
  %turned = effattn.cyclic_shift ins(%slots, %positions : tensor<2x?x4xi32>, tensor<2x?xi64>) outs(%out : tensor<2x?x4xi32>)
    {mode = #effattn.shift<digits>, digits = 2, base = 64, periods = array<i64: 64, 1>, steps = array<i64: 1, -3>}
  return %turned : tensor<2x?x4xi32>
}

// CHECK-LABEL: @cyclic_shift_buffers
// CHECK:         effattn.cyclic_shift ins(%{{.*}}, %{{.*}} : memref<1x2x4xi32>, memref<1x2xi32>) outs(%{{.*}} : memref<1x2x4xi32>)
func.func @cyclic_shift_buffers(%slots: memref<1x2x4xi32>, %positions: memref<1x2xi32>, %out: memref<1x2x4xi32>) {
  effattn.cyclic_shift ins(%slots, %positions : memref<1x2x4xi32>, memref<1x2xi32>) outs(%out : memref<1x2x4xi32>)
    {mode = #effattn.shift<radix>, digits = 31, base = 1}
  return
}

// CHECK-LABEL: @address_decode
// CHECK:         effattn.address_decode ins(%{{.*}} : tensor<?x?x48xf16>) positions(%{{.*}} : tensor<?x?xi32>) outs(%{{.*}}, %{{.*}} : tensor<?x?x8xf32>, tensor<?x?x8xi32>)
func.func @address_decode(%x: tensor<?x?x48xf16>, %positions: tensor<?x?xi32>, %w: tensor<?x?x8xf32>, %i: tensor<?x?x8xi32>)
    -> (tensor<?x?x8xf32>, tensor<?x?x8xi32>) {
  %weights, %slots = effattn.address_decode ins(%x : tensor<?x?x48xf16>) positions(%positions : tensor<?x?xi32>)
    outs(%w, %i : tensor<?x?x8xf32>, tensor<?x?x8xi32>) {digits = 3, k = 8}
  return %weights, %slots : tensor<?x?x8xf32>, tensor<?x?x8xi32>
}

// CHECK-LABEL: @address_decode_buffers
// CHECK:         effattn.address_decode ins(%{{.*}} : memref<1x1x6xf32>) outs(%{{.*}}, %{{.*}} : memref<1x1x4xf32>, memref<1x1x4xi32>)
func.func @address_decode_buffers(%x: memref<1x1x6xf32>, %w: memref<1x1x4xf32>, %i: memref<1x1x4xi32>) {
  effattn.address_decode ins(%x : memref<1x1x6xf32>) outs(%w, %i : memref<1x1x4xf32>, memref<1x1x4xi32>) {digits = 3, k = 4}
  return
}

// CHECK-LABEL: @address_memory
// CHECK:         effattn.address_memory ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x?x8xf32>, tensor<?x?x8xi32>, tensor<?x?x64xbf16>, tensor<?x?x4xf32>, tensor<?x?x4xi32>)
// CHECK-SAME:      lengths(%{{.*}} : tensor<?xi64>)
// CHECK-SAME:      outs(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x?x64xbf16>, tensor<?x?x64xf32>, tensor<?x?xf32>) {gamma = 5.000000e-01 : f64}
func.func @address_memory(%w: tensor<?x?x8xf32>, %wi: tensor<?x?x8xi32>, %v: tensor<?x?x64xbf16>, %r: tensor<?x?x4xf32>,
    %ri: tensor<?x?x4xi32>, %lengths: tensor<?xi64>, %out: tensor<?x?x64xbf16>, %memory: tensor<?x?x64xf32>, %mass: tensor<?x?xf32>)
    -> (tensor<?x?x64xbf16>, tensor<?x?x64xf32>, tensor<?x?xf32>) {
  %o, %s, %z = effattn.address_memory
    ins(%w, %wi, %v, %r, %ri : tensor<?x?x8xf32>, tensor<?x?x8xi32>, tensor<?x?x64xbf16>, tensor<?x?x4xf32>, tensor<?x?x4xi32>)
    lengths(%lengths : tensor<?xi64>)
    outs(%out, %memory, %mass : tensor<?x?x64xbf16>, tensor<?x?x64xf32>, tensor<?x?xf32>) {gamma = 0.5}
  return %o, %s, %z : tensor<?x?x64xbf16>, tensor<?x?x64xf32>, tensor<?x?xf32>
}

// CHECK-LABEL: @address_memory_buffers
// CHECK:         effattn.address_memory ins({{.*}}memref<1x2x1xf32>{{.*}}) outs({{.*}}memref<1x2x3xf16>, memref<1x9x3xf32>, memref<1x9xf32>) {epsilon = 1.000000e-03 : f32, gamma = 0.000000e+00 : f64}
func.func @address_memory_buffers(%w: memref<1x2x1xf32>, %wi: memref<1x2x1xi32>, %v: memref<1x2x3xf16>, %r: memref<1x2x1xf32>,
    %ri: memref<1x2x1xi32>, %out: memref<1x2x3xf16>, %memory: memref<1x9x3xf32>, %mass: memref<1x9xf32>) {
  effattn.address_memory
    ins(%w, %wi, %v, %r, %ri : memref<1x2x1xf32>, memref<1x2x1xi32>, memref<1x2x3xf16>, memref<1x2x1xf32>, memref<1x2x1xi32>)
    outs(%out, %memory, %mass : memref<1x2x3xf16>, memref<1x9x3xf32>, memref<1x9xf32>) {gamma = 0.0, epsilon = 1.0e-3 : f32}
  return
}

// CHECK-LABEL: @vector_quantize
// CHECK:         effattn.vector_quantize ins(%{{.*}}, %{{.*}} : tensor<?x3x8xbf16>, tensor<?x8xf32>) outs(%{{.*}}, %{{.*}} : tensor<?x3x2xi32>, tensor<?x3x8xbf16>)
// CHECK-SAME:      {groups = 2 : i64, metric = #effattn.metric<cosine>}
func.func @vector_quantize(%x: tensor<?x3x8xbf16>, %book: tensor<?x8xf32>, %codes: tensor<?x3x2xi32>, %out: tensor<?x3x8xbf16>)
    -> (tensor<?x3x2xi32>, tensor<?x3x8xbf16>) {
  %c, %o = effattn.vector_quantize ins(%x, %book : tensor<?x3x8xbf16>, tensor<?x8xf32>)
    outs(%codes, %out : tensor<?x3x2xi32>, tensor<?x3x8xbf16>) {groups = 2, metric = #effattn.metric<cosine>}
  return %c, %o : tensor<?x3x2xi32>, tensor<?x3x8xbf16>
}

// One group may have a dimension of its own or none.
// CHECK-LABEL: @vector_quantize_buffers
// CHECK:         effattn.vector_quantize ins(%{{.*}}, %{{.*}} : memref<8xf16>, memref<5x8xf16>) outs(%{{.*}}, %{{.*}} : memref<i32>, memref<8xf16>){{$}}
// CHECK:         effattn.vector_quantize ins(%{{.*}}, %{{.*}} : memref<8xf16>, memref<5x8xf16>) outs(%{{.*}}, %{{.*}} : memref<1xi32>, memref<8xf16>){{$}}
func.func @vector_quantize_buffers(%x: memref<8xf16>, %book: memref<5x8xf16>, %code: memref<i32>, %codes: memref<1xi32>, %out: memref<8xf16>) {
  effattn.vector_quantize ins(%x, %book : memref<8xf16>, memref<5x8xf16>) outs(%code, %out : memref<i32>, memref<8xf16>)
  effattn.vector_quantize ins(%x, %book : memref<8xf16>, memref<5x8xf16>) outs(%codes, %out : memref<1xi32>, memref<8xf16>)
  return
}
