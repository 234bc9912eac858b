//===- RowsProduct.h - A small product of rows that lie anywhere ----------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_ROWSPRODUCT_H
#define EFFATTN_LIB_CODEGEN_CPU_ROWSPRODUCT_H

#include "VectorEmitter.h"

namespace mlir::effattn {

/// `rows` x `columns` sums of products, over `groups` of `depth` terms each:
/// a product within one task, whose factors are in caches, and whose results
/// someone else stores.
struct RowsProduct {
  Value rows, columns, groups, depth;
  /// One number.
  std::function<Value(Value row, Value group, Value k)> left;
  /// A vector of numbers.
  std::function<Value(Value group, Value k, Value column, Value mask)> right;
  /// May be called for the last row more than once.
  std::function<void(Value row, Value column, Value mask, Value sums)> store;
};

void emitRowsProduct(VectorEmitter &emitter, const RowsProduct &product);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_ROWSPRODUCT_H
