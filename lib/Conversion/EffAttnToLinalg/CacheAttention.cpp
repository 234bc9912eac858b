//===- CacheAttention.cpp - Attend from a slot of a cache -----------------===//
#include "CacheAttention.h"
#include "WideSum.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::effattn;

/// Values that are summed before their sum joins the others: long rows stay
/// accurate.
static constexpr int64_t kStep = 256;

SmallVector<Value> CacheBuffers::list() const {
  SmallVector<Value> present;
  for (Value buffer : {keys, values, query, scores, weighted, part})
    if (buffer)
      present.push_back(buffer);
  return present;
}

CacheBuffers CacheBuffers::with(ValueRange list) const {
  CacheBuffers next = *this;
  for (Value *buffer : {&next.keys, &next.values, &next.query, &next.scores,
                        &next.weighted, &next.part})
    if (*buffer) {
      *buffer = list.front();
      list = list.drop_front();
    }
  return next;
}

//===----------------------------------------------------------------------===//
// What tokens share
//===----------------------------------------------------------------------===//

void CacheAttention::prepare(Value count) {
  factor = emitScoreScale(builder, loc, scale, q);
  // At least one, so that a query in an empty cache can be turned.
  slots = emit::max(builder, loc, count, emit::index(builder, loc, 1));
  if (!rotates)
    return;
  rotary.emplace(builder, loc, layout, base, /*scaling=*/1.0,
                 columns.emit(builder, loc));
  std::tie(cosines, sines) = rotary->tables(slots);
}

CacheBuffers CacheAttention::allocate() {
  Type f32 = builder.getF32Type();
  auto isF32 = [&](Value tensor) {
    return cast<ShapedType>(tensor.getType()).getElementType() == f32;
  };
  OpFoldResult width = emitter.sizes(keys)[3];
  OpFoldResult valueWidth = emitter.sizes(values)[3];
  CacheBuffers buffers;
  if (rotates || !isF32(keys))
    buffers.keys = emitter.empty({slots, width}, f32);
  if (!isF32(values))
    buffers.values = emitter.empty({slots, valueWidth}, f32);
  if (rotates || !isF32(q))
    buffers.query = emitter.empty(width, f32);
  buffers.scores = emitter.empty(OpFoldResult(slots), f32);
  buffers.weighted = emitter.empty(valueWidth, f32);
  buffers.part = emitter.empty(valueWidth, f32);
  return buffers;
}

Value CacheAttention::headsPerGroup() {
  Value groups = emit::max(builder, loc, emit::size(builder, loc, keys, 1),
                           emit::index(builder, loc, 1));
  return arith::DivUIOp::create(builder, loc, emit::size(builder, loc, q, 1),
                                groups);
}

LinalgEmitter::Slice CacheAttention::sliceOf(Value out, const Place &place) {
  Value heads = headsPerGroup();
  SmallVector<OpFoldResult> sizes = emitter.sizes(out);
  Attribute start = builder.getIndexAttr(0), unit = builder.getIndexAttr(1);
  return {
      {place.row, emit::mul(builder, loc, place.group, heads), start, start},
      {unit, heads, sizes[2], sizes[3]}};
}

Value CacheAttention::headsOf(Value out, const Place &place) {
  LinalgEmitter::Slice slice = sliceOf(out, place);
  auto type = cast<RankedTensorType>(out.getType());
  SmallVector<int64_t> shape(type.getShape().drop_front());
  shape[0] = ShapedType::kDynamic;
  return tensor::ExtractSliceOp::create(
      builder, loc, RankedTensorType::get(shape, type.getElementType()), out,
      slice.offsets, slice.sizes,
      SmallVector<OpFoldResult>(4, builder.getIndexAttr(1)));
}

Value CacheAttention::turn(Value row, Value slot, Value out) {
  if (rotates)
    return rotary->rotate(row, emitter.rowOf(cosines, slot),
                          emitter.rowOf(sines, slot), out);
  return emitter.map(row, out, [&](OpBuilder &, Location, ValueRange elements) {
    return emitter.extend(elements[0]);
  });
}

CacheBuffers CacheAttention::refresh(Value keyLane, Value valueLane, Value low,
                                     Value high, const CacheBuffers &buffers) {
  auto refreshEntry = [&](Value slot, ValueRange carried) {
    CacheBuffers next = buffers.with(carried);
    if (next.keys) {
      Value ready = turn(emitter.rowOf(keyLane, slot), slot,
                         emitter.rowOf(next.keys, slot));
      next.keys = emitter.insertRow(ready, next.keys, slot);
    }
    if (next.values) {
      Value ready = emitter.map(
          emitter.rowOf(valueLane, slot), emitter.rowOf(next.values, slot),
          [&](OpBuilder &, Location, ValueRange elements) {
            return emitter.extend(elements[0]);
          });
      next.values = emitter.insertRow(ready, next.values, slot);
    }
    return next.list();
  };
  if (!buffers.keys && !buffers.values)
    return buffers;
  return buffers.with(emitter.loop(low, high, buffers.list(), refreshEntry));
}

//===----------------------------------------------------------------------===//
// One query
//===----------------------------------------------------------------------===//

std::pair<Value, Value> CacheAttention::score(Value visible, Value query,
                                              Value keyLane, Value scores) {
  auto contract = arith::FastMathFlags::contract;
  auto inAnyOrder = contract | arith::FastMathFlags::reassoc;
  Value width = emit::size(builder, loc, query, 0);
  auto scoreSlot = [&](Value slot, ValueRange carried) -> SmallVector<Value> {
    Value product = emitter.loop(
        zero, width, emit::f32(builder, loc, 0.0),
        [&](Value column, ValueRange sum) -> SmallVector<Value> {
          Value key =
              emit::load(builder, loc, keyLane, ValueRange{slot, column});
          Value term = arith::MulFOp::create(
              builder, loc, emit::load(builder, loc, query, column), key,
              contract);
          return {
              arith::AddFOp::create(builder, loc, sum[0], term, inAnyOrder)};
        })[0];
    Value scaled = arith::MulFOp::create(builder, loc, product, factor);
    return {emitter.insert(scaled, carried[0], slot),
            arith::MaximumFOp::create(builder, loc, carried[1], scaled)};
  };
  SmallVector<Value> scored = emitter.loop(
      zero, visible, {scores, emit::negativeInfinity(builder, loc)}, scoreSlot);
  return {scored[0], scored[1]};
}

std::pair<Value, Value> CacheAttention::weigh(Value visible, Value largest,
                                              Value scores) {
  Value sum =
      arith::ConstantOp::create(builder, loc, builder.getF64FloatAttr(0.0));
  auto weighSlot = [&](Value slot, ValueRange carried) -> SmallVector<Value> {
    Value distance = arith::SubFOp::create(
        builder, loc, emit::load(builder, loc, carried[0], slot), largest);
    Value weight = math::ExpOp::create(builder, loc, distance);
    return {emitter.insert(weight, carried[0], slot),
            arith::AddFOp::create(builder, loc, carried[1],
                                  toF64(builder, loc, weight))};
  };
  SmallVector<Value> weighed =
      emitter.loop(zero, visible, {scores, sum}, weighSlot);
  return {weighed[0],
          emit::toFloat(builder, loc, weighed[1], builder.getF32Type())};
}

std::pair<Value, Value> CacheAttention::combine(Value visible, Value weights,
                                                Value valueLane, Value weighted,
                                                Value part) {
  auto contract = arith::FastMathFlags::contract;
  Value none = emit::f32(builder, loc, 0.0);
  Value step = emit::index(builder, loc, kStep);
  auto addSlot = [&](Value slot, ValueRange carried) -> SmallVector<Value> {
    Value weight = emit::load(builder, loc, weights, slot);
    return {emitter.update(carried[0], [&](OpBuilder &, Location,
                                           ValueRange column, Value sum) {
      Value value =
          emit::load(builder, loc, valueLane, ValueRange{slot, column[0]});
      Value term = arith::MulFOp::create(builder, loc, weight, value, contract);
      return arith::AddFOp::create(builder, loc, sum, term, contract);
    })};
  };
  auto addStep = [&](Value number, ValueRange carried) -> SmallVector<Value> {
    Value first = emit::mul(builder, loc, number, step);
    Value end =
        emit::min(builder, loc, visible, emit::add(builder, loc, first, step));
    Value part =
        emitter.loop(first, end, emitter.fill(none, carried[1]), addSlot)[0];
    Value sum = emitter.map(
        part, carried[0], [&](OpBuilder &, Location, ValueRange elements) {
          return arith::AddFOp::create(builder, loc, elements[1], elements[0]);
        });
    return {sum, part};
  };
  Value steps = arith::CeilDivUIOp::create(builder, loc, visible, step);
  SmallVector<Value> sums =
      emitter.loop(zero, steps, {emitter.fill(none, weighted), part}, addStep);
  return {sums[0], sums[1]};
}

std::pair<Value, CacheBuffers>
CacheAttention::attend(const Place &place, Value token, Value slot,
                       Value keyLane, Value valueLane, Value out,
                       const CacheBuffers &buffers) {
  Value one = emit::index(builder, loc, 1);
  Value visible =
      emit::max(builder, loc, emit::add(builder, loc, slot, one), zero);
  Value turnedBy = emit::max(builder, loc, slot, zero);
  Value heads = emit::size(builder, loc, out, 0);
  Value firstHead = emit::mul(builder, loc, place.group, heads);
  Type element = cast<ShapedType>(out.getType()).getElementType();
  auto attendHead = [&](Value head, ValueRange carried) {
    CacheBuffers next = buffers.with(carried.drop_front());
    Value row = emitter.rowOf(
        q, {place.row, emit::add(builder, loc, firstHead, head), token});
    if (next.query)
      row = next.query = turn(row, turnedBy, next.query);
    Value largest, sum;
    std::tie(next.scores, largest) =
        score(visible, row, next.keys ? next.keys : keyLane, next.scores);
    // Where all scores are -inf, -inf - -inf would be NaN in place of weight 0.
    Value isEmpty =
        arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, largest,
                              emit::negativeInfinity(builder, loc));
    Value none = emit::f32(builder, loc, 0.0);
    std::tie(next.scores, sum) =
        weigh(visible, emit::select(builder, loc, isEmpty, none, largest),
              next.scores);
    std::tie(next.weighted, next.part) =
        combine(visible, next.scores, next.values ? next.values : valueLane,
                next.weighted, next.part);
    Value outRow = emitter.map(
        next.weighted, emitter.rowOf(carried[0], {head, token}),
        [&](OpBuilder &, Location, ValueRange elements) {
          Value mean = arith::DivFOp::create(builder, loc, elements[0], sum);
          return emit::toFloat(builder, loc,
                               emit::select(builder, loc, isEmpty, none, mean),
                               element);
        });
    SmallVector<Value> result{
        emitter.insertRow(outRow, carried[0], {head, token})};
    llvm::append_range(result, next.list());
    return result;
  };
  SmallVector<Value> carried{out};
  llvm::append_range(carried, buffers.list());
  carried = emitter.loop(zero, heads, carried, attendHead);
  return {carried[0], buffers.with(ValueRange(carried).drop_front())};
}

Value CacheAttention::clear(Value out, Value low, Value high) {
  Type element = cast<ShapedType>(out.getType()).getElementType();
  Value none = arith::ConstantOp::create(builder, loc,
                                         builder.getFloatAttr(element, 0.0));
  Value heads = emit::size(builder, loc, out, 0);
  return emitter.loop(low, high, out, [&](Value token, ValueRange outer) {
    return emitter.loop(
        zero, heads, outer, [&](Value head, ValueRange carried) {
          Value cleared =
              emitter.fill(none, emitter.rowOf(carried[0], {head, token}));
          return SmallVector<Value>{
              emitter.insertRow(cleared, carried[0], {head, token})};
        });
  })[0];
}
