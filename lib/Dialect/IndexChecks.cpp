//===- IndexChecks.cpp - Checks of integers that name rows ----------------===//
#include "IndexChecks.h"
#include "effattn/Dialect/EffAttn.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::effattn;

void effattn::forEachIndex(OpBuilder &builder, Location loc, Value indices,
                           function_ref<void(Value, ValueRange)> body) {
  int64_t rank = cast<ShapedType>(indices.getType()).getRank();
  SmallVector<Value> low(rank, emit::index(builder, loc, 0));
  SmallVector<Value> step(rank, emit::index(builder, loc, 1));
  SmallVector<Value> high;
  for (int64_t dim = 0; dim < rank; ++dim)
    high.push_back(emit::size(builder, loc, indices, dim));
  scf::buildLoopNest(builder, loc, low, high, step,
                     [&](OpBuilder &, Location, ValueRange place) {
                       body(emit::loadIndex(builder, loc, indices, place),
                            place);
                     });
}

void effattn::checkIndex(OpBuilder &builder, Location loc, const Twine &name,
                         Value index, ValueRange place, Value limit,
                         const Twine &limited) {
  Value holds = emit::logicalAnd(
      builder, loc,
      emit::lessEqual(builder, loc, emit::index(builder, loc, 0), index),
      emit::lessThan(builder, loc, index, limit));
  std::string message = ("expected " + name + " to lie in [0, {0})" + limited +
                         ", but got {1} at [")
                            .str();
  SmallVector<Value> found{limit, index};
  for (Value at : place) {
    message +=
        (found.size() > 2 ? ", {" : "{") + std::to_string(found.size()) + "}";
    found.push_back(at);
  }
  CheckOp::create(builder, loc, holds, message + "]", found);
}

void effattn::checkIds(OpBuilder &builder, Location loc, Value ids, Value limit,
                       function_ref<void(Value)> body) {
  forEachIndex(builder, loc, ids, [&](Value id, ValueRange place) {
    checkIndex(builder, loc, "ids", id, place, limit);
    if (body)
      body(id);
  });
}
