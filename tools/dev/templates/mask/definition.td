def @PREFIX@_@CLASS@Op : EffAttn_MaskOp<"@NAME@", ["emitSupport"]@BASE_ARGUMENTS@> {
  let summary = "keep keys up to a number of positions from the query, on either side";
  let description = [{
    `keep(q, k) = [q - reach <= k <= q + reach]`

    The query itself is kept whatever the reach; `reach = 0` keeps nothing else.

    Cost: a query visits `2 reach + 1` keys at most.

    Constraint C1: reach is at least 0 and below 2^31.

    ```mlir
    func.func @example(%keep: tensor<1x1x6x6xi1>) -> tensor<1x1x6x6xi1> {
      %0 = effattn.materialize_mask outs(%keep : tensor<1x1x6x6xi1>) mask {
        %mask = @DIALECT@.@NAME@ {reach = 1}
        effattn.yield %mask : !effattn.mask
      }
      return %0 : tensor<1x1x6x6xi1>
    }
    ```
    Source: none, this is where a mask of its own begins.
  }];
  let arguments = (ins I64Attr:$reach);
  let assemblyFormat = "attr-dict";
  let hasVerifier = 1;
}
