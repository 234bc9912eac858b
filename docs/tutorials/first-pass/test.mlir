// A window of 512 over 128 keys hides nothing: what is left is causal.
func.func @attend(%q: tensor<1x4x?x64xf32>, %k: tensor<1x4x128x64xf32>,
                  %v: tensor<1x4x128x64xf32>, %out: tensor<1x4x?x64xf32>)
    -> tensor<1x4x?x64xf32> {
  %r = effattn.attention
      ins(%q, %k, %v : tensor<1x4x?x64xf32>, tensor<1x4x128x64xf32>,
                       tensor<1x4x128x64xf32>)
      outs(%out : tensor<1x4x?x64xf32>) mask {
    %causal = effattn.causal_mask
    %window = effattn.window_mask {size = 512}
    %both = effattn.mask_and %causal, %window
    effattn.yield %both : !effattn.mask
  }
  return %r : tensor<1x4x?x64xf32>
}
