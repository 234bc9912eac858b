func.func @main() -> i64 {
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  %all = arith.constant true
  %r = scf.while (%i = %zero) : (i64) -> i64 {
    scf.condition(%all) %i : i64
  } do {
  ^bb0(%i: i64):
    %next = arith.addi %i, %one : i64
    scf.yield %next : i64
  }
  return %r : i64
}
