//===- Product.cpp - Which way to multiply --------------------------------===//
#include "Product.h"

using namespace mlir;
using namespace mlir::effattn;

/// Rows up to which a product is bound by reading the right factor, and up to
/// which a left factor without contiguous rows is read where it lies.
static constexpr int64_t kFewRows = 8, kFewDots = 16, kScatteredRows = 64;

void effattn::emitProduct(VectorEmitter &emitter, const Product &product) {
  VectorEmitter &e = emitter;
  auto hasUpTo = [&](int64_t rows) {
    return e.lessEqual(product.rows, e.index(rows));
  };
  auto emitPacked = [&] { emitPackedProduct(e, product); };
  auto emitMany = [&] {
    if (product.left.rowsAreContiguous)
      return emitDirectProduct(e, product);
    e.choose(
        hasUpTo(kScatteredRows), [&] { emitDirectProduct(e, product); },
        emitPacked);
  };
  if (product.right.rowsAreContiguous)
    return e.choose(
        hasUpTo(kFewRows), [&] { emitFewRowsProduct(e, product); }, emitMany);
  if (product.right.columnsAreContiguous && product.left.rowsAreContiguous)
    return e.choose(
        hasUpTo(kFewDots), [&] { emitDotProducts(e, product); }, emitPacked);
  emitPacked();
}
