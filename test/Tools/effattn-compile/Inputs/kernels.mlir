// A function of every builder of kernels but those of attention and products.

func.func @best(%x: tensor<?x?xbf16>, %v: tensor<?x20xbf16>, %i: tensor<?x20xi32>)
    -> (tensor<?x20xbf16>, tensor<?x20xi32>) {
  %best:2 = effattn.top_k ins(%x : tensor<?x?xbf16>) outs(%v, %i : tensor<?x20xbf16>, tensor<?x20xi32>) {k = 20}
  return %best#0, %best#1 : tensor<?x20xbf16>, tensor<?x20xi32>
}

func.func @most_in_registers(%x: tensor<?x?xf32>, %v: tensor<?x256xf32>, %i: tensor<?x256xi32>)
    -> (tensor<?x256xf32>, tensor<?x256xi32>) {
  %best:2 = effattn.top_k ins(%x : tensor<?x?xf32>) outs(%v, %i : tensor<?x256xf32>, tensor<?x256xi32>) {k = 256}
  return %best#0, %best#1 : tensor<?x256xf32>, tensor<?x256xi32>
}

func.func @best_slots(%x: tensor<?x3x64xf32>, %v: tensor<?x16xf32>, %i: tensor<?x16xi32>)
    -> (tensor<?x16xf32>, tensor<?x16xi32>) {
  %best:2 = effattn.product_softmax_top_k ins(%x : tensor<?x3x64xf32>)
    outs(%v, %i : tensor<?x16xf32>, tensor<?x16xi32>) {k = 16}
  return %best#0, %best#1 : tensor<?x16xf32>, tensor<?x16xi32>
}

func.func @all_slots(%x: tensor<?x3x16xf32>, %out: tensor<?x4096xf32>) -> tensor<?x4096xf32> {
  %all = effattn.product_softmax ins(%x : tensor<?x3x16xf32>) outs(%out : tensor<?x4096xf32>)
  return %all : tensor<?x4096xf32>
}

func.func @norms(%x: tensor<?x640xbf16>, %w: tensor<640xf32>, %out: tensor<?x640xbf16>) -> tensor<?x640xbf16> {
  %root = effattn.rms_norm ins(%x, %w : tensor<?x640xbf16>, tensor<640xf32>) outs(%out : tensor<?x640xbf16>)
  %layer = effattn.layer_norm ins(%root, %w : tensor<?x640xbf16>, tensor<640xf32>) outs(%out : tensor<?x640xbf16>)
  return %layer : tensor<?x640xbf16>
}

func.func @remember(%w: tensor<?x?x8xf32>, %wi: tensor<?x?x8xi32>, %values: tensor<?x?x64xbf16>,
    %out: tensor<?x?x64xbf16>, %memory: tensor<?x?x64xf32>, %mass: tensor<?x?xf32>)
    -> (tensor<?x?x64xbf16>, tensor<?x?x64xf32>, tensor<?x?xf32>) {
  %new:3 = effattn.address_memory
    ins(%w, %wi, %values, %w, %wi : tensor<?x?x8xf32>, tensor<?x?x8xi32>, tensor<?x?x64xbf16>,
      tensor<?x?x8xf32>, tensor<?x?x8xi32>)
    outs(%out, %memory, %mass : tensor<?x?x64xbf16>, tensor<?x?x64xf32>, tensor<?x?xf32>)
  return %new#0, %new#1, %new#2 : tensor<?x?x64xbf16>, tensor<?x?x64xf32>, tensor<?x?xf32>
}

func.func @logits(%x: tensor<?x640xf32>, %codes4: tensor<?x320xi8>, %codes8: tensor<?x640xi8>, %kind: tensor<?xi1>,
    %row: tensor<?xi32>, %scales: tensor<?x20xf16>, %codes: tensor<?x320xi8>, %steps: tensor<?x20xf16>,
    %near: tensor<?xi32>, %weight: tensor<?xf16>, %out: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %logits = effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
      tensor<?x640xf32>, tensor<?x320xi8>, tensor<?x640xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x20xf16>)
    residual(%codes, %steps : tensor<?x320xi8>, tensor<?x20xf16>)
    nearest(%near, %weight : tensor<?xi32>, tensor<?xf16>) outs(%out : tensor<?x?xf32>)
  return %logits : tensor<?x?xf32>
}

func.func @logits_in_bf16(%x: tensor<?x640xbf16>, %codes4: tensor<?x320xi8>, %codes8: tensor<?x640xi8>,
    %kind: tensor<?xi1>, %row: tensor<?xi32>, %scales: tensor<?x20xf16>, %out: tensor<?x?xbf16>)
    -> tensor<?x?xbf16> {
  %logits = effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
      tensor<?x640xbf16>, tensor<?x320xi8>, tensor<?x640xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x20xf16>)
    outs(%out : tensor<?x?xbf16>)
  return %logits : tensor<?x?xbf16>
}

func.func @logits_of_bytes(%x: tensor<?x640xbf16>, %codes4: tensor<?x320xi8>, %codes8: tensor<?x640xi8>,
    %kind: tensor<?xi1>, %row: tensor<?xi32>, %scales: tensor<?x20xf16>, %codes: tensor<?x320xi8>,
    %steps: tensor<?x20xf16>, %out: tensor<?x?xbf16>) -> tensor<?x?xbf16> {
  %logits = effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
      tensor<?x640xbf16>, tensor<?x320xi8>, tensor<?x640xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x20xf16>)
    residual(%codes, %steps : tensor<?x320xi8>, tensor<?x20xf16>)
    outs(%out : tensor<?x?xbf16>) {activation = #effattn.precision<i8>}
  return %logits : tensor<?x?xbf16>
}

func.func @experts(%x: tensor<?x640xbf16>, %gates: tensor<?x2xf32>, %chosen: tensor<?x2xi32>,
    %gate: tensor<8x640x1024xbf16>, %up: tensor<8x640x1024xbf16>, %down: tensor<8x1024x640xbf16>,
    %out: tensor<?x640xbf16>) -> tensor<?x640xbf16> {
  %sums = effattn.moe_ffn ins(%x, %gates, %chosen, %gate, %up, %down
    : tensor<?x640xbf16>, tensor<?x2xf32>, tensor<?x2xi32>, tensor<8x640x1024xbf16>, tensor<8x640x1024xbf16>,
      tensor<8x1024x640xbf16>) outs(%out : tensor<?x640xbf16>)
  return %sums : tensor<?x640xbf16>
}
