// Two streams of values with relative tables: on tensor cores, and in f32.

func.func @narrow(%q: tensor<?x8x?x64xbf16>, %k: tensor<?x8x?x64xbf16>, %v: tensor<?x8x?x64xbf16>,
    %roles: tensor<?x8x?x64xbf16>, %a: tensor<33x64xbf16>, %b: tensor<33x64xbf16>, %out: tensor<?x8x?x64xbf16>,
    %out2: tensor<?x8x?x64xbf16>) -> (tensor<?x8x?x64xbf16>, tensor<?x8x?x64xbf16>) {
  %r:2 = effattn.systematic_attention ins(%q, %k, %v, %roles :
      tensor<?x8x?x64xbf16>, tensor<?x8x?x64xbf16>, tensor<?x8x?x64xbf16>, tensor<?x8x?x64xbf16>)
    relative_keys(%a : tensor<33x64xbf16>) relative_values(%b : tensor<33x64xbf16>)
    outs(%out, %out2 : tensor<?x8x?x64xbf16>, tensor<?x8x?x64xbf16>) mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return %r#0, %r#1 : tensor<?x8x?x64xbf16>, tensor<?x8x?x64xbf16>
}

func.func @wide(%q: tensor<?x8x?x128xf16>, %k: tensor<?x8x?x128xf16>, %v: tensor<?x8x?x128xf16>,
    %roles: tensor<?x8x?x128xf16>, %b: tensor<129x128xf16>, %out: tensor<?x8x?x128xf16>,
    %out2: tensor<?x8x?x128xf16>) -> (tensor<?x8x?x128xf16>, tensor<?x8x?x128xf16>) {
  %r:2 = effattn.systematic_attention ins(%q, %k, %v, %roles :
      tensor<?x8x?x128xf16>, tensor<?x8x?x128xf16>, tensor<?x8x?x128xf16>, tensor<?x8x?x128xf16>)
    relative_values(%b : tensor<129x128xf16>)
    outs(%out, %out2 : tensor<?x8x?x128xf16>, tensor<?x8x?x128xf16>)
  return %r#0, %r#1 : tensor<?x8x?x128xf16>, tensor<?x8x?x128xf16>
}

func.func @floats(%q: tensor<?x8x?x64xf32>, %k: tensor<?x8x?x64xf32>, %v: tensor<?x8x?x64xf32>,
    %roles: tensor<?x8x?x64xf32>, %a: tensor<?x64xf32>, %b: tensor<?x64xf32>, %out: tensor<?x8x?x64xf32>,
    %out2: tensor<?x8x?x64xf32>) -> (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>) {
  %r:2 = effattn.systematic_attention ins(%q, %k, %v, %roles :
      tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>)
    relative_keys(%a : tensor<?x64xf32>) relative_values(%b : tensor<?x64xf32>)
    outs(%out, %out2 : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>) mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return %r#0, %r#1 : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>
}
