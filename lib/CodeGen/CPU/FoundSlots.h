//===- FoundSlots.h - What a search for the best slots has found ----------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_FOUNDSLOTS_H
#define EFFATTN_LIB_CODEGEN_CPU_FOUNDSLOTS_H

#include "PairSort.h"

namespace mlir::effattn {

/// Rows that are searched at a time.
inline constexpr int64_t kSearchedRows = 16;

/// The K best slots of some rows. A search fills the lists; what a row with a
/// NaN or with fewer slots above 0 has in the places of a list that have no
/// number above 0 is decided here.
class FoundSlots {
public:
  /// Allocates room for kSearchedRows rows.
  FoundSlots(VectorEmitter &e, int64_t kept);

  /// As many as whole vectors hold, K or a little more.
  static int64_t listSize(VectorEmitter &e, int64_t kept) {
    return llvm::alignTo(kept, e.lanes());
  }
  /// Lists of K pairs for every row.
  static PairList makeList(VectorEmitter &e, int64_t kept);

  /// Writes the first `count` rows to where `place` says.
  void store(Value count, function_ref<SmallVector<Value>(Value)> place,
             Value values, Value indices, bool normalize);

  const int64_t kept;
  /// The numbers descend, and past those above 0 they are 0.
  PairList slots;
  /// For each row a number that is NaN where one of its probabilities is.
  Value sums;

private:
  void placeZeros();
  void placeNaNs();
  void storeRow(ValueRange place, Value values, Value indices, bool normalize);

  VectorEmitter &e;
  Value row;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_FOUNDSLOTS_H
