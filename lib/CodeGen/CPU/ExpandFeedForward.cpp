//===- ExpandFeedForward.cpp - Feed-forward layers by blocks --------------===//
#include "Expansion.h"
#include "FeedForwardExpansion.h"
#include "effattn/CodeGen/CPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_EXPANDFEEDFORWARDPASS
#include "effattn/CodeGen/CPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

namespace {
class GatedExpansion : FeedForwardExpansion<GatedFFNOp> {
public:
  using FeedForwardExpansion::FeedForwardExpansion;

  void run() {
    overBlocks([&](Value first, Value count) {
      emitter.parallel(count, [&](ValueRange row) {
        readRow(emitter.add(first, row[0]), row[0], input);
        clearRow(sums, row[0], width);
      });
      addLayer(count, {});
      emitter.parallel(count, [&](ValueRange row) {
        writeRow(emitter.add(first, row[0]), row[0], sums);
      });
    });
    op.erase();
  }
};

/// The rows between blocks are carried apart from what a layer adds: a large
/// row would swallow its terms one by one.
class HourglassExpansion : FeedForwardExpansion<HourglassFFNOp> {
public:
  using FeedForwardExpansion::FeedForwardExpansion;

  void run();

private:
  void addSums(Value row);
  void normalize(Value row);
  Value emitInverseRms(Value row);
  Value wide(Value numbers);

  Value carried, weights;
};
} // namespace

void HourglassExpansion::run() {
  VectorEmitter &e = emitter;
  Value norm = op.getNorm();
  carried = scratchRows();
  weights = e.scratch(OpFoldResult(width), e.builder.getF32Type());
  overBlocks([&](Value first, Value count) {
    e.parallel(count, [&](ValueRange row) {
      readRow(e.add(first, row[0]), row[0], carried);
      clearRow(sums, row[0], width);
    });
    e.loop(e.index(0), e.size(norm, 0), 1, [&](Value block) {
      copyRow(
          norm, [&](Value column) { return SmallVector<Value>{block, column}; },
          weights, [&](Value column) { return SmallVector<Value>{column}; });
      e.parallel(count, [&](ValueRange row) {
        addSums(row[0]);
        normalize(row[0]);
        clearRow(sums, row[0], width);
      });
      addLayer(count, block);
    });
    e.parallel(count, [&](ValueRange row) {
      addSums(row[0]);
      writeRow(e.add(first, row[0]), row[0], carried);
    });
  });
  op.erase();
}

void HourglassExpansion::addSums(Value row) {
  VectorEmitter &e = emitter;
  e.overColumns(e.index(0), width, [&](Value column, Value mask) {
    Value before = e.load(carried, {row, column}, mask);
    Value more = e.load(sums, {row, column}, mask);
    e.store(e.addFloats(before, more), carried, {row, column}, mask);
  });
}

Value HourglassExpansion::wide(Value numbers) {
  VectorEmitter &e = emitter;
  auto type = VectorType::get(e.lanes(), e.builder.getF64Type());
  return arith::ExtFOp::create(e.builder, e.loc, type, numbers);
}

/// input = carried / rms * norm, in f64: squares may leave the range of f32.
void HourglassExpansion::normalize(Value row) {
  VectorEmitter &e = emitter;
  auto type = VectorType::get(e.lanes(), e.builder.getF64Type());
  Value inverse =
      vector::BroadcastOp::create(e.builder, e.loc, type, emitInverseRms(row));
  e.overColumns(e.index(0), width, [&](Value column, Value mask) {
    Value x = wide(e.load(carried, {row, column}, mask));
    Value weight = wide(e.load(weights, column, mask));
    Value scaled = e.mulFloats(e.mulFloats(x, inverse), weight);
    scaled = arith::TruncFOp::create(e.builder, e.loc, e.vectorType(), scaled);
    e.store(scaled, input, {row, column}, mask);
  });
}

Value HourglassExpansion::emitInverseRms(Value row) {
  VectorEmitter &e = emitter;
  Type f64 = e.builder.getF64Type();
  auto number = [&](double value) -> Value {
    return arith::ConstantOp::create(e.builder, e.loc,
                                     e.builder.getF64FloatAttr(value));
  };
  Value zeros = vector::BroadcastOp::create(
      e.builder, e.loc, VectorType::get(e.lanes(), f64), number(0.0));
  Value squares = e.overColumns(
      e.index(0), width, zeros,
      [&](Value column, Value mask, ValueRange before) -> SmallVector<Value> {
        Value x = wide(e.load(carried, {row, column}, mask));
        return {e.mulAdd(x, x, before[0])};
      })[0];
  Value count = arith::IndexCastOp::create(e.builder, e.loc,
                                           e.builder.getI64Type(), width);
  count = arith::SIToFPOp::create(e.builder, e.loc, f64, count);
  Value mean = e.divFloats(e.sum(squares), count);
  double epsilon = op.getEpsilon();
  Value root = math::SqrtOp::create(e.builder, e.loc,
                                    e.addFloats(mean, number(epsilon)));
  return e.divFloats(number(1.0), root);
}

void effattn::expand(OpBuilder &builder, GatedFFNOp op, const CpuModel &cpu) {
  if (!isKnownToBeEmpty(op))
    return GatedExpansion(builder, op, cpu).run();
  fillWithZeros(builder, op);
  op.erase();
}

void effattn::expand(OpBuilder &builder, HourglassFFNOp op,
                     const CpuModel &cpu) {
  if (!isKnownToBeEmpty(op))
    return HourglassExpansion(builder, op, cpu).run();
  linalg::makeMemRefCopyOp(builder, op.getLoc(), op.getX(), op.getOut());
  op.erase();
}

namespace {
struct ExpandFeedForwardPass
    : ExpansionPass<effattn::impl::ExpandFeedForwardPassBase,
                    ExpandFeedForwardPass> {
  using ExpansionPass::ExpansionPass;

  void expandAll(const CpuModel &cpu) {
    expandEach<GatedFFNOp>(cpu);
    expandEach<HourglassFFNOp>(cpu);
    expandEach<MoeFFNOp>(cpu);
  }
};
} // namespace
