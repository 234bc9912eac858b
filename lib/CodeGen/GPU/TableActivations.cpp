//===- TableActivations.cpp - What a quantised table is multiplied by -----===//
#include "TableActivations.h"
#include "../GroupStep.h"
#include "TableCodes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

/// Columns of a lane: two words of bytes.
static constexpr int64_t kColumns = 8;

static Value allocate(LoopEmitter &e, Value rows, Value columns, Type element) {
  int64_t any = ShapedType::kDynamic;
  return memref::AllocOp::create(e.builder, e.loc,
                                 MemRefType::get({any, any}, element),
                                 ValueRange{rows, columns});
}

void TableActivations::free(LoopEmitter &e) const {
  memref::DeallocOp::create(e.builder, e.loc, numbers);
  if (steps)
    memref::DeallocOp::create(e.builder, e.loc, steps);
}

//===----------------------------------------------------------------------===//
// In another order
//===----------------------------------------------------------------------===//

Value effattn::arrangedPlace(KernelEmitter &e, Value column) {
  Value inChunk = e.remainder(column, TableCodes::kChunk);
  Value chunk = e.quotient(column, TableCodes::kChunk);
  Value slab = e.mul(e.quotient(chunk, kWarpThreads), kSlab);
  Value lane = e.remainder(chunk, kWarpThreads);
  // The word of the even columns, or that of the odd ones behind it.
  Value word =
      e.add(e.mul(e.quotient(inChunk, kColumns), 2), e.remainder(inChunk, 2));
  Value byte = e.quotient(e.remainder(inChunk, kColumns), 2);
  return e.add(slab, e.add(e.mul(word, kRead), e.add(e.mul(lane, 4), byte)));
}

TableActivations effattn::emitArranged(LoopEmitter &e, const Factor &x,
                                       Value rows, const TableParts &table) {
  Value room = e.mul(e.ceilDiv(table.width, kSlab), kSlab);
  Value numbers = allocate(e, rows, room, e.builder.getF32Type());
  KernelEmitter::launchWarps(
      e.builder, e.loc, "quantized_matmul_arrange",
      {rows, e.ceilDiv(table.width, kWarpThreads)},
      [&](KernelEmitter &kernel, ArrayRef<Value> part) {
        Value column =
            kernel.add(kernel.mul(part[1], kWarpThreads), kernel.lane());
        kernel.choose(kernel.lessThan(column, table.width), [&] {
          Value number = kernel.loadFloat(x.memory, x.at(part[0], column));
          kernel.storeFloat(number, numbers,
                            {part[0], arrangedPlace(kernel, column)});
        });
      });
  return {rows, numbers, /*steps=*/nullptr};
}

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

namespace {
/// What a warp does with a group of a row.
class GroupRounding {
public:
  GroupRounding(KernelEmitter &emitter, const Factor &x,
                const TableParts &table, Value row, Value group)
      : e(emitter), x(x), row(row), first(e.mul(group, table.groupWidth)),
        end(e.add(first, table.groupWidth)), step(e, findLargest()) {}

  void writeBytes(Value numbers);
  void writeNumbers(Value numbers);
  Value stepAsFloat() {
    return emit::toFloat(e.builder, e.loc, step.step, e.builder.getF32Type());
  }

private:
  Value load(Value column) { return e.loadFloat(x.memory, x.at(row, column)); }
  /// NaN where any number is.
  Value findLargest();
  /// In the type of the step.
  Value countSteps(Value number);
  Value toByte(Value number);

  KernelEmitter &e;
  const Factor &x;
  Value row, first, end;
  GroupStep step;
};
} // namespace

Value GroupRounding::findLargest() {
  auto larger = [&](Value lhs, Value rhs) -> Value {
    return arith::MaximumFOp::create(e.builder, e.loc, lhs, rhs);
  };
  Value largest =
      e.loop(e.add(first, e.lane()), end, kWarpThreads,
             emit::f32(e.builder, e.loc, 0),
             [&](Value column, ValueRange before) -> SmallVector<Value> {
               Value size =
                   math::AbsFOp::create(e.builder, e.loc, load(column));
               return {larger(before[0], size)};
             })
          .front();
  return e.reduceWarp(largest, larger);
}

Value GroupRounding::countSteps(Value number) {
  auto [nearest, isClear] = step.guessSteps(number);
  Value guess = nearest;
  return e
      .choose(
          isClear, TypeRange(e.builder.getF64Type()),
          [&]() -> SmallVector<Value> {
            return {
                emit::toFloat(e.builder, e.loc, guess, e.builder.getF64Type())};
          },
          [&]() -> SmallVector<Value> { return {step.countSteps(number)}; })
      .front();
}

void GroupRounding::writeNumbers(Value numbers) {
  e.loop(e.add(first, e.lane()), end, kWarpThreads, [&](Value column) {
    Value rounded = e.mulFloats(countSteps(load(column)), step.step);
    e.storeFloat(rounded, numbers, {row, column});
  });
}

/// The lowest 8 bits of an i32. A step that is not finite makes every result
/// NaN; what it multiplies only has to be a number.
Value GroupRounding::toByte(Value number) {
  Value steps = countSteps(number);
  Value zero = arith::ConstantOp::create(
      e.builder, e.loc, e.builder.getZeroAttr(steps.getType()));
  Type i32 = e.builder.getI32Type();
  Value code = arith::FPToSIOp::create(e.builder, e.loc, i32,
                                       e.select(step.isFinite, steps, zero));
  return arith::AndIOp::create(
      e.builder, e.loc, code,
      arith::ConstantIntOp::create(e.builder, e.loc, 255, 32));
}

void GroupRounding::writeBytes(Value numbers) {
  Type i32 = e.builder.getI32Type();
  Value lane = e.mul(e.lane(), kColumns);
  e.loop(e.add(first, lane), end, kWarpThreads * kColumns, [&](Value column) {
    Value words[2];
    for (int64_t i = 0; i < kColumns; ++i) {
      Value byte = toByte(load(e.add(column, i)));
      Value &word = words[i % 2];
      if (i < 2) {
        word = byte;
        continue;
      }
      Value bits =
          arith::ConstantIntOp::create(e.builder, e.loc, i / 2 * 8, 32);
      byte = arith::ShLIOp::create(e.builder, e.loc, byte, bits);
      word = arith::OrIOp::create(e.builder, e.loc, word, byte);
    }
    Value both = vector::FromElementsOp::create(e.builder, e.loc,
                                                VectorType::get(2, i32), words);
    both = vector::BitCastOp::create(
        e.builder, e.loc, VectorType::get(4, e.builder.getI16Type()), both);
    vector::StoreOp::create(e.builder, e.loc, both, numbers,
                            ValueRange{row, e.quotient(column, 2)},
                            /*nontemporal=*/false, llvm::MaybeAlign(kColumns));
  });
}

/// A warp a group of a row.
static void launchRounding(
    LoopEmitter &e, const Factor &x, Value rows, const TableParts &table,
    function_ref<void(KernelEmitter &, GroupRounding &, ArrayRef<Value>)>
        body) {
  KernelEmitter::launchWarps(
      e.builder, e.loc, "quantized_matmul_round", {rows, table.groups},
      [&](KernelEmitter &kernel, ArrayRef<Value> part) {
        GroupRounding rounding(kernel, x, table, part[0], part[1]);
        body(kernel, rounding, part);
      });
}

TableActivations effattn::emitBytes(LoopEmitter &e, const Factor &x, Value rows,
                                    const TableParts &table) {
  TableActivations made{
      rows,
      allocate(e, rows, e.quotient(table.width, 2), e.builder.getI16Type()),
      allocate(e, rows, table.groups, e.builder.getF32Type())};
  launchRounding(e, x, rows, table,
                 [&](KernelEmitter &kernel, GroupRounding &rounding,
                     ArrayRef<Value> part) {
                   rounding.writeBytes(made.numbers);
                   Value step = rounding.stepAsFloat();
                   kernel.choose(
                       kernel.equal(kernel.lane(), kernel.index(0)),
                       [&] { kernel.storeFloat(step, made.steps, part); });
                 });
  return made;
}

TableActivations effattn::emitRounded(LoopEmitter &e, const Factor &x,
                                      Value rows, const TableParts &table) {
  TableActivations made{
      rows, allocate(e, rows, table.width, e.builder.getF32Type()), nullptr};
  launchRounding(e, x, rows, table,
                 [&](KernelEmitter &, GroupRounding &rounding,
                     ArrayRef<Value>) { rounding.writeNumbers(made.numbers); });
  return made;
}
