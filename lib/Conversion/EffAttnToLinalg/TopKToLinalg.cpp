//===- TopKToLinalg.cpp - The best values, of slots given or implied ------===//
#include "MemoryLowering.h"
#include "OpLowering.h"
#include "effattn/Dialect/MemoryOps.h"
#include "effattn/Dialect/Ranks.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// A heap of the best so far
//===----------------------------------------------------------------------===//

namespace {
/// The best ranks seen, in a tensor<?xi64> whose first `count` entries are a
/// heap with the worst at its root: one comparison turns away what is no
/// better, and log(count) steps take in what is.
class BestHeap {
public:
  BestHeap(OpBuilder &builder, Location loc)
      : builder(builder), loc(loc), emitter(builder, loc) {}

  /// Takes in `rank` in place of the worst entry if it is better than that.
  /// `count` is at least 1; unused entries hold `Ranks::lowest`.
  Value offer(Value heap, Value count, Value rank);
  /// Puts the first `count` entries in order, best first.
  Value sort(Value heap, Value count);

private:
  /// Fills the hole at the root of the first `count` entries with `rank`.
  Value refill(Value heap, Value count, Value rank);

  OpBuilder &builder;
  Location loc;
  LinalgEmitter emitter;
};
} // namespace

Value BestHeap::refill(Value heap, Value count, Value rank) {
  Value zero = emit::index(builder, loc, 0), one = emit::index(builder, loc, 1);
  Value two = emit::index(builder, loc, 2);
  Value last = emit::sub(builder, loc, count, one);
  Type index = builder.getIndexType(), i64 = builder.getI64Type();
  // Carries the heap and the hole; a child worse than `rank` moves up into it.
  auto loop = scf::WhileOp::create(
      builder, loc, TypeRange{heap.getType(), index, index, i64},
      ValueRange{heap, zero},
      [&](OpBuilder &nested, Location nestedLoc, ValueRange carried) {
        Value entries = carried[0], hole = carried[1];
        Value doubled = emit::mul(nested, nestedLoc, hole, two);
        Value left = emit::add(nested, nestedLoc, doubled, one);
        Value right = emit::add(nested, nestedLoc, doubled, two);
        Value hasChild = emit::lessThan(nested, nestedLoc, left, count);
        // Clamped, a missing child stands for an entry that is there.
        left = emit::min(nested, nestedLoc, left, last);
        right = emit::min(nested, nestedLoc, right, last);
        Value leftRank = emit::load(nested, nestedLoc, entries, left);
        Value rightRank = emit::load(nested, nestedLoc, entries, right);
        Value takesRight =
            emit::lessThan(nested, nestedLoc, rightRank, leftRank);
        Value child = emit::select(nested, nestedLoc, takesRight, right, left);
        Value childRank = emit::min(nested, nestedLoc, leftRank, rightRank);
        Value goesOn = emit::logicalAnd(
            nested, nestedLoc, hasChild,
            emit::lessThan(nested, nestedLoc, childRank, rank));
        scf::ConditionOp::create(nested, nestedLoc, goesOn,
                                 ValueRange{entries, hole, child, childRank});
      },
      [&](OpBuilder &nested, Location nestedLoc, ValueRange carried) {
        Value moved = tensor::InsertOp::create(nested, nestedLoc, carried[3],
                                               carried[0], carried[1]);
        scf::YieldOp::create(nested, nestedLoc, ValueRange{moved, carried[2]});
      });
  return emitter.insert(rank, loop.getResult(0), loop.getResult(1));
}

Value BestHeap::offer(Value heap, Value count, Value rank) {
  Value worst = emit::load(builder, loc, heap, emit::index(builder, loc, 0));
  Value isBetter = emit::lessThan(builder, loc, worst, rank);
  return emitter.when(isBetter, heap, [&]() -> SmallVector<Value> {
    return {refill(heap, count, rank)};
  })[0];
}

Value BestHeap::sort(Value heap, Value count) {
  Value zero = emit::index(builder, loc, 0), one = emit::index(builder, loc, 1);
  Value last = emit::sub(builder, loc, count, one);
  // The worst of those that are left goes behind them.
  return emitter.loop(
      zero, last, heap,
      [&](Value step, ValueRange carried) -> SmallVector<Value> {
        Value end = emit::sub(builder, loc, last, step);
        Value displaced = emit::load(builder, loc, carried[0], end);
        Value worst = emit::load(builder, loc, carried[0], zero);
        Value entries = emitter.insert(worst, carried[0], end);
        return {refill(entries, end, displaced)};
      })[0];
}

//===----------------------------------------------------------------------===//
// top_k
//===----------------------------------------------------------------------===//

/// `count` entries that everything is better than.
static Value emptyHeap(LinalgEmitter &emitter, OpBuilder &builder, Location loc,
                       OpFoldResult count) {
  return emitter.filled(count, Ranks(builder, loc).lowest());
}

/// `wanted`, or 0 where nothing is kept, so that a heap has a root.
static Value unlessNoneKept(OpBuilder &builder, Location loc, Value kept,
                            Value wanted) {
  Value zero = emit::index(builder, loc, 0);
  return emit::select(builder, loc, emit::equal(builder, loc, kept, zero), zero,
                      wanted);
}

static unsigned leadingDims(Value init) {
  return cast<ShapedType>(init.getType()).getRank() - 1;
}

SmallVector<Value> effattn::emitTopKRow(OpBuilder &builder, Location loc,
                                        Value count, NumberAt key,
                                        NumberAt value, ValueRange parts) {
  LinalgEmitter emitter(builder, loc);
  Ranks ranks(builder, loc);
  BestHeap best(builder, loc);
  Value zero = emit::index(builder, loc, 0);
  Value kept = emit::size(builder, loc, parts[0], 0);
  Value size = unlessNoneKept(builder, loc, kept, count);
  Value heap = emptyHeap(emitter, builder, loc, emitter.sizes(parts[0])[0]);
  heap = emitter.loop(zero, size, heap,
                      [&](Value i, ValueRange carried) -> SmallVector<Value> {
                        Value rank = ranks.encode(emitter.extend(key(i)), i);
                        return {best.offer(carried[0], kept, rank)};
                      })[0];
  heap = best.sort(heap, kept);
  return emitter.loop(zero, kept, parts,
                      [&](Value i, ValueRange carried) -> SmallVector<Value> {
                        Value index =
                            ranks.index(emit::load(builder, loc, heap, i));
                        Value number = emit::fromIndex(builder, loc, index,
                                                       builder.getI32Type());
                        return {emitter.insert(value(index), carried[0], i),
                                emitter.insert(number, carried[1], i)};
                      });
}

namespace {
class TopKLowering : OpLowering<TopKOp> {
public:
  TopKLowering(OpBuilder &builder, TopKOp op) : OpLowering(builder, op) {}

  SmallVector<Value> run() {
    return emitter.rows(
        leadingDims(op.getValues()), {op.getValues(), op.getIndices()},
        [&](ValueRange row, ValueRange parts) {
          // Values are read again, so that -0 and the bits of a NaN stay.
          auto element = [&](Value i) {
            return load(op.getX(), joinIndices(row, i));
          };
          Value count = emit::size(builder, loc, op.getX(), row.size());
          return emitTopKRow(builder, loc, count, element, element, parts);
        });
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// product_softmax_top_k
//===----------------------------------------------------------------------===//

namespace {
/// One row: the K best prefixes, digit by digit.
class PrefixSearch {
public:
  PrefixSearch(OpBuilder &builder, Location loc, OpFoldResult kept,
               DigitProbabilities softmax)
      : builder(builder), loc(loc), emitter(builder, loc), ranks(builder, loc),
        best(builder, loc),
        kept(getValueOrCreateConstantIndexOp(builder, loc, kept)),
        keptSize(kept), softmax(softmax) {}

  /// The ranks of the K best slots, best first.
  Value run();

private:
  /// The best extensions of the `count` prefixes by `digit`, in `heap`.
  Value extend(Value digit, Value prefixes, Value count, Value heap,
               Value nextCount);

  OpBuilder &builder;
  Location loc;
  LinalgEmitter emitter;
  Ranks ranks;
  BestHeap best;
  Value kept;
  OpFoldResult keptSize;
  DigitProbabilities softmax;
};
} // namespace

Value PrefixSearch::extend(Value digit, Value prefixes, Value count, Value heap,
                           Value nextCount) {
  Value zero = emit::index(builder, loc, 0);
  Value base = emit::size(builder, loc, softmax.probabilities, 1);
  return emitter.loop(
      zero, count, heap,
      [&](Value i, ValueRange carried) -> SmallVector<Value> {
        Value prefix = emit::load(builder, loc, prefixes, i);
        Value product = ranks.value(prefix);
        Value first = emit::mul(builder, loc, ranks.index(prefix), base);
        return emitter.loop(
            zero, base, carried[0],
            [&](Value value, ValueRange inner) -> SmallVector<Value> {
              Value probability =
                  emit::load(builder, loc, softmax.probabilities,
                             ValueRange{digit, value});
              Value next =
                  arith::MulFOp::create(builder, loc, product, probability);
              Value slot = emit::add(builder, loc, first, value);
              return {
                  best.offer(inner[0], nextCount, ranks.encode(next, slot))};
            });
      })[0];
}

Value PrefixSearch::run() {
  Value zero = emit::index(builder, loc, 0), one = emit::index(builder, loc, 1);
  Value base = emit::size(builder, loc, softmax.probabilities, 1);
  Value digits = unlessNoneKept(
      builder, loc, kept, emit::size(builder, loc, softmax.probabilities, 0));
  // A NaN anywhere makes every slot NaN, so the first digits must not choose.
  Value nan = arith::ConstantOp::create(
      builder, loc,
      builder.getFloatAttr(builder.getF32Type(),
                           APFloat::getNaN(APFloat::IEEEsingle())));
  Value start = emit::select(builder, loc, softmax.hasNaN, nan,
                             emit::f32(builder, loc, 1));
  Value prefixes = emitter.filled(keptSize, ranks.encode(start, zero));
  Value heap = emitter.empty(keptSize, builder.getI64Type());
  SmallVector<Value> found = emitter.loop(
      zero, digits, {prefixes, heap, one},
      [&](Value digit, ValueRange carried) -> SmallVector<Value> {
        Value count = carried[2];
        Value nextCount =
            emit::min(builder, loc, kept, emit::mul(builder, loc, count, base));
        Value extended =
            extend(digit, carried[0], count,
                   emitter.fill(ranks.lowest(), carried[1]), nextCount);
        // Copied, not swapped: a loop carries each buffer in its own place.
        Value next = emitter.loop(
            zero, nextCount, carried[0],
            [&](Value i, ValueRange copied) -> SmallVector<Value> {
              return {emitter.insert(emit::load(builder, loc, extended, i),
                                     copied[0], i)};
            })[0];
        return {next, extended, nextCount};
      });
  return best.sort(found[0], kept);
}

Value effattn::emitNormalized(OpBuilder &builder, Location loc, Value values) {
  LinalgEmitter emitter(builder, loc);
  Value zero = emit::index(builder, loc, 0);
  Value kept = emit::size(builder, loc, values, 0);
  Value sum = emitter.loop(
      zero, kept, emit::f32(builder, loc, 0),
      [&](Value i, ValueRange carried) -> SmallVector<Value> {
        return {arith::AddFOp::create(builder, loc, carried[0],
                                      emit::load(builder, loc, values, i))};
      })[0];
  return emitter.loop(
      zero, kept, values,
      [&](Value i, ValueRange carried) -> SmallVector<Value> {
        Value value = emit::load(builder, loc, carried[0], i);
        return {emitter.insert(arith::DivFOp::create(builder, loc, value, sum),
                               carried[0], i)};
      })[0];
}

namespace {
class ProductSoftmaxTopKLowering : OpLowering<ProductSoftmaxTopKOp> {
public:
  ProductSoftmaxTopKLowering(OpBuilder &builder, ProductSoftmaxTopKOp op)
      : OpLowering(builder, op) {}

  SmallVector<Value> run() {
    return emitter.rows(
        leadingDims(op.getValues()), {op.getValues(), op.getIndices()},
        [&](ValueRange row, ValueRange parts) { return lowerRow(row, parts); });
  }

private:
  SmallVector<Value> lowerRow(ValueRange row, ValueRange parts) {
    DigitProbabilities softmax =
        emitDigitSoftmax(builder, loc, op.getX(), row, op.getTemperature());
    Value slots =
        PrefixSearch(builder, loc, emitter.sizes(parts[0])[0], softmax).run();
    Ranks ranks(builder, loc);
    SmallVector<Value> found =
        emitter.loop(index(0), emit::size(builder, loc, parts[0], 0), parts,
                     [&](Value i, ValueRange carried) -> SmallVector<Value> {
                       Value rank = load(slots, i);
                       Value slot =
                           emit::fromIndex(builder, loc, ranks.index(rank),
                                           builder.getI32Type());
                       return {emitter.insert(ranks.value(rank), carried[0], i),
                               emitter.insert(slot, carried[1], i)};
                     });
    if (op.getNormalize())
      found[0] = emitNormalized(builder, loc, found[0]);
    return found;
  }
};
} // namespace

void effattn::populateTopKToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerOp<TopKOp, TopKLowering>,
               LowerOp<ProductSoftmaxTopKOp, ProductSoftmaxTopKLowering>>(
      patterns.getContext());
}
