// Boundaries, the concepts between them, and the way back.

func.func @score(%query: tensor<?x?x64xbf16>, %key: tensor<?x?x64xbf16>, %p: tensor<?x?xf32>, %last: tensor<?x64xbf16>)
    -> (tensor<?x?xf32>, tensor<?x64xbf16>) {
  %r:2 = effattn.boundary_probability ins(%query, %key : tensor<?x?x64xbf16>, tensor<?x?x64xbf16>)
    outs(%p, %last : tensor<?x?xf32>, tensor<?x64xbf16>)
  return %r#0, %r#1 : tensor<?x?xf32>, tensor<?x64xbf16>
}

func.func @loss(%p: tensor<?x?xf32>, %mask: tensor<?x?xi1>, %lengths: tensor<?xi64>, %out: tensor<f32>)
    -> tensor<f32> {
  %r = effattn.ratio_loss ins(%p, %mask : tensor<?x?xf32>, tensor<?x?xi1>)
    lengths(%lengths : tensor<?xi64>) outs(%out : tensor<f32>) {ratio = 4.0}
  return %r : tensor<f32>
}

func.func @gather(%h: tensor<?x?x640xbf16>, %mask: tensor<?x?xi1>, %concepts: tensor<?x?x640xbf16>,
    %counts: tensor<?xi32>, %largest: tensor<i32>) -> (tensor<?x?x640xbf16>, tensor<?xi32>, tensor<i32>) {
  %count:2 = effattn.boundary_count ins(%mask : tensor<?x?xi1>) outs(%counts, %largest : tensor<?xi32>, tensor<i32>)
  %r:2 = effattn.chunk ins(%h, %mask : tensor<?x?x640xbf16>, tensor<?x?xi1>)
    outs(%concepts, %count#0 : tensor<?x?x640xbf16>, tensor<?xi32>)
  return %r#0, %r#1, %count#1 : tensor<?x?x640xbf16>, tensor<?xi32>, tensor<i32>
}

func.func @spread(%y: tensor<?x?x640xbf16>, %p: tensor<?x?xf32>, %mask: tensor<?x?xi1>, %out: tensor<?x?x640xbf16>,
    %state: tensor<?x640xf32>) -> (tensor<?x?x640xbf16>, tensor<?x640xf32>) {
  %r:2 = effattn.dechunk ins(%y, %p, %mask : tensor<?x?x640xbf16>, tensor<?x?xf32>, tensor<?x?xi1>)
    outs(%out, %state : tensor<?x?x640xbf16>, tensor<?x640xf32>)
  return %r#0, %r#1 : tensor<?x?x640xbf16>, tensor<?x640xf32>
}
