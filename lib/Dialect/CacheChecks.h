//===- CacheChecks.h - Run-time checks that cache ops share ---------------===//
#ifndef EFFATTN_LIB_DIALECT_CACHECHECKS_H
#define EFFATTN_LIB_DIALECT_CACHECHECKS_H

#include "effattn/Dialect/CacheOps.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::effattn {

/// Emits the checks of a cache's rows, each of which names its row. `length`
/// [B] says how many of a row's entries are in use.
class CacheChecks {
public:
  /// `keys` is [B, G, L, D].
  CacheChecks(OpBuilder &builder, Location loc, Value keys, Value length);

  void forEachRow(function_ref<void(Value row)> body);
  Value lengthOf(Value row) {
    return emit::loadIndex(builder, loc, length, row);
  }
  /// Tokens that a row takes of `k` [B, G, T, D]; `lengths` may be null.
  Value newTokens(Value row, Value lengths, Value k);

  /// length is in [0, L].
  void checkLength(Value row);
  /// `tokens` more fit; after checkLength.
  void checkRoom(Value row, Value tokens);

private:
  Value index(int64_t value) { return emit::index(builder, loc, value); }

  OpBuilder &builder;
  Location loc;
  Value length;
  Value entries;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_DIALECT_CACHECHECKS_H
