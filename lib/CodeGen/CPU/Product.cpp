//===- Product.cpp - Which way to multiply --------------------------------===//
#include "Product.h"

using namespace mlir;
using namespace mlir::effattn;

/// Rows up to which a product is bound by reading the right factor, and up to
/// which a left factor without contiguous rows is read where it lies.
static constexpr int64_t kFewRows = 8, kFewDots = 16, kScatteredRows = 64;
/// Second-level caches that a left factor may fill and still be read in place.
static constexpr int64_t kCachesOfLeft = 4;

void effattn::emitProduct(VectorEmitter &emitter, const Product &product) {
  VectorEmitter &e = emitter;
  auto hasUpTo = [&](int64_t rows) {
    return e.lessEqual(product.rows, e.index(rows));
  };
  auto emitPacked = [&] { emitPackedProduct(e, product); };
  auto emitMany = [&] {
    Value isDirect = hasUpTo(kScatteredRows);
    // A left factor that is much larger than a cache comes faster in order.
    if (product.left.rowsAreContiguous)
      isDirect = e.lessEqual(e.mul(product.rows, product.depth),
                             e.index(kCachesOfLeft * e.cpu.secondCache() / 4));
    e.choose(isDirect, [&] { emitDirectProduct(e, product); }, emitPacked);
  };
  if (product.right.rowsAreContiguous)
    return e.choose(
        hasUpTo(kFewRows), [&] { emitFewRowsProduct(e, product); }, emitMany);
  if (product.right.columnsAreContiguous && product.left.rowsAreContiguous)
    return e.choose(
        hasUpTo(kFewDots), [&] { emitDotProducts(e, product); }, emitPacked);
  emitPacked();
}
