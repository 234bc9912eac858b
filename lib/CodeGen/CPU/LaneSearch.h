//===- LaneSearch.h - The best slots of several rows, a row a lane --------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_LANESEARCH_H
#define EFFATTN_LIB_CODEGEN_CPU_LANESEARCH_H

#include "DigitSoftmax.h"
#include "FoundSlots.h"

namespace mlir::effattn {

/// Finds the K best slots of rows as RowSearch does, but of as many rows at a
/// time as vectors have lanes. Every row has a lane: logits are transposed as
/// they are read, and lists are sorted by networks, which take the same steps
/// for every row.
///
/// A key is the bits of a number (f32, not negative) above 2^31 - 1 minus its
/// index, read as f64: keys are ordered as their numbers are, and of equal
/// numbers the one of the lowest index has the largest key. Where a number is
/// 0 its index has no meaning.
class LaneSearch {
public:
  /// Whether there are lanes for rows, and networks for K are not too long.
  static bool supports(VectorEmitter &e, int64_t kept) {
    return kept <= 32 && e.lanes() >= 4 && kSearchedRows % e.lanes() == 0;
  }

  /// Allocates what the search takes.
  LaneSearch(VectorEmitter &e, DigitSoftmax &softmax, FoundSlots &into);

  /// The indices of a row; past the last row there are those of some row.
  using Place = function_ref<SmallVector<Value>(Value)>;

  /// Searches `count` rows, at most kSearchedRows.
  void run(Value count, Place place);

private:
  /// Vectors that follow each other in `memory`; each holds one number of every
  /// row.
  struct List {
    int64_t first, size;
  };
  struct Pairs {
    List numbers, indices;
  };

  Value place(const List &list, Value number);
  Value load(const List &list, Value number);
  Value loadIntegers(const List &list, Value number);
  Value loadKeys(const List &list, Value number);
  void store(Value vector, const List &list, Value number);
  void fill(const List &list, Value vector);

  void runLanes(Value first, Place place);
  Value findLargest(Value digit);
  void readChunk(Value digit, Value first);
  void raiseChunk(Value largest);
  Value sumPowers();
  Value searchDigit(Value digit);
  void pairWithValues(int64_t prefix, int64_t to);
  void extend(Value digit);

  void clearBest();
  void addToBest(const List &numbers, Value first,
                 function_ref<Value(int64_t)> indexOf);
  void takeBest(const Pairs &into, Value divisor);
  void storeRows(const List &list, Value first, Value into);

  VectorEmitter &e;
  DigitSoftmax &softmax;
  FoundSlots &into;
  /// All vectors, in one piece: an allocation takes as long as the search of a
  /// row.
  Value memory;
  /// K, and the power of two that sorted lists are long.
  int64_t kept, width;
  /// Neighbouring values of the digit in work, and sums of its powers.
  List chunk, sums;
  /// Keys of the best so far: of the first two lanes of each four, and of the
  /// others.
  List best[2];
  /// The best values of the digit in work, the best prefixes so far, and what
  /// can be among the best of their pairs.
  Pairs values, prefixes, pairs;
  /// The indices of each row, and of those to be searched next, which are asked
  /// for as these are read.
  SmallVector<SmallVector<Value>> rows, nextRows;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_LANESEARCH_H
