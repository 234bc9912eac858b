//===- Product.cpp - Which way to multiply --------------------------------===//
#include "Product.h"

using namespace mlir;
using namespace mlir::effattn;

/// Rows up to which a product is bound by reading the right factor, and up to
/// which copying it ahead of its use would take longer than it saves.
static constexpr int64_t kFewRows = 8, kFewDots = 16, kSomeRows = 16;

void Product::overTasks(VectorEmitter &emitter, ValueRange counts,
                        function_ref<void(ValueRange task)> body) const {
  if (!batches)
    return emitter.parallel(counts, body);
  SmallVector<Value> all{batches};
  all.append(counts.begin(), counts.end());
  emitter.parallel(all, [&](ValueRange task) {
    enterBatch(task[0]);
    body(task.drop_front());
  });
}

void effattn::emitProduct(VectorEmitter &emitter, const Product &product) {
  VectorEmitter &e = emitter;
  auto hasUpTo = [&](int64_t rows) {
    return e.lessEqual(product.rows, e.index(rows));
  };
  auto emitPacked = [&] { emitPackedProduct(e, product); };
  auto emitMany = [&] {
    e.choose(
        hasUpTo(kSomeRows), [&] { emitDirectProduct(e, product); }, emitPacked);
  };
  if (product.right.rowsAreContiguous)
    return e.choose(
        hasUpTo(kFewRows), [&] { emitFewRowsProduct(e, product); }, emitMany);
  if (product.right.columnsAreContiguous && product.left.rowsAreContiguous)
    return e.choose(
        hasUpTo(kFewDots), [&] { emitDotProducts(e, product); }, emitPacked);
  emitPacked();
}
