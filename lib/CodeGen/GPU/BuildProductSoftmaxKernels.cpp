//===- BuildProductSoftmaxKernels.cpp - Slots of digits, a warp a row -----===//
#include "../ForEachOnBuffers.h"
#include "KernelEmitter.h"
#include "WarpSoftmax.h"
#include "WarpTopK.h"
#include "effattn/CodeGen/GPU/Passes.h"
#include "effattn/Dialect/MemoryOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_BUILDPRODUCTSOFTMAXKERNELSPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

static int64_t rankOf(Value buffer) {
  return cast<MemRefType>(buffer.getType()).getRank();
}

//===----------------------------------------------------------------------===//
// product_softmax_top_k
//===----------------------------------------------------------------------===//

namespace {
/// The best slots of a row: the best prefixes, digit by digit.
class SlotSearch {
public:
  /// Of `prefixes`, `... x 2 x kept`, the warp has the part at `own`: the best
  /// of the digits so far and, written meanwhile, those of one digit more.
  SlotSearch(KernelEmitter &e, ProductSoftmaxTopKOp op, ArrayRef<Value> row,
             Value prefixes, ValueRange own)
      : e(e), op(op), row(row), prefixes(prefixes), own(own),
        ranks(e.builder, e.loc), kept(op.getK()),
        base(e.size(op.getX(), row.size() + 1)) {}

  void run();

private:
  /// The best extensions of `count` prefixes of half `from` go to the other.
  void extend(WarpSoftmax &softmax, Value from, Value count, Value nextCount);
  void store(Value from, Value hasNaN);
  /// The sum of the values, in order.
  Value addValues(Value from);
  void setPrefix(Value half, Value place, Value rank) {
    memref::StoreOp::create(e.builder, e.loc, rank, prefixes,
                            joinIndices(own, {half, place}));
  }
  Value getPrefix(Value half, Value place) {
    return emit::load(e.builder, e.loc, prefixes,
                      joinIndices(own, {half, place}));
  }
  Value real(double value) { return emit::f32(e.builder, e.loc, value); }

  KernelEmitter &e;
  ProductSoftmaxTopKOp op;
  ArrayRef<Value> row;
  Value prefixes;
  SmallVector<Value> own;
  Ranks ranks;
  int64_t kept;
  Value base;
};
} // namespace

/// A lane has a value of the digit, for which it looks at all prefixes.
void SlotSearch::extend(WarpSoftmax &softmax, Value from, Value count,
                        Value nextCount) {
  Value to = e.sub(e.index(1), from);
  auto offers = [&](WarpTopK &best, ValueRange list,
                    function_ref<Value(Value)> unlessFound) {
    return e.loop(
        e.index(0), base, kWarpThreads, list,
        [&](Value first, ValueRange sofar) {
          Value value = e.add(first, e.lane());
          Value isValue = e.lessThan(value, base);
          Value clamped = e.min(value, e.sub(base, e.index(1)));
          Value probability = softmax.probability(clamped);
          return e.loop(
              e.index(0), count, 1, sofar, [&](Value place, ValueRange inner) {
                Value prefix = getPrefix(from, place);
                Value product = e.mulFloats(ranks.value(prefix), probability);
                Value slot = e.add(e.mul(ranks.index(prefix), base), clamped);
                Value rank = unlessFound(ranks.encode(product, slot));
                return best.offer(inner,
                                  e.select(isValue, rank, ranks.lowest()));
              });
        });
  };
  findBest(e, kept, offers, [&](Value place, Value rank) {
    e.choose(e.lessThan(place, nextCount), [&] { setPrefix(to, place, rank); });
  });
  e.warpBarrier();
}

Value SlotSearch::addValues(Value from) {
  return e.loop(e.index(0), e.index(kept), 1, real(0),
                [&](Value place, ValueRange sum) -> SmallVector<Value> {
                  Value value = ranks.value(getPrefix(from, place));
                  return {e.addFloats(sum[0], value)};
                })[0];
}

/// A NaN anywhere makes every slot NaN, and the first ones the best.
void SlotSearch::store(Value from, Value hasNaN) {
  Value nan = arith::ConstantOp::create(
      e.builder, e.loc,
      e.builder.getFloatAttr(e.builder.getF32Type(),
                             APFloat::getNaN(APFloat::IEEEsingle())));
  Value sum = op.getNormalize() ? addValues(from) : Value();
  e.loop(e.lane(), e.index(kept), kWarpThreads, [&](Value place) {
    Value rank = getPrefix(from, place), value = ranks.value(rank);
    if (sum)
      value = e.divFloats(value, sum);
    Value slot = e.select(hasNaN, place, ranks.index(rank));
    SmallVector<Value> at = joinIndices(row, place);
    memref::StoreOp::create(e.builder, e.loc, e.select(hasNaN, nan, value),
                            op.getValues(), at);
    memref::StoreOp::create(
        e.builder, e.loc,
        emit::fromIndex(e.builder, e.loc, slot, e.builder.getI32Type()),
        op.getIndices(), at);
  });
}

void SlotSearch::run() {
  Value zero = e.index(0), one = e.index(1);
  e.choose(e.equal(e.lane(), zero),
           [&] { setPrefix(zero, zero, ranks.encode(real(1), zero)); });
  e.warpBarrier();
  Value digits = e.size(op.getX(), row.size());
  SmallVector<Value> found = e.loop(
      zero, digits, 1, {zero, one, emit::boolean(e.builder, e.loc, false)},
      [&](Value digit, ValueRange carried) -> SmallVector<Value> {
        WarpSoftmax softmax(e, op.getX(), joinIndices(row, digit),
                            op.getTemperature());
        Value nextCount = e.min(e.index(kept), e.mul(carried[1], base));
        extend(softmax, carried[0], carried[1], nextCount);
        return {e.sub(one, carried[0]), nextCount,
                emit::logicalOr(e.builder, e.loc, carried[2],
                                emit::isNaN(e.builder, e.loc, softmax.sum()))};
      });
  store(found[0], found[2]);
}

/// Prefixes of a warp that fit into shared memory with those of its neighbours.
static constexpr int64_t kMostShared = 512;

static void buildSlotSearch(OpBuilder &builder, ProductSoftmaxTopKOp op) {
  Location loc = op.getLoc();
  int64_t kept = op.getK();
  SmallVector<Value> sizes =
      getSizes(builder, loc, op.getX(), rankOf(op.getX()) - 2);
  bool isShared = kept <= kMostShared;
  Value prefixes;
  if (!isShared) {
    SmallVector<int64_t> shape(sizes.size(), ShapedType::kDynamic);
    shape.append({2, kept});
    prefixes = memref::AllocOp::create(
        builder, loc, MemRefType::get(shape, builder.getI64Type()), sizes);
  }
  if (kept > 0)
    KernelEmitter::launchWarps(
        builder, loc, "product_softmax_top_k", sizes,
        [&](KernelEmitter &e, ArrayRef<Value> row) {
          if (!isShared)
            return SlotSearch(e, op, row, prefixes, row).run();
          Value shared = e.shared({e.warps(), 2, kept}, e.builder.getI64Type());
          SlotSearch(e, op, row, shared, e.warp()).run();
        });
  if (!isShared)
    memref::DeallocOp::create(builder, loc, prefixes);
  op.erase();
}

//===----------------------------------------------------------------------===//
// product_softmax
//===----------------------------------------------------------------------===//

/// Every digit by a warp.
static void launchSoftmax(OpBuilder &builder, ProductSoftmaxOp op,
                          Value probabilities) {
  Location loc = op.getLoc();
  int64_t last = rankOf(op.getX()) - 1;
  KernelEmitter::launchWarps(
      builder, loc, "product_softmax", getSizes(builder, loc, op.getX(), last),
      [&](KernelEmitter &e, ArrayRef<Value> digit) {
        WarpSoftmax softmax(e, op.getX(), llvm::to_vector(digit),
                            op.getTemperature());
        e.loop(e.lane(), e.size(op.getX(), last), kWarpThreads,
               [&](Value value) {
                 e.storeFloat(softmax.probability(value), probabilities,
                              joinIndices(digit, value));
               });
      });
}

/// Every slot by a thread, which multiplies from digit 0 on.
static void multiplyDigits(LoopEmitter &e, ProductSoftmaxOp op,
                           Value probabilities, ArrayRef<Value> place) {
  OpBuilder &builder = e.builder;
  Type i32 = builder.getI32Type();
  ArrayRef<Value> row = place.drop_back();
  auto toInteger = [&](Value index) {
    return emit::fromIndex(builder, e.loc, index, i32);
  };
  // 32 bits hold any slot, and divide sooner than 64.
  Value slot = toInteger(place.back());
  Value base = toInteger(e.size(op.getX(), row.size() + 1));
  Value slots = toInteger(e.size(op.getOut(), row.size()));
  Value one = emit::f32(builder, e.loc, 1);
  Value product = e.loop(
      e.index(0), e.size(op.getX(), row.size()), 1, {one, slots},
      [&](Value digit, ValueRange carried) -> SmallVector<Value> {
        Value weight = e.quotient(carried[1], base);
        Value value = e.remainder(e.quotient(slot, weight), base);
        Value probability = emit::load(
            builder, e.loc, probabilities,
            joinIndices(row, {digit, emit::toIndex(builder, e.loc, value)}));
        return {e.mulFloats(carried[0], probability), weight};
      })[0];
  memref::StoreOp::create(builder, e.loc, product, op.getOut(), place);
}

static void buildSlots(OpBuilder &builder, ProductSoftmaxOp op) {
  Location loc = op.getLoc();
  int64_t rank = rankOf(op.getX());
  SmallVector<int64_t> shape(rank, ShapedType::kDynamic);
  Value probabilities = memref::AllocOp::create(
      builder, loc, MemRefType::get(shape, builder.getF32Type()),
      getSizes(builder, loc, op.getX(), rank));
  launchSoftmax(builder, op, probabilities);
  SmallVector<Value> sizes =
      getSizes(builder, loc, op.getOut(), rankOf(op.getOut()));
  emitParallel(builder, loc, sizes, [&](OpBuilder &nested, ValueRange place) {
    LoopEmitter e(nested, loc);
    multiplyDigits(e, op, probabilities, llvm::to_vector(place));
  });
  memref::DeallocOp::create(builder, loc, probabilities);
  op.erase();
}

namespace {
struct BuildProductSoftmaxKernelsPass
    : effattn::impl::BuildProductSoftmaxKernelsPassBase<
          BuildProductSoftmaxKernelsPass> {
  void runOnOperation() override {
    forEachOnBuffers<ProductSoftmaxTopKOp>(getOperation(), buildSlotSearch);
    forEachOnBuffers<ProductSoftmaxOp>(getOperation(), buildSlots);
  }
};
} // namespace
