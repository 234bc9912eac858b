// RUN: effattn-opt %s -split-input-file -verify-diagnostics

func.func @check_c1_more_placeholders_than_arguments(%ok: i1, %n: index) {
  // expected-error @below {{'effattn.check' op expected placeholders {0} to {n-1} for n = 1 arguments, but got 'expected {0} or {1}'}}
  effattn.check %ok, "expected {0} or {1}" (%n : index)
  return
}

// -----

func.func @check_c1_placeholder_without_number(%ok: i1, %n: index) {
  // expected-error @below {{'effattn.check' op expected placeholders {0} to {n-1} for n = 1 arguments, but got 'expected {}'}}
  effattn.check %ok, "expected {}" (%n : index)
  return
}

// -----

func.func @check_of_float(%ok: i1, %x: f32) {
  // expected-error @below {{'effattn.check' op operand #1 must be variadic of signless integer or index, but got 'f32'}}
  effattn.check %ok, "expected {0}" (%x : f32)
  return
}

// -----

func.func @yield_c1_at_the_end_of_a_function(%value: i1) {
  // expected-error @below {{'effattn.yield' op expected to end a mask region or a score region of an op such as effattn.attention}}
  effattn.yield %value : i1
}
