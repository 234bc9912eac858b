// Addresses, what is stored at them, codes, and norms.

func.func @decode(%x: tensor<?x?x192xf32>, %positions: tensor<?x?xi32>, %w: tensor<?x?x8xf32>, %i: tensor<?x?x8xi32>)
    -> (tensor<?x?x8xf32>, tensor<?x?x8xi32>) {
  %r:2 = effattn.address_decode ins(%x : tensor<?x?x192xf32>) positions(%positions : tensor<?x?xi32>)
    outs(%w, %i : tensor<?x?x8xf32>, tensor<?x?x8xi32>) {digits = 3, k = 8}
  return %r#0, %r#1 : tensor<?x?x8xf32>, tensor<?x?x8xi32>
}

func.func @slots(%x: tensor<?x3x16xf32>, %out: tensor<?x4096xf32>) -> tensor<?x4096xf32> {
  %r = effattn.product_softmax ins(%x : tensor<?x3x16xf32>) outs(%out : tensor<?x4096xf32>)
  return %r : tensor<?x4096xf32>
}

func.func @remember(%w: tensor<?x?x8xf32>, %wi: tensor<?x?x8xi32>, %values: tensor<?x?x64xbf16>,
    %out: tensor<?x?x64xbf16>, %memory: tensor<?x?x64xf32>, %mass: tensor<?x?xf32>)
    -> (tensor<?x?x64xbf16>, tensor<?x?x64xf32>, tensor<?x?xf32>) {
  %r:3 = effattn.address_memory
    ins(%w, %wi, %values, %w, %wi : tensor<?x?x8xf32>, tensor<?x?x8xi32>, tensor<?x?x64xbf16>,
      tensor<?x?x8xf32>, tensor<?x?x8xi32>)
    outs(%out, %memory, %mass : tensor<?x?x64xbf16>, tensor<?x?x64xf32>, tensor<?x?xf32>)
  return %r#0, %r#1, %r#2 : tensor<?x?x64xbf16>, tensor<?x?x64xf32>, tensor<?x?xf32>
}

func.func @quantize(%x: tensor<?x256xbf16>, %book: tensor<256x256xf32>, %codes: tensor<?x4xi32>,
    %out: tensor<?x256xbf16>) -> (tensor<?x4xi32>, tensor<?x256xbf16>) {
  %r:2 = effattn.vector_quantize ins(%x, %book : tensor<?x256xbf16>, tensor<256x256xf32>)
    outs(%codes, %out : tensor<?x4xi32>, tensor<?x256xbf16>) {groups = 4}
  return %r#0, %r#1 : tensor<?x4xi32>, tensor<?x256xbf16>
}

func.func @norms(%x: tensor<?x640xbf16>, %w: tensor<640xf32>, %out: tensor<?x640xbf16>) -> tensor<?x640xbf16> {
  %root = effattn.rms_norm ins(%x, %w : tensor<?x640xbf16>, tensor<640xf32>) outs(%out : tensor<?x640xbf16>)
  %layer = effattn.layer_norm ins(%root, %w : tensor<?x640xbf16>, tensor<640xf32>) outs(%out : tensor<?x640xbf16>)
  return %layer : tensor<?x640xbf16>
}
