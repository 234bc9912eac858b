// RUN: effattn-opt %s -effattn-fuse-separator-cache | FileCheck %s
// Three ops on one cache become the op for a step of one token.
func.func @step(%k: tensor<1x2x1x8xf32>, %flag: tensor<1x1xi1>, %q: tensor<1x4x1x8xf32>,
                %keys: tensor<1x2x325x8xf32>, %values: tensor<1x2x325x8xf32>, %kept: tensor<1x325xi1>,
                %length: tensor<1xi32>, %end: tensor<1xi32>, %out: tensor<1x4x1x8xf32>)
    -> (tensor<1x2x325x8xf32>, tensor<1x2x325x8xf32>, tensor<1x325xi1>, tensor<1xi32>, tensor<1xi32>, tensor<1x4x1x8xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %k, %flag : tensor<1x2x1x8xf32>, tensor<1x2x1x8xf32>, tensor<1x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<1x2x325x8xf32>, tensor<1x2x325x8xf32>, tensor<1x325xi1>, tensor<1xi32>, tensor<1xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<1x4x1x8xf32>, tensor<1x2x325x8xf32>, tensor<1x2x325x8xf32>, tensor<1x325xi1>, tensor<1xi32>, tensor<1xi32>)
    outs(%out : tensor<1x4x1x8xf32>)
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<1x2x325x8xf32>, tensor<1x2x325x8xf32>, tensor<1x325xi1>, tensor<1xi32>, tensor<1xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<1x2x325x8xf32>, tensor<1x2x325x8xf32>, tensor<1x325xi1>, tensor<1xi32>, tensor<1xi32>, tensor<1x4x1x8xf32>
}
// CHECK-NOT: cache_append
// CHECK: effattn.separator_cache_update
// CHECK-NOT: cache_compact
