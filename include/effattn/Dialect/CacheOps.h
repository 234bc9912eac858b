//===- CacheOps.h - Keys and values that stay ----------------------------===//
#ifndef EFFATTN_DIALECT_CACHEOPS_H
#define EFFATTN_DIALECT_CACHEOPS_H

#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/HeadChecks.h"

#define GET_OP_CLASSES
#include "effattn/Dialect/CacheOps.h.inc"

namespace mlir::effattn {

/// The attributes that all ops on a separator cache have.
struct SeparatorLayout {
  int64_t initial, separators, window, capacity;
  CompactionTime when;

  template <typename Op> static SeparatorLayout of(Op op) {
    return {int64_t(op.getInitial()), int64_t(op.getSeparators()),
            int64_t(op.getWindow()), int64_t(op.getCapacity()), op.getWhen()};
  }

  bool operator==(const SeparatorLayout &other) const {
    return std::tie(initial, separators, window, capacity, when) ==
           std::tie(other.initial, other.separators, other.window,
                    other.capacity, other.when);
  }
  bool operator!=(const SeparatorLayout &other) const {
    return !(*this == other);
  }
};

} // namespace mlir::effattn

#endif // EFFATTN_DIALECT_CACHEOPS_H
