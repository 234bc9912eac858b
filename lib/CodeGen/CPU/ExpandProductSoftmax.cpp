//===- ExpandProductSoftmax.cpp - Slots of digits, all or the best --------===//
#include "DigitSoftmax.h"
#include "Expansion.h"
#include "LaneSearch.h"
#include "RowSearch.h"
#include "effattn/CodeGen/CPU/Passes.h"
#include "effattn/Dialect/MemoryOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <optional>

namespace mlir::effattn {
#define GEN_PASS_DEF_EXPANDPRODUCTSOFTMAXPASS
#include "effattn/CodeGen/CPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// Rows that share their scratch.
static constexpr int64_t kRowsOfTask = 64;

/// Some rows, numbered in the order in which all leading indices count up.
struct Rows {
  /// Those of all dimensions that name a row.
  SmallVector<Value> sizes;
  /// Of all of them the last one, and these here.
  Value last, first, end;

  /// Past the last one of all it is the last one.
  SmallVector<Value> place(VectorEmitter &e, Value number) const {
    return e.split(e.min(e.add(first, number), last), sizes);
  }
  Value count(VectorEmitter &e) const { return e.sub(end, first); }
};

/// Tasks of some rows each; a row is what the leading indices of `x` name.
static void overTasks(VectorEmitter &e, Value x,
                      function_ref<void(const Rows &)> body) {
  Rows rows;
  Value all = e.index(1);
  for (int64_t dim = 0; dim < cast<MemRefType>(x.getType()).getRank() - 2;
       ++dim) {
    rows.sizes.push_back(e.size(x, dim));
    all = e.mul(all, rows.sizes.back());
  }
  e.parallel(e.ceilDiv(all, kRowsOfTask), [&](ValueRange task) {
    rows.last = e.sub(all, e.index(1));
    rows.first = e.mul(task[0], kRowsOfTask);
    rows.end = e.min(all, e.add(rows.first, kRowsOfTask));
    body(rows);
  });
}

//===----------------------------------------------------------------------===//
// The best slots
//===----------------------------------------------------------------------===//

/// Few rows are searched one by one: a lane without a row costs as much as one
/// with it.
static void emitRows(VectorEmitter &e, ProductSoftmaxTopKOp op) {
  int64_t kept = op.getK();
  if (kept == 0)
    return;
  bool usesLanes = LaneSearch::supports(e, kept);
  overTasks(e, op.getX(), [&](const Rows &rows) {
    DigitSoftmax softmax(e, op.getX(), op.getTemperature());
    FoundSlots found(e, kept);
    std::optional<LaneSearch> byLanes;
    std::optional<RowSearch> byRows;
    if (usesLanes)
      byLanes.emplace(e, softmax, found);
    else
      byRows.emplace(e, softmax, found);
    Value all = rows.count(e);
    e.loop(e.index(0), all, kSearchedRows, [&](Value first) {
      Value count = e.min(e.index(kSearchedRows), e.sub(all, first));
      auto place = [&](Value number) {
        return rows.place(e, e.add(first, number));
      };
      if (usesLanes)
        e.choose(
            e.lessThan(e.index(e.lanes() / 4), count),
            [&] { byLanes->run(count, place); },
            [&] { RowSearch(e, softmax, found).run(count, place); });
      else
        byRows->run(count, place);
      found.store(count, place, op.getValues(), op.getIndices(),
                  op.getNormalize());
    });
  });
}

//===----------------------------------------------------------------------===//
// All slots
//===----------------------------------------------------------------------===//

namespace {
/// Rows of product_softmax.
class AllSlots {
public:
  AllSlots(VectorEmitter &e, ProductSoftmaxOp op)
      : e(e), slots(op.getOut()), softmax(e, op.getX(), op.getTemperature()) {
    OpFoldResult width = e.mul(e.ceilDiv(softmax.base(), e.lanes()), e.lanes());
    powers = e.scratch(width, e.builder.getF32Type());
  }

  void run(ValueRange row);

private:
  void appendDigit(Value count, Value sum);
  SmallVector<Value> at(Value slot) {
    SmallVector<Value> place = row;
    place.push_back(slot);
    return place;
  }
  /// Product i times every probability of the digit.
  void multiply(Value i, Value sum);

  VectorEmitter &e;
  Value slots;
  DigitSoftmax softmax;
  Value powers;
  SmallVector<Value> row;
};
} // namespace

void AllSlots::run(ValueRange place) {
  row = llvm::to_vector(place);
  Value one = e.index(1);
  // Digits without values leave no slot, and no place for the first product.
  e.choose(e.lessThan(e.index(0), e.size(slots, row.size())), [&] {
    e.storeScalar(emit::f32(e.builder, e.loc, 1), slots, at(e.index(0)));
    e.loop(e.index(0), softmax.digits(), 1, one,
           [&](Value digit, ValueRange count) -> SmallVector<Value> {
             Value sum = softmax.run(row, digit, powers);
             appendDigit(count[0], sum);
             return {e.mul(count[0], softmax.base())};
           });
  });
}

/// Works in place from the last product on: product i goes to [i P, i P + P),
/// which lies behind every product that is still to come.
void AllSlots::appendDigit(Value count, Value sum) {
  Value divisor = e.splat(sum);
  e.loop(e.index(0), e.size(powers, 0), e.lanes(), [&](Value column) {
    e.store(e.divFloats(e.load(powers, column), divisor), powers, column);
  });
  Value base = softmax.base(), last = e.sub(count, e.index(1));
  bool isContiguous = cast<MemRefType>(slots.getType()).isLastDimUnitStride();
  e.loop(e.index(0), count, 1, [&](Value step) {
    Value prefix = e.sub(last, step), first = e.mul(prefix, base);
    Value product = e.loadScalar(slots, at(prefix));
    if (!isContiguous)
      return e.loop(e.index(0), base, 1, [&](Value value) {
        Value next = e.mulFloats(product, e.loadScalar(powers, value));
        e.storeScalar(next, slots, at(e.add(first, value)));
      });
    Value factor = e.splat(product);
    e.overColumns(e.index(0), base, [&](Value value, Value mask) {
      Value next = e.mulFloats(factor, e.load(powers, value));
      e.store(next, slots, at(e.add(first, value)), mask);
    });
  });
}

static void emitRows(VectorEmitter &e, ProductSoftmaxOp op) {
  overTasks(e, op.getX(), [&](const Rows &rows) {
    AllSlots slots(e, op);
    e.loop(e.index(0), rows.count(e), 1,
           [&](Value number) { slots.run(rows.place(e, number)); });
  });
}

template <typename Op>
static void expandRows(OpBuilder &builder, Op op, const CpuModel &cpu) {
  VectorEmitter emitter(builder, op.getLoc(), cpu);
  emitRows(emitter, op);
  op.erase();
}

void effattn::expand(OpBuilder &builder, ProductSoftmaxTopKOp op,
                     const CpuModel &cpu) {
  expandRows(builder, op, cpu);
}

void effattn::expand(OpBuilder &builder, ProductSoftmaxOp op,
                     const CpuModel &cpu) {
  expandRows(builder, op, cpu);
}

namespace {
struct ExpandProductSoftmaxPass
    : ExpansionPass<effattn::impl::ExpandProductSoftmaxPassBase,
                    ExpandProductSoftmaxPass> {
  using ExpansionPass::ExpansionPass;

  void expandAll(const CpuModel &cpu) {
    expandEach<ProductSoftmaxTopKOp>(cpu);
    expandEach<ProductSoftmaxOp>(cpu);
  }
};
} // namespace
