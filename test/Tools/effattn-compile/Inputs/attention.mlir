func.func @narrow(%q: tensor<2x8x?x64xf16>, %k: tensor<2x8x?x64xf16>, %v: tensor<2x8x?x64xf16>,
    %out: tensor<2x8x?x64xf16>) -> tensor<2x8x?x64xf16> {
  %0 = effattn.attention ins(%q, %k, %v : tensor<2x8x?x64xf16>, tensor<2x8x?x64xf16>, tensor<2x8x?x64xf16>)
    outs(%out : tensor<2x8x?x64xf16>)
  return %0 : tensor<2x8x?x64xf16>
}

func.func @wide(%q: tensor<2x8x?x128xbf16>, %k: tensor<2x8x?x128xbf16>, %v: tensor<2x8x?x128xbf16>,
    %out: tensor<2x8x?x128xbf16>) -> tensor<2x8x?x128xbf16> {
  %0 = effattn.attention ins(%q, %k, %v : tensor<2x8x?x128xbf16>, tensor<2x8x?x128xbf16>, tensor<2x8x?x128xbf16>)
    outs(%out : tensor<2x8x?x128xbf16>) mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<2x8x?x128xbf16>
}
