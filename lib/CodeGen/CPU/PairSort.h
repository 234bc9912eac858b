//===- PairSort.h - Put numbers and their indices in order ----------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_PAIRSORT_H
#define EFFATTN_LIB_CODEGEN_CPU_PAIRSORT_H

#include "VectorEmitter.h"

namespace mlir::effattn {

/// Numbers (f32, not negative, not NaN) and their indices (i32, not negative).
struct PairList {
  Value numbers, indices;
};

/// Sorts lists of pairs: larger numbers first, equal ones by index.
///
/// Vectors that read what stores of another size have just written wait for
/// these to end. Whoever sorts many lists does a step for all of them before
/// the next, so that they wait together.
class PairSort {
public:
  /// Allocates what it takes to sort `lists` of up to `capacity` pairs each.
  PairSort(VectorEmitter &e, int64_t lists, Value capacity);

  /// Which list the methods below are about.
  void select(Value number) { list = number; }

  void put(Value number, Value index, Value place);
  /// Appends the pairs that `kept`, i1 lanes, chooses to the `count` that are
  /// in the list, and returns how many there are then.
  Value append(Value count, Value numbers, Value indices, Value kept);
  /// The same where lanes are kept from the first one on, without a gap.
  Value appendFirst(Value count, Value numbers, Value indices, Value kept);
  /// Puts the first `count` pairs in order; equal numbers may keep the order
  /// of their coming.
  void sort(Value count);
  /// The same, and equal numbers are in the order of their indices. Slower.
  void sortByHeap(Value count);
  /// Puts equal numbers that are sorted in the order of their indices.
  void orderEqual(Value count);
  /// The sorted numbers and indices from place `first` on; past `count` they
  /// are 0.
  std::pair<Value, Value> load(Value first, Value count);
  /// The index of a sorted pair.
  Value loadIndex(Value place);

private:
  Value rank(Value place, Value count, int64_t lanes);
  void sortByRank(Value count);
  void moveDown(Value place);
  void sink(Value hole, Value count, Value key);
  Value makeKey(Value place);

  VectorEmitter &e;
  /// In the order of their coming, and sorted.
  PairList pairs, sorted;
  /// i32: ones, and as many zeros.
  Value ones;
  /// i64, for the heap: the bits of a number, which are ordered like it, above
  /// 2^31 - 1 minus the index.
  Value keys;
  Value list;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_PAIRSORT_H
