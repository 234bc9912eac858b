// Caches of keys and values, and positions.

!entries = tensor<?x8x?x128xbf16>

func.func @append(%k: !entries, %v: !entries, %keys: !entries, %values: !entries, %length: tensor<?xi64>)
    -> (!entries, !entries, tensor<?xi64>) {
  %r:3 = effattn.kv_cache_append ins(%k, %v : !entries, !entries)
    outs(%keys, %values, %length : !entries, !entries, tensor<?xi64>)
  return %r#0, %r#1, %r#2 : !entries, !entries, tensor<?xi64>
}

func.func @note(%k: !entries, %v: !entries, %flags: tensor<?x?xi1>, %keys: !entries, %values: !entries,
    %kept: tensor<?x?xi1>, %length: tensor<?xi64>, %end: tensor<?xi64>)
    -> (!entries, !entries, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>) {
  %r:5 = effattn.separator_cache_append ins(%k, %v, %flags : !entries, !entries, tensor<?x?xi1>)
    outs(%keys, %values, %kept, %length, %end : !entries, !entries, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
    {initial = 4, separators = 64, window = 256, capacity = 400, when = #effattn.when<after_attention>}
  return %r#0, %r#1, %r#2, %r#3, %r#4 : !entries, !entries, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>
}

func.func @compact(%keys: !entries, %values: !entries, %kept: tensor<?x?xi1>, %length: tensor<?xi64>,
    %end: tensor<?xi64>) -> (!entries, !entries, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>) {
  %r:5 = effattn.separator_cache_compact
    outs(%keys, %values, %kept, %length, %end : !entries, !entries, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
    {initial = 4, separators = 64, window = 256, capacity = 400, when = #effattn.when<after_attention>}
  return %r#0, %r#1, %r#2, %r#3, %r#4 : !entries, !entries, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>
}

func.func @look(%q: tensor<?x8x1x128xbf16>, %keys: !entries, %values: !entries, %kept: tensor<?x?xi1>,
    %length: tensor<?xi64>, %end: tensor<?xi64>, %out: tensor<?x8x1x128xbf16>) -> tensor<?x8x1x128xbf16> {
  %r = effattn.cache_attention ins(%q, %keys, %values, %kept, %length, %end :
      tensor<?x8x1x128xbf16>, !entries, !entries, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
    outs(%out : tensor<?x8x1x128xbf16>)
  return %r : tensor<?x8x1x128xbf16>
}

func.func @stream(%k: !entries, %v: !entries, %flags: tensor<?x?xi1>, %q: !entries, %keys: !entries,
    %values: !entries, %kept: tensor<?x?xi1>, %length: tensor<?xi64>, %end: tensor<?xi64>, %out: !entries)
    -> (!entries, !entries, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>, !entries) {
  %r:6 = effattn.separator_cache_update ins(%k, %v, %flags : !entries, !entries, tensor<?x?xi1>) q(%q : !entries)
    outs(%keys, %values, %kept, %length, %end, %out :
      !entries, !entries, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>, !entries)
    {initial = 4, separators = 64, window = 256, capacity = 400, when = #effattn.when<after_attention>}
  return %r#0, %r#1, %r#2, %r#3, %r#4, %r#5 :
    !entries, !entries, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>, !entries
}

func.func @turn(%x: !entries, %positions: tensor<?x?xi64>, %out: !entries) -> !entries {
  %r = effattn.rotary_embedding ins(%x, %positions : !entries, tensor<?x?xi64>) outs(%out : !entries)
  return %r : !entries
}
