// RUN: effattn-opt %s | effattn-opt | FileCheck %s
// RUN: effattn-opt %s -canonicalize -cse | FileCheck %s --check-prefix=CLEAN

// CHECK-LABEL: @check
// CHECK-SAME:    %[[OK:[a-z0-9]+]]: i1, %[[SIZE:[a-z0-9]+]]: index, %[[ID:[a-z0-9]+]]: i32
// CHECK:         effattn.check %[[OK]], "expected an id"
// CHECK:         effattn.check %[[OK]], "expected {1} below {0}"(%[[SIZE]], %[[ID]] : index, i32)
func.func @check(%ok: i1, %size: index, %id: i32) {
  effattn.check %ok, "expected an id"
  effattn.check %ok, "expected {1} below {0}" (%size, %id : index, i32)
  return
}

// A check has an effect: the second one may not be merged with the first.
// CLEAN-LABEL: @checks_stay
// CLEAN-COUNT-2: effattn.check
// CLEAN-NOT:     effattn.check
func.func @checks_stay(%ok: i1) {
  effattn.check %ok, "expected an id"
  effattn.check %ok, "expected an id"
  return
}

// CLEAN-LABEL: @check_that_holds
// CLEAN-NOT:     effattn.check
// CLEAN-LABEL: @check_that_fails
// CLEAN:         effattn.check
func.func @check_that_holds() {
  %true = arith.constant true
  effattn.check %true, "expected the truth"
  return
}
func.func @check_that_fails() {
  %false = arith.constant false
  effattn.check %false, "expected the truth"
  return
}
