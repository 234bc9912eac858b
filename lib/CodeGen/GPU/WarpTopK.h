//===- WarpTopK.h - The best ranks that a warp has seen -------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_WARPTOPK_H
#define EFFATTN_LIB_CODEGEN_GPU_WARPTOPK_H

#include "KernelEmitter.h"
#include "effattn/Dialect/Ranks.h"

namespace mlir::effattn {

/// The best ranks, i64, in registers of a warp and in order: the best one in
/// lane 0 of the first register, the next in lane 1, and so on.
class WarpTopK {
public:
  /// More than these are found in several turns, each of which takes no rank
  /// that the turn before has found.
  static constexpr int64_t kMostInRegisters = 256;

  /// For the `kept` best, at most kMostInRegisters.
  WarpTopK(KernelEmitter &e, int64_t kept);

  /// Ranks that there is room for, a power of two.
  int64_t room() const { return registers * kWarpThreads; }
  /// A list without a rank.
  SmallVector<Value> none();
  /// The list, and in it those of the candidates, some of every lane, that are
  /// better than its last.
  SmallVector<Value> offer(ValueRange list, ArrayRef<Value> candidates);
  /// The best of two lists. The ranks of the other one stand in reverse, the
  /// worst in lane 0 of the first register.
  SmallVector<Value> merge(ValueRange list, ValueRange reversed);
  /// The last of the list that is kept.
  Value worst(ValueRange list);
  /// Calls `body` for the ranks of this lane with their places in the list;
  /// `places` limits them.
  void overList(ValueRange list, Value places,
                function_ref<void(Value place, Value rank)> body);

private:
  /// The lower or the upper one of this lane's value and that of the lane
  /// that differs in the bits of `mask`.
  Value exchange(Value value, int64_t mask, Value keepsLower);
  Value hasLaneBit(int64_t bit);
  /// Ascending from lane 0.
  Value sortLanes(Value value);
  /// Puts a list in order that goes down and up again.
  SmallVector<Value> sortBitonic(SmallVector<Value> list);
  Value isBetter(Value lhs, Value rhs);
  Value better(Value lhs, Value rhs);
  /// The list, and in it those of a candidate of every lane that are better
  /// than its last: all of them, or where there are any.
  SmallVector<Value> insert(ValueRange list, Value candidate);
  SmallVector<Value> offerOne(ValueRange list, Value candidate);

  KernelEmitter &e;
  int64_t kept, registers;
};

/// Hands candidates to a list, each through `unlessFound`, and gives it back.
using OfferRanks = function_ref<SmallVector<Value>(
    WarpTopK &, ValueRange list, function_ref<Value(Value rank)> unlessFound)>;

/// Finds the `kept` best ranks that `offer` hands out and calls `body` for
/// those of this lane, with their places. More than there is room for are found
/// in turns, which leave out what was found before.
void findBest(KernelEmitter &e, int64_t kept, OfferRanks offer,
              function_ref<void(Value place, Value rank)> body);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_WARPTOPK_H
