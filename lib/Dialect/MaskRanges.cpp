//===- MaskRanges.cpp - Ranges of keys that masks answer with -------------===//
#include "MaskRanges.h"
#include "effattn/Dialect/Emit.h"

using namespace mlir;
using namespace mlir::effattn;

KeyRange effattn::intersect(OpBuilder &builder, Location loc, const KeyRange &a,
                            const KeyRange &b) {
  return {emit::max(builder, loc, a.low, b.low),
          emit::min(builder, loc, a.high, b.high)};
}

KeyRange effattn::span(OpBuilder &builder, Location loc, const KeyRange &a,
                       const KeyRange &b) {
  return {emit::min(builder, loc, a.low, b.low),
          emit::max(builder, loc, a.high, b.high)};
}

MaskSupport MaskSupport::everything(OpBuilder &builder, Location loc) {
  KeyRange all{emit::index(builder, loc, -kFar),
               emit::index(builder, loc, kFar)};
  return {all, all};
}

KeyRange effattn::emptyRange(OpBuilder &builder, Location loc) {
  return {emit::index(builder, loc, kFar), emit::index(builder, loc, -kFar)};
}

MaskCore MaskCore::nothing(OpBuilder &builder, Location loc) {
  KeyRange none = emptyRange(builder, loc);
  return {none, none};
}

MaskCore effattn::bandOnly(OpBuilder &builder, Location loc, KeyRange band) {
  return {band, emptyRange(builder, loc)};
}

Value effattn::distance(OpBuilder &builder, Location loc, int64_t count) {
  return emit::index(builder, loc, std::min(count, kFar));
}

Value effattn::windowStart(OpBuilder &builder, Location loc, int64_t size,
                           Value query) {
  return emit::sub(builder, loc, query, distance(builder, loc, size - 1));
}
