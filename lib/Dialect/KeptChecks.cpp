//===- KeptChecks.cpp - Checks of ops that keep the k best ----------------===//
#include "KeptChecks.h"
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/Emit.h"

using namespace mlir;
using namespace mlir::effattn;

static int64_t lastDim(Value value) {
  return cast<ShapedType>(value.getType()).getRank() - 1;
}

static int64_t lastSize(Value value) {
  return cast<ShapedType>(value.getType()).getShape().back();
}

LogicalResult effattn::verifyKept(Operation *op, int64_t k) {
  if (k >= 0)
    return success();
  return op->emitOpError("expected k to be at least 0, but got ") << k;
}

LogicalResult effattn::verifyRoom(Operation *op, int64_t k,
                                  const KeptInits &inits) {
  for (auto [words, init] : {std::pair(inits.valuesSize, inits.values),
                             std::pair(inits.indicesSize, inits.indices)})
    if (int64_t size = lastSize(init); ShapedType::isStatic(size) && size != k)
      return op->emitOpError("expected ")
             << words << " (dim " << lastDim(init) << ") to equal k, but got "
             << size << " and " << k;
  return success();
}

void effattn::checkRoom(OpBuilder &builder, Location loc, int64_t k,
                        const KeptInits &inits) {
  if (ShapedType::isStatic(lastSize(inits.values)) ||
      ShapedType::isStatic(lastSize(inits.indices)))
    return;
  int64_t dim = lastDim(inits.values);
  Value size = emit::size(builder, loc, inits.values, dim);
  Value want = emit::index(builder, loc, k);
  CheckOp::create(builder, loc, emit::equal(builder, loc, size, want),
                  ("expected " + inits.valuesSize + " (dim " + Twine(dim) +
                   ") to equal k, but got {0} and {1}")
                      .str(),
                  ValueRange{size, want});
}

void effattn::checkKept(OpBuilder &builder, Location loc, int64_t k,
                        Value count, StringRef things) {
  Value kept = emit::index(builder, loc, k);
  CheckOp::create(builder, loc, emit::lessEqual(builder, loc, kept, count),
                  ("expected k to be at most the number of " + things +
                   ", but got {0} and {1}")
                      .str(),
                  ValueRange{kept, count});
}
