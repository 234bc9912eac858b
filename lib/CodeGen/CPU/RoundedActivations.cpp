//===- RoundedActivations.cpp - Activations of 8 bits ---------------------===//
#include "RoundedActivations.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

static Value bitCast(VectorEmitter &e, Value vector, int64_t lanes,
                     Type element) {
  return vector::BitCastOp::create(e.builder, e.loc,
                                   VectorType::get(lanes, element), vector);
}

Value effattn::emitByteDots(VectorEmitter &e, Value sums, Value left,
                            Value right) {
  auto type = cast<VectorType>(sums.getType());
  int64_t lanes = type.getNumElements();
  auto name = e.builder.getStringAttr("llvm.x86.avx512.vpdpbusd." +
                                      std::to_string(lanes * 32));
  Type i8 = e.builder.getI8Type();
  Value operands[] = {sums, bitCast(e, left, lanes * 4, i8),
                      bitCast(e, right, lanes * 4, i8)};
  return LLVM::CallIntrinsicOp::create(e.builder, e.loc, type, name, operands)
      .getResult(0);
}

Value effattn::leastBytes(VectorEmitter &e, Value lhs, Value rhs) {
  auto integers = cast<VectorType>(lhs.getType());
  auto bytes =
      VectorType::get(integers.getNumElements() * 4, e.builder.getI8Type());
  auto toBytes = [&](Value vector) -> Value {
    return vector::BitCastOp::create(e.builder, e.loc, bytes, vector);
  };
  Value least =
      arith::MinUIOp::create(e.builder, e.loc, toBytes(lhs), toBytes(rhs));
  return vector::BitCastOp::create(e.builder, e.loc, integers, least);
}

Value effattn::splatInteger(VectorEmitter &e, int64_t lanes, int64_t number) {
  auto type = VectorType::get(lanes, e.builder.getI32Type());
  return arith::ConstantOp::create(
      e.builder, e.loc,
      DenseElementsAttr::get(type, static_cast<int32_t>(number)));
}

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

namespace {
/// The step of a group, in f64. No f32 that lies between two
/// multiples is moved to the other one by rounding in f64.
class GroupStep {
public:
  GroupStep(VectorEmitter &emitter, Value largest) : e(emitter) {
    Type f64 = e.builder.getF64Type();
    auto real = [&](double number) -> Value {
      return arith::ConstantOp::create(e.builder, e.loc,
                                       e.builder.getFloatAttr(f64, number));
    };
    auto compare = [&](arith::CmpFPredicate predicate, Value x, Value y) {
      return arith::CmpFOp::create(e.builder, e.loc, predicate, x, y);
    };
    Value wide = arith::ExtFOp::create(e.builder, e.loc, f64, largest);
    step = arith::DivFOp::create(e.builder, e.loc, wide, real(127.0));
    Value isZero = compare(arith::CmpFPredicate::OEQ, wide, real(0.0));
    divisor = emit::select(e.builder, e.loc, isZero, real(1.0), step);
    inverse = emit::toFloat(
        e.builder, e.loc,
        arith::DivFOp::create(e.builder, e.loc, real(127.0), wide),
        e.builder.getF32Type());
    isFinite = compare(arith::CmpFPredicate::OLT, wide,
                       real(std::numeric_limits<double>::infinity()));
  }

  /// How many steps each f32 lane is, as f64.
  Value countSteps(Value numbers) {
    auto lanes = cast<VectorType>(numbers.getType()).getNumElements();
    auto type = VectorType::get(lanes, e.builder.getF64Type());
    Value wide = arith::ExtFOp::create(e.builder, e.loc, type, numbers);
    Value all = vector::BroadcastOp::create(e.builder, e.loc, type, divisor);
    return math::RoundEvenOp::create(
        e.builder, e.loc, arith::DivFOp::create(e.builder, e.loc, wide, all));
  }

  Value step, divisor, isFinite;
  /// Steps in 1, as f32.
  Value inverse;

private:
  VectorEmitter &e;
};
} // namespace

static Value largerMagnitude(VectorEmitter &e, Value largest, Value numbers) {
  Value sizes = math::AbsFOp::create(e.builder, e.loc, numbers);
  return arith::MaximumFOp::create(e.builder, e.loc, largest, sizes);
}

static Value reduceLargest(VectorEmitter &e, Value largest) {
  return vector::ReductionOp::create(e.builder, e.loc,
                                     vector::CombiningKind::MAXIMUMF, largest);
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
    Value largest = e.loop(first, whole, e.lanes(), e.zeros(),
                           [&](Value column, ValueRange carried) {
                             return SmallVector<Value>{largerMagnitude(
                                 e, carried[0], load(column, {}))};
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
  SmallVector<Value> roundBlock(GroupStep &step, Value row, Value column,
                                ValueRange sums);
  Value placeOf(Value block);
  void store(Value lanes, Value memory, Value row, int64_t order, Value place);
  void storeStarts(Value lanes, Value row, Value group, int64_t order);

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

/// The steps that numbers are as i8. In f32 they may be off by 1e-4, which does
/// not matter but for numbers that are about as near to the next one.
Value IntegerRounding::roundNumbers(GroupStep &step, Value numbers) {
  auto bytes = VectorType::get(kByteBlock, i8);
  auto toBytes = [&](Value steps) -> SmallVector<Value> {
    auto wide = VectorType::get(kByteBlock, i32);
    Value codes = arith::FPToSIOp::create(e.builder, e.loc, wide, steps);
    return {arith::TruncIOp::create(e.builder, e.loc, bytes, codes)};
  };
  auto all = [&](Value number) -> Value {
    return vector::BroadcastOp::create(e.builder, e.loc, numbers.getType(),
                                       number);
  };
  Value steps = e.mulFloats(numbers, all(step.inverse));
  Value nearest = math::RoundEvenOp::create(e.builder, e.loc, steps);
  Value rest =
      math::AbsFOp::create(e.builder, e.loc, e.subFloats(steps, nearest));
  Value isClear =
      arith::CmpFOp::create(e.builder, e.loc, arith::CmpFPredicate::OLT, rest,
                            all(emit::f32(e.builder, e.loc, 0.4999)));
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

/// Returns the sums of the lanes of both orders, from those before.
SmallVector<Value> IntegerRounding::roundBlock(GroupStep &step, Value row,
                                               Value column, ValueRange sums) {
  Value codes = roundNumbers(step, loadBlock(row, column));
  SmallVector<int64_t> evenFirst;
  for (int64_t start : {0, 1})
    for (int64_t place = start; place < kByteBlock; place += 2)
      evenFirst.push_back(place);
  Value split =
      vector::ShuffleOp::create(e.builder, e.loc, codes, codes, evenFirst);
  Value places[] = {
      arith::DivUIOp::create(e.builder, e.loc, column, e.index(4)),
      placeOf(arith::DivUIOp::create(e.builder, e.loc, column,
                                     e.index(kByteBlock)))};
  SmallVector<Value> next;
  for (auto [order, bytes] : llvm::enumerate(ArrayRef<Value>{codes, split})) {
    Value four = bitCast(e, bytes, kBlockLanes, i32);
    store(four, result.codes, row, order, places[order]);
    int64_t shift = order == 0 ? 0x80808080 : 0x08080808;
    next.push_back(emitByteDots(e, sums[order],
                                splatInteger(e, kBlockLanes, shift), four));
  }
  return next;
}

/// Where the first lane of a block of 32 columns is in order 1. A wide block
/// has the even columns of both of its halves first.
Value IntegerRounding::placeOf(Value block) {
  Value two = e.index(2);
  Value half = arith::RemUIOp::create(e.builder, e.loc, block, two);
  Value whole = arith::DivUIOp::create(e.builder, e.loc, block, two);
  Value wide = e.add(e.mul(whole, kWideLanes), e.mul(half, kBlockLanes / 2));
  return e.select(result.isWide, wide, e.mul(block, kBlockLanes));
}

/// Stores the lanes of 32 columns; in order 1 of a wide block, those of the odd
/// columns are not behind those of the even ones.
void IntegerRounding::store(Value lanes, Value memory, Value row, int64_t order,
                            Value place) {
  auto write = [&](Value vector, Value at) {
    vector::StoreOp::create(e.builder, e.loc, vector, memory,
                            ValueRange{row, e.index(order), at});
  };
  if (order == 0)
    return write(lanes, place);
  for (int64_t half : {0, 1}) {
    SmallVector<int64_t> picked;
    for (int64_t lane = 0; lane < kBlockLanes / 2; ++lane)
      picked.push_back(half * kBlockLanes / 2 + lane);
    Value gap = e.select(result.isWide, e.index(kWideLanes / 2),
                         e.index(kBlockLanes / 2));
    write(vector::ShuffleOp::create(e.builder, e.loc, lanes, lanes, picked),
          half ? e.add(place, gap) : place);
  }
}

/// A group of its own in wide blocks has the lanes of one block; what is not
/// used of them is 0.
void IntegerRounding::storeStarts(Value lanes, Value row, Value group,
                                  int64_t order) {
  Value isAlone =
      emit::logicalAnd(e.builder, e.loc, result.isWide,
                       emit::logicalNot(e.builder, e.loc, result.isPair));
  Value place = order == 0 ? e.mul(group, kBlockLanes) : placeOf(group);
  Value whole = e.mul(group, kWideLanes);
  e.choose(isAlone, [&] {
    vector::StoreOp::create(e.builder, e.loc, splatInteger(e, kWideLanes, 0),
                            result.starts,
                            ValueRange{row, e.index(order), whole});
  });
  store(lanes, result.starts, row, order, e.select(isAlone, whole, place));
}

void IntegerRounding::roundGroup(Value row, Value group) {
  Value first = e.mul(group, groupWidth), end = e.add(first, groupWidth);
  auto type = VectorType::get(kByteBlock, e.builder.getF32Type());
  Value zeros =
      arith::ConstantOp::create(e.builder, e.loc, e.builder.getZeroAttr(type));
  Value largest = e.loop(
      first, end, kByteBlock, zeros, [&](Value column, ValueRange carried) {
        return SmallVector<Value>{
            largerMagnitude(e, carried[0], loadBlock(row, column))};
      })[0];
  GroupStep step(e, reduceLargest(e, largest));
  Value zero = splatInteger(e, kBlockLanes, 0);
  SmallVector<Value> sums =
      e.loop(first, end, kByteBlock, {zero, zero},
             [&](Value column, ValueRange carried) {
               return roundBlock(step, row, column, carried);
             });
  for (auto [order, sum] : llvm::enumerate(sums)) {
    Value start = arith::SubIOp::create(e.builder, e.loc, zero, sum);
    storeStarts(start, row, group, order);
    if (order == 0)
      memref::StoreOp::create(
          e.builder, e.loc,
          vector::ReductionOp::create(e.builder, e.loc,
                                      vector::CombiningKind::ADD, start)
              .getResult(),
          result.totals, ValueRange{row, group});
  }
  e.storeScalar(step.step, result.steps, {row, group});
}

IntegerActivations effattn::emitIntegerActivations(VectorEmitter &e,
                                                   const MatrixView &x,
                                                   Value rows, Value groups,
                                                   Value groupWidth) {
  Type i32 = e.builder.getI32Type();
  OpFoldResult orders = e.fixed(2);
  Value quarter = arith::DivUIOp::create(e.builder, e.loc,
                                         e.mul(groups, groupWidth), e.index(4));
  IntegerActivations made;
  made.rows = rows;
  made.isPair = made.isWide = emit::boolean(e.builder, e.loc, false);
  if (e.cpu.vectorBits >= 512) {
    auto isMultiple = [&](Value number, int64_t divisor) {
      return e.equal(
          arith::RemUIOp::create(e.builder, e.loc, number, e.index(divisor)),
          e.index(0));
    };
    made.isPair = emit::logicalAnd(e.builder, e.loc,
                                   e.equal(groupWidth, e.index(kByteBlock)),
                                   isMultiple(groups, 2));
    made.isWide = emit::logicalOr(e.builder, e.loc, made.isPair,
                                  isMultiple(groupWidth, kWideBlock));
  }
  made.codes = e.scratch({rows, orders, quarter}, i32);
  made.starts = e.scratch({rows, orders, e.mul(groups, kWideLanes)}, i32);
  made.totals = e.scratch({rows, groups}, i32);
  made.steps = e.scratch({rows, groups}, e.builder.getF32Type());
  IntegerRounding rounding(e, x, groupWidth, made);
  e.parallel(rows, [&](ValueRange row) {
    e.loop(e.index(0), groups, 1,
           [&](Value group) { rounding.roundGroup(row[0], group); });
  });
  return made;
}
