//===- RoundedActivations.cpp - Activations of 8 bits ---------------------===//
#include "RoundedActivations.h"
#include "../GroupStep.h"
#include "ByteDots.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

/// Magnitudes are compared by their bits, whose order is theirs, with NaN above
/// all: one instruction, where the maximum of floats takes four.
static Value largerMagnitude(VectorEmitter &e, Value largest, Value numbers) {
  auto type = cast<VectorType>(largest.getType());
  Value bits = vector::BitCastOp::create(e.builder, e.loc, type, numbers);
  Value signless = splatInteger(e, type.getNumElements(), 0x7fffffff);
  Value sizes = arith::AndIOp::create(e.builder, e.loc, bits, signless);
  return arith::MaxUIOp::create(e.builder, e.loc, largest, sizes);
}

static Value reduceLargest(VectorEmitter &e, Value largest) {
  Value bits = vector::ReductionOp::create(
      e.builder, e.loc, vector::CombiningKind::MAXUI, largest);
  return arith::BitcastOp::create(e.builder, e.loc, e.builder.getF32Type(),
                                  bits);
}

void effattn::emitRoundedActivations(VectorEmitter &e, const MatrixView &x,
                                     Value rows, Value groups, Value groupWidth,
                                     Value out) {
  auto roundGroup = [&](Value row, Value group) {
    Value first = e.mul(group, groupWidth), end = e.add(first, groupWidth);
    Value whole = e.add(first, e.roundDown(groupWidth, e.lanes()));
    Value mask = e.firstLanes(e.sub(end, whole));
    auto load = [&](Value column, Value mask) {
      return e.load(x.memory, x.at(row, column), mask);
    };
    Value none = splatInteger(e, e.lanes(), 0);
    Value largest = e.loop(
        first, whole, e.lanes(), none, [&](Value column, ValueRange carried) {
          return SmallVector<Value>{
              largerMagnitude(e, carried[0], load(column, {}))};
        })[0];
    largest = largerMagnitude(e, largest, load(whole, mask));
    GroupStep step(e, reduceLargest(e, largest));
    e.overColumns(first, end, [&](Value column, Value mask) {
      Value steps = step.countSteps(load(column, mask));
      Value all = vector::BroadcastOp::create(e.builder, e.loc, steps.getType(),
                                              step.step);
      Value rounded = arith::MulFOp::create(e.builder, e.loc, steps, all);
      rounded =
          arith::TruncFOp::create(e.builder, e.loc, e.vectorType(), rounded);
      e.store(rounded, out, {row, column}, mask);
    });
  };
  e.parallel(rows, [&](ValueRange row) {
    e.loop(e.index(0), groups, 1,
           [&](Value group) { roundGroup(row[0], group); });
  });
}

namespace {
/// Fills in IntegerActivations.
class IntegerRounding {
public:
  IntegerRounding(VectorEmitter &emitter, const MatrixView &x, Value groupWidth,
                  const IntegerActivations &result)
      : e(emitter), x(x), groupWidth(groupWidth), result(result),
        i8(emitter.builder.getI8Type()), i32(emitter.builder.getI32Type()) {}

  void roundGroup(Value row, Value group);

private:
  Value loadBlock(Value row, Value column);
  Value roundNumbers(GroupStep &step, Value numbers);
  Value roundBlock(GroupStep &step, Value row, Value column, Value sums);
  void storeHalves(Value codes, Value row, Value column);

  VectorEmitter &e;
  const MatrixView &x;
  Value groupWidth;
  const IntegerActivations &result;
  Type i8, i32;
};
} // namespace

Value IntegerRounding::loadBlock(Value row, Value column) {
  Type element = cast<MemRefType>(x.memory.getType()).getElementType();
  Value numbers = vector::LoadOp::create(e.builder, e.loc,
                                         VectorType::get(kByteBlock, element),
                                         x.memory, x.at(row, column));
  auto type = VectorType::get(kByteBlock, e.builder.getF32Type());
  if (numbers.getType() == type)
    return numbers;
  return arith::ExtFOp::create(e.builder, e.loc, type, numbers);
}

/// The steps that numbers are as i8.
Value IntegerRounding::roundNumbers(GroupStep &step, Value numbers) {
  auto bytes = VectorType::get(kByteBlock, i8);
  auto toBytes = [&](Value steps) -> SmallVector<Value> {
    auto wide = VectorType::get(kByteBlock, i32);
    Value codes = arith::FPToSIOp::create(e.builder, e.loc, wide, steps);
    return {arith::TruncIOp::create(e.builder, e.loc, bytes, codes)};
  };
  Value nearest, isClear;
  std::tie(nearest, isClear) = step.guessSteps(numbers);
  Value areClear = vector::ReductionOp::create(
      e.builder, e.loc, vector::CombiningKind::AND, isClear);
  return e.choose(
      areClear, bytes, [&] { return toBytes(nearest); },
      [&] {
        Value exact = step.countSteps(numbers);
        // A step that is not finite makes every result NaN; what it multiplies
        // only has to be a number.
        Value zero = arith::ConstantOp::create(
            e.builder, e.loc, e.builder.getZeroAttr(exact.getType()));
        return toBytes(e.select(step.isFinite, exact, zero));
      })[0];
}

/// Returns the sums of the starts of `codes`, from those before.
Value IntegerRounding::roundBlock(GroupStep &step, Value row, Value column,
                                  Value sums) {
  auto store = [&](Value integers, int64_t number, Value lane) {
    vector::StoreOp::create(e.builder, e.loc, integers, result.codes,
                            ValueRange{row, e.index(number), lane});
  };
  Value codes = roundNumbers(step, loadBlock(row, column));
  Value four = bitCast(e, codes, kBlockLanes, i32);
  Value zero = splatInteger(e, kBlockLanes, 0);
  Value start =
      emitPositiveDots(e, zero, splatInteger(e, kBlockLanes, 0x80808080), four);
  start = arith::SubIOp::create(e.builder, e.loc, zero, start);
  if (result.halves) {
    Value lane = e.quotient(column, 4);
    store(four, 0, lane);
    if (e.cpu.byteDots)
      store(start, 1, lane);
    storeHalves(codes, row, column);
  } else {
    Value lane = e.quotient(column, integersOfLane(e.cpu));
    for (auto [number, some] : llvm::enumerate(spreadBytes(e, codes)))
      store(some, 0, e.add(lane, number * kBlockLanes));
  }
  return arith::AddIOp::create(e.builder, e.loc, sums, start);
}

void IntegerRounding::storeHalves(Value codes, Value row, Value column) {
  auto store = [&](Value integers, int64_t number) {
    vector::StoreOp::create(
        e.builder, e.loc, integers, result.halves,
        ValueRange{row, e.index(number), e.quotient(column, 8)});
  };
  int64_t lanes = kBlockLanes / 2;
  Value zero = splatInteger(e, lanes, 0);
  Value sum = zero;
  for (int64_t number : {0, 1}) {
    SmallVector<int64_t> picked;
    for (int64_t at = number; at < kByteBlock; at += 2)
      picked.push_back(at);
    Value half =
        vector::ShuffleOp::create(e.builder, e.loc, codes, codes, picked);
    half = bitCast(e, half, lanes, i32);
    store(half, number);
    sum = emitPositiveDots(e, sum, splatInteger(e, lanes, 0x08080808), half);
  }
  store(arith::SubIOp::create(e.builder, e.loc, zero, sum), 2);
}

void IntegerRounding::roundGroup(Value row, Value group) {
  Value first = e.mul(group, groupWidth), end = e.add(first, groupWidth);
  Value none = splatInteger(e, kByteBlock, 0);
  Value largest = e.loop(
      first, end, kByteBlock, none, [&](Value column, ValueRange carried) {
        return SmallVector<Value>{
            largerMagnitude(e, carried[0], loadBlock(row, column))};
      })[0];
  GroupStep step(e, reduceLargest(e, largest));
  Value zero = splatInteger(e, kBlockLanes, 0);
  Value sums = e.loop(
      first, end, kByteBlock, zero, [&](Value column, ValueRange carried) {
        return SmallVector<Value>{roundBlock(step, row, column, carried[0])};
      })[0];
  Value total = vector::ReductionOp::create(e.builder, e.loc,
                                            vector::CombiningKind::ADD, sums);
  memref::StoreOp::create(e.builder, e.loc, total, result.totals,
                          ValueRange{row, group});
  e.storeScalar(step.step, result.steps, {row, group});
}

IntegerActivations
effattn::emitIntegerActivations(VectorEmitter &e, const MatrixView &x,
                                Value rows, Value groups, Value groupWidth,
                                std::optional<int64_t> tileRows) {
  Type i32 = e.builder.getI32Type();
  Value width = e.mul(groups, groupWidth);
  auto part = [&](int64_t divisor) -> Value {
    return e.quotient(width, divisor);
  };
  IntegerActivations made;
  made.rows = rows;
  Value room = rows;
  if (tileRows)
    room = e.mul(e.ceilDiv(rows, *tileRows), *tileRows);
  int64_t perLane = tileRows ? integersOfLane(e.cpu) : 4;
  bool hasStarts = !tileRows && e.cpu.byteDots;
  made.codes =
      e.scratch({room, e.fixed(hasStarts ? 2 : 1), part(perLane)}, i32);
  if (!tileRows)
    made.halves = e.scratch({room, e.fixed(3), part(8)}, i32);
  made.totals = e.scratch({room, groups}, i32);
  made.steps = e.scratch({room, groups}, e.builder.getF32Type());
  IntegerRounding rounding(e, x, groupWidth, made);
  auto roundRow = [&](Value row) {
    e.loop(e.index(0), groups, 1,
           [&](Value group) { rounding.roundGroup(row, group); });
  };
  // To round a few rows takes less time than to start threads.
  if (tileRows)
    e.parallel(rows, [&](ValueRange row) { roundRow(row[0]); });
  else
    e.loop(e.index(0), rows, 1, roundRow);
  return made;
}
