//===- CacheLowering.cpp - What the lowerings of cache ops share ----------===//
#include "CacheLowering.h"

using namespace mlir;
using namespace mlir::effattn;

/// `place` followed by `more`.
static SmallVector<Value> join(ValueRange place, ValueRange more) {
  SmallVector<Value> joined(place);
  llvm::append_range(joined, more);
  return joined;
}

Value LaneEmitter::writeEntry(Value lane, Value entry,
                              function_ref<Value(ValueRange, Value)> element) {
  if (cast<ShapedType>(lane.getType()).getRank() == 1)
    return emitter.insert(element(ValueRange(), lane), lane, entry);
  auto writeColumn = [&](Value column,
                         ValueRange carried) -> SmallVector<Value> {
    return {emitter.insert(element(column, carried[0]), carried[0],
                           ValueRange{entry, column})};
  };
  return emitter.loop(index(0), emit::size(builder, loc, lane, 1), lane,
                      writeColumn)[0];
}

Value LaneEmitter::copyEntry(Value lane, Value entry, Value source,
                             ValueRange place) {
  Type type = cast<ShapedType>(lane.getType()).getElementType();
  return writeEntry(lane, entry, [&](ValueRange column, Value) {
    Value value = emit::load(builder, loc, source, join(place, column));
    return isa<FloatType>(type) ? emit::toFloat(builder, loc, value, type)
                                : value;
  });
}

Value LaneEmitter::moveEntry(Value lane, Value from, Value to) {
  return writeEntry(lane, to, [&](ValueRange column, Value current) {
    return emit::load(builder, loc, current, join(from, column));
  });
}

Value LaneEmitter::moveEntries(Value lane, Value low, Value high,
                               Value distance) {
  return emitter.loop(
      low, high, lane,
      [&](Value entry, ValueRange carried) -> SmallVector<Value> {
        return {moveEntry(carried[0], entry,
                          emit::sub(builder, loc, entry, distance))};
      })[0];
}

Value LaneEmitter::loadNumber(Value tensor) {
  return emit::loadIndex(builder, loc, tensor, ValueRange());
}

Value LaneEmitter::storeNumber(Value number, Value tensor) {
  Type type = cast<ShapedType>(tensor.getType()).getElementType();
  return emitter.insert(emit::fromIndex(builder, loc, number, type), tensor,
                        ValueRange());
}
