// Calls into libm, conversions of half and bfloat, parallel loops, allocations,
// integer division.
#row = affine_map<(i) -> (i)>
func.func @every(%half: tensor<?xf16>, %brain: tensor<?xbf16>, %wide: tensor<?xf64>)
    -> (tensor<?xf16>, tensor<?xbf16>, tensor<?xf64>) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %half, %c0 : tensor<?xf16>
  %half_out = tensor.empty(%n) : tensor<?xf16>
  %brain_out = tensor.empty(%n) : tensor<?xbf16>
  %wide_out = tensor.empty(%n) : tensor<?xf64>
  %results:3 = linalg.generic {
      indexing_maps = [#row, #row, #row, #row, #row, #row],
      iterator_types = ["parallel"]}
      ins(%half, %brain, %wide : tensor<?xf16>, tensor<?xbf16>, tensor<?xf64>)
      outs(%half_out, %brain_out, %wide_out : tensor<?xf16>, tensor<?xbf16>, tensor<?xf64>) {
  ^bb0(%h: f16, %b: bf16, %w: f64, %h_old: f16, %b_old: bf16, %w_old: f64):
    %h_wide = arith.extf %h : f16 to f32
    %b_wide = arith.extf %b : bf16 to f32
    %exponential = math.exp %h_wide : f32
    %power = math.powf %exponential, %b_wide : f32
    %tangent = math.tanh %power : f32
    %error = math.erf %tangent : f32
    %logarithm = math.log1p %w : f64
    %floor = math.floor %logarithm : f64
    %remainder = arith.remf %floor, %w : f64
    %h_new = arith.truncf %error : f32 to f16
    %b_new = arith.truncf %remainder : f64 to bf16
    linalg.yield %h_new, %b_new, %remainder : f16, bf16, f64
  } -> (tensor<?xf16>, tensor<?xbf16>, tensor<?xf64>)
  return %results#0, %results#1, %results#2 : tensor<?xf16>, tensor<?xbf16>, tensor<?xf64>
}
