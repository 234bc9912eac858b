//===- RowSearch.h - The best slots, a row at a time ----------------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_ROWSEARCH_H
#define EFFATTN_LIB_CODEGEN_CPU_ROWSEARCH_H

#include "DigitSoftmax.h"
#include "FoundSlots.h"
#include "PairSort.h"

namespace mlir::effattn {

/// Finds the K best slots of rows, K >= 1, digit by digit: of the K best
/// values of a digit and the K best prefixes, in order, value j and prefix i
/// can only be among the best together where (i + 1)(j + 1) <= K. A vector
/// holds numbers of one row.
class RowSearch {
public:
  /// Allocates what the search takes.
  RowSearch(VectorEmitter &e, DigitSoftmax &softmax, FoundSlots &into);

  /// The indices of a row.
  using Place = function_ref<SmallVector<Value>(Value)>;

  /// Searches `count` rows, at most kSearchedRows.
  void run(Value count, Place place);

private:
  bool usesBound() const { return kept <= 64; }
  /// Groups of values of which each has one that is the largest.
  int64_t groupVectors() const {
    return usesBound() ? llvm::divideCeil(2 * kept, e.lanes()) : 1;
  }

  /// A step for all rows; `row` says which is in work.
  void overRows(function_ref<void()> step);
  Value get(Value numbers);
  void set(Value number, Value numbers);

  void gatherValues(ValueRange place, Value digit);
  Value boundOfGroups();
  Value gather(Value bound);
  Value gatherByScalars(Value bound);
  void gatherProducts(Value count);
  Value boundOfProducts();
  void takeSorted(const PairList &list, Value count, Value divisor);
  void begin();

  VectorEmitter &e;
  DigitSoftmax &softmax;
  int64_t kept;
  PairSort sort;
  /// Those of the digit in work.
  Value powers;
  /// For each row: the best values of the digit in work, and the best prefixes
  /// so far.
  PairList values, prefixes;
  /// For each row: the pairs that wait to be sorted, the sum of the digit's
  /// powers, and the sum of these sums, which is NaN where one of them is.
  Value found, sums, allSums;
  /// K / (i + 1) for every prefix i.
  Value limits;
  Value row, rows;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_ROWSEARCH_H
