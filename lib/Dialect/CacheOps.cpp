//===- CacheOps.cpp - What caches must hold -------------------------------===//
#include "effattn/Dialect/CacheOps.h"
#include "CacheChecks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/CacheOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Checks of rows
//===----------------------------------------------------------------------===//

CacheChecks::CacheChecks(OpBuilder &builder, Location loc, Value keys,
                         Value length)
    : builder(builder), loc(loc), length(length),
      entries(emit::size(builder, loc, keys, 2)) {}

void CacheChecks::forEachRow(function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(builder, loc, index(0),
                                 emit::size(builder, loc, length, 0), index(1));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

Value CacheChecks::newTokens(Value row, Value lengths, Value k) {
  if (lengths)
    return emit::loadIndex(builder, loc, lengths, row);
  return emit::size(builder, loc, k, 2);
}

void CacheChecks::checkLength(Value row) {
  Value used = lengthOf(row);
  Value holds = emit::logicalAnd(builder, loc,
                                 emit::lessEqual(builder, loc, index(0), used),
                                 emit::lessEqual(builder, loc, used, entries));
  CheckOp::create(builder, loc, holds,
                  "expected length of row {0} to be between 0 and the cache "
                  "size {1}, but got {2}",
                  ValueRange{row, entries, used});
}

void CacheChecks::checkRoom(Value row, Value tokens) {
  Value used = lengthOf(row);
  Value sum = emit::add(builder, loc, used, tokens);
  CheckOp::create(builder, loc, emit::lessEqual(builder, loc, sum, entries),
                  "expected length + new tokens to be at most {0} (N), but got "
                  "{1} + {2} = {3} in row {4}",
                  ValueRange{entries, used, tokens, sum, row});
}

//===----------------------------------------------------------------------===//
// kv_cache_append
//===----------------------------------------------------------------------===//

LogicalResult KvCacheAppendOp::verify() {
  // C1: the new tokens of a ring do not replace each other.
  int64_t tokens = cast<ShapedType>(getK().getType()).getDimSize(2);
  int64_t entries = cast<ShapedType>(getKeys().getType()).getDimSize(2);
  if (!getRing() || ShapedType::isDynamic(tokens) ||
      ShapedType::isDynamic(entries) || tokens <= entries)
    return success();
  return emitOpError("expected k token count (dim 2) to be at most keys cache "
                     "size (dim 2) in a ring, but got ")
         << tokens << " and " << entries;
}

/// C1 where a size is dynamic.
static void checkRingSize(OpBuilder &builder, KvCacheAppendOp op) {
  auto isDynamic = [](Value operand) {
    return cast<ShapedType>(operand.getType()).isDynamicDim(2);
  };
  if (!isDynamic(op.getK()) && !isDynamic(op.getKeys()))
    return;
  Location loc = op.getLoc();
  Value tokens = emit::size(builder, loc, op.getK(), 2);
  Value entries = emit::size(builder, loc, op.getKeys(), 2);
  CheckOp::create(builder, loc, emit::lessEqual(builder, loc, tokens, entries),
                  "expected k token count (dim 2) to be at most keys cache "
                  "size (dim 2) in a ring, but got {0} and {1}",
                  ValueRange{tokens, entries});
}

/// C2 and C4 for one row of a ring.
static void checkCount(OpBuilder &builder, Location loc, Value row, Value used,
                       Value tokens, Type type) {
  Value zero = emit::index(builder, loc, 0);
  CheckOp::create(builder, loc, emit::lessEqual(builder, loc, zero, used),
                  "expected length of row {0} to be at least 0, but got {1}",
                  ValueRange{row, used});
  int64_t largest = type.isInteger(32) ? std::numeric_limits<int32_t>::max()
                                       : std::numeric_limits<int64_t>::max();
  Value limit = emit::index(builder, loc, largest);
  Value room = emit::sub(builder, loc, limit, used);
  CheckOp::create(builder, loc, emit::lessEqual(builder, loc, tokens, room),
                  "expected length + new tokens to be at most {0}, but got "
                  "{1} + {2} in row {3}",
                  ValueRange{limit, used, tokens, row});
}

void KvCacheAppendOp::emitPreconditions(OpBuilder &builder) {
  Location loc = getLoc();
  if (getRing())
    checkRingSize(builder, *this);
  CacheChecks checks(builder, loc, getKeys(), getLength());
  Type counter = cast<ShapedType>(getLength().getType()).getElementType();
  checks.forEachRow([&](Value row) {
    Value tokens = checks.newTokens(row, getLengths(), getK());
    // C2: there was no negative number of tokens, C4: and they can be counted.
    if (getRing())
      return checkCount(builder, loc, row, checks.lengthOf(row), tokens,
                        counter);
    checks.checkLength(row);
    // C3: the new tokens fit.
    checks.checkRoom(row, tokens);
  });
}
