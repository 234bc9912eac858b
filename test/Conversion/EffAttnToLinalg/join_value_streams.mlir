// RUN: effattn-opt %s -effattn-convert-to-linalg="except=effattn.attention" -canonicalize | FileCheck %s
// RUN: effattn-opt %s -effattn-convert-to-linalg | FileCheck %s --check-prefix=PLAIN

// One softmax over values that stand side by side.
// CHECK-LABEL: @both
// CHECK: %[[FIRST:.*]] = tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 0, 0] [%{{.*}}, 2, %{{.*}}, 16] [1, 1, 1, 1]
// CHECK: %[[VALUES:.*]] = tensor.insert_slice %{{.*}} into %[[FIRST]][0, 0, 0, 16]
// CHECK: %[[OUT:.*]] = effattn.attention ins(%{{.*}}, %{{.*}}, %[[VALUES]] :
// CHECK-SAME: scale = 2.500000e-01
// CHECK: effattn.causal_mask
// CHECK: tensor.extract_slice %[[OUT]][0, 0, 0, 0]
// CHECK: tensor.extract_slice %[[OUT]][0, 0, 0, 16]
// PLAIN-LABEL: @both
// PLAIN-NOT: effattn.
func.func @both(%q: tensor<?x4x?x8xf32>, %k: tensor<?x2x?x8xf32>, %v: tensor<?x2x?x16xbf16>, %w: tensor<?x2x?x16xbf16>,
    %out: tensor<?x4x?x16xf32>, %out2: tensor<?x4x?x16xf32>) -> (tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>) {
  %0:2 = effattn.systematic_attention ins(%q, %k, %v, %w : tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>,
      tensor<?x2x?x16xbf16>, tensor<?x2x?x16xbf16>)
    outs(%out, %out2 : tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>) {scale = 0.25} mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return %0#0, %0#1 : tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>
}

// A table sees every weight.
// CHECK-LABEL: @relative
// CHECK-NOT: effattn.attention
func.func @relative(%q: tensor<1x1x4x8xf32>, %k: tensor<1x1x4x8xf32>, %v: tensor<1x1x4x8xf32>, %table: tensor<3x8xf32>,
    %out: tensor<1x1x4x8xf32>, %out2: tensor<1x1x4x8xf32>) -> (tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>) {
  %0:2 = effattn.systematic_attention ins(%q, %k, %v, %v : tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>,
      tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>) relative_keys(%table : tensor<3x8xf32>)
    outs(%out, %out2 : tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>)
  return %0#0, %0#1 : tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>
}

// Nothing is read, so nothing twice.
// CHECK-LABEL: @empty
// CHECK-NOT: effattn.attention
// CHECK-NOT: slice
func.func @empty(%q: tensor<0x0x0x?xf32>, %k: tensor<0x2x0x?xf32>, %v: tensor<0x2x0x16xf32>,
    %out: tensor<0x0x0x16xf32>) -> (tensor<0x0x0x16xf32>, tensor<0x0x0x16xf32>) {
  %0:2 = effattn.systematic_attention ins(%q, %k, %v, %v : tensor<0x0x0x?xf32>, tensor<0x2x0x?xf32>,
      tensor<0x2x0x16xf32>, tensor<0x2x0x16xf32>) outs(%out, %out : tensor<0x0x0x16xf32>, tensor<0x0x0x16xf32>)
  return %0#0, %0#1 : tensor<0x0x0x16xf32>, tensor<0x0x0x16xf32>
}
