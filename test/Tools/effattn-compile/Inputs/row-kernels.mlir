// Lookups in tables, and the choice of experts: a warp a row or a part of it.

func.func @rows(%ids: tensor<?xi32>, %table: tensor<?x640xbf16>, %out: tensor<?x640xbf16>) -> tensor<?x640xbf16> {
  %r = effattn.embedding ins(%ids, %table : tensor<?xi32>, tensor<?x640xbf16>) outs(%out : tensor<?x640xbf16>)
  return %r : tensor<?x640xbf16>
}

func.func @parts(%ids: tensor<?xi32>, %roles: tensor<64x32xf32>, %words: tensor<?x96xf32>, %role: tensor<?xi32>,
    %out: tensor<?x128xf32>) -> tensor<?x128xf32> {
  %r = effattn.split_embedding ins(%ids, %roles, %words : tensor<?xi32>, tensor<64x32xf32>, tensor<?x96xf32>)
    invariant_map(%role : tensor<?xi32>) outs(%out : tensor<?x128xf32>) {combine = #effattn.combine<concat>}
  return %r : tensor<?x128xf32>
}

func.func @codes(%ids: tensor<?xi32>, %codes4: tensor<?x320xi8>, %codes8: tensor<?x640xi8>, %kind: tensor<?xi1>,
    %row: tensor<?xi32>, %scales: tensor<?x20xf16>, %residual: tensor<?x320xi8>, %steps: tensor<?x20xf16>,
    %near: tensor<?xi32>, %weight: tensor<?xf16>, %out: tensor<?x640xbf16>) -> tensor<?x640xbf16> {
  %r = effattn.quantized_embedding ins(%ids, %codes4, %codes8, %kind, %row, %scales :
      tensor<?xi32>, tensor<?x320xi8>, tensor<?x640xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x20xf16>)
    residual(%residual, %steps : tensor<?x320xi8>, tensor<?x20xf16>)
    nearest(%near, %weight : tensor<?xi32>, tensor<?xf16>) outs(%out : tensor<?x640xbf16>)
  return %r : tensor<?x640xbf16>
}

func.func @domains(%ids: tensor<?x?xi32>, %table: tensor<?x512xf32>, %a: tensor<3x?x4xf32>, %b: tensor<3x4x512xf32>,
    %mix: tensor<?x3xf32>, %out: tensor<?x?x512xf32>) -> tensor<?x?x512xf32> {
  %r = effattn.lora_embedding
    ins(%ids, %table, %a, %b : tensor<?x?xi32>, tensor<?x512xf32>, tensor<3x?x4xf32>, tensor<3x4x512xf32>)
    weights(%mix : tensor<?x3xf32>) outs(%out : tensor<?x?x512xf32>) {alpha = 8.0}
  return %r : tensor<?x?x512xf32>
}

func.func @cores(%ids: tensor<?x?xi32>, %first: tensor<1x32x8x16xf32>, %second: tensor<16x40x8x16xf32>,
    %third: tensor<16x40x12x1xf32>, %out: tensor<?x?x768xf32>) -> tensor<?x?x768xf32> {
  %r = effattn.tensor_train_embedding ins(%ids, %first, %second, %third :
      tensor<?x?xi32>, tensor<1x32x8x16xf32>, tensor<16x40x8x16xf32>, tensor<16x40x12x1xf32>)
    outs(%out : tensor<?x?x768xf32>) {vocabulary = 50257}
  return %r : tensor<?x?x768xf32>
}

func.func @route(%x: tensor<?x640xbf16>, %w: tensor<640x64xf32>, %gates: tensor<?x2xf32>, %chosen: tensor<?x2xi32>,
    %balance: tensor<f32>) -> (tensor<?x2xf32>, tensor<?x2xi32>, tensor<f32>) {
  %routed:3 = effattn.moe_route ins(%x, %w : tensor<?x640xbf16>, tensor<640x64xf32>)
    outs(%gates, %chosen, %balance : tensor<?x2xf32>, tensor<?x2xi32>, tensor<f32>) {k = 2}
  return %routed#0, %routed#1, %routed#2 : tensor<?x2xf32>, tensor<?x2xi32>, tensor<f32>
}
