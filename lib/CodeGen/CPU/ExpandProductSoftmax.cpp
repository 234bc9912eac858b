//===- ExpandProductSoftmax.cpp - Slots of digits, all or the best --------===//
#include "DigitSoftmax.h"
#include "Expansion.h"
#include "ProductSearch.h"
#include "effattn/CodeGen/CPU/Passes.h"
#include "effattn/Dialect/MemoryOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_EXPANDPRODUCTSOFTMAXPASS
#include "effattn/CodeGen/CPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// Rows that share their scratch.
static constexpr int64_t kRowsOfTask = 64;

/// Some rows that differ in their last index only.
struct Rows {
  ValueRange leading;
  Value first, end;

  SmallVector<Value> place(VectorEmitter &e, Value number) const {
    SmallVector<Value> indices(leading);
    // The only row may have no index.
    if (first)
      indices.push_back(e.add(first, number));
    return indices;
  }
  Value count(VectorEmitter &e) const {
    return first ? e.sub(end, first) : e.index(1);
  }
};

/// Tasks of some rows each; a row is what the leading indices of `x` name.
static void overTasks(VectorEmitter &e, Value x,
                      function_ref<void(const Rows &)> body) {
  int64_t leading = cast<MemRefType>(x.getType()).getRank() - 2;
  if (leading == 0)
    return body({});
  SmallVector<Value> counts;
  for (int64_t dim = 0; dim < leading; ++dim)
    counts.push_back(e.size(x, dim));
  Value rows = counts.back();
  counts.back() = e.ceilDiv(rows, kRowsOfTask);
  e.parallel(counts, [&](ValueRange task) {
    Value first = e.mul(task.back(), kRowsOfTask);
    Value end = e.min(rows, e.add(first, kRowsOfTask));
    body({task.drop_back(), first, end});
  });
}

//===----------------------------------------------------------------------===//
// The best slots
//===----------------------------------------------------------------------===//

static void expand(VectorEmitter &e, ProductSoftmaxTopKOp op) {
  if (op.getK() == 0)
    return;
  overTasks(e, op.getX(), [&](const Rows &rows) {
    ProductSearch search(e, {e, op.getX(), op.getTemperature()}, op.getK());
    Value all = rows.count(e);
    e.loop(e.index(0), all, ProductSearch::kRows, [&](Value first) {
      Value count = e.min(e.index(ProductSearch::kRows), e.sub(all, first));
      auto place = [&](Value number) {
        return rows.place(e, e.add(first, number));
      };
      search.run(count, place);
      search.store(place, op.getValues(), op.getIndices(), op.getNormalize());
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

static void expand(VectorEmitter &e, ProductSoftmaxOp op) {
  overTasks(e, op.getX(), [&](const Rows &rows) {
    AllSlots slots(e, op);
    e.loop(e.index(0), rows.count(e), 1,
           [&](Value number) { slots.run(rows.place(e, number)); });
  });
}

namespace {
struct ExpandProductSoftmaxPass
    : ExpansionPass<effattn::impl::ExpandProductSoftmaxPassBase,
                    ExpandProductSoftmaxPass> {
  using ExpansionPass::ExpansionPass;

  void expandAll(const CpuModel &cpu) {
    expandOps<ProductSoftmaxTopKOp>(cpu);
    expandOps<ProductSoftmaxOp>(cpu);
  }

  template <typename Op> void expandOps(const CpuModel &cpu) {
    forEachOnBuffers<Op>(getOperation(), [&](OpBuilder &builder, Op op) {
      VectorEmitter emitter(builder, op.getLoc(), cpu);
      expand(emitter, op);
      op.erase();
    });
  }
};
} // namespace
