//===- BoundaryKernels.cpp - Probabilities, counts and the loss -----------===//
#include "BoundarySegments.h"
#include "ConceptKernels.h"
#include "RealNumbers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

static Value isFirstLane(KernelEmitter &e) {
  return e.equal(e.lane(), e.index(0));
}

//===----------------------------------------------------------------------===//
// boundary_probability
//===----------------------------------------------------------------------===//

namespace {
/// What a warp does with its token.
class ProbabilityKernel {
public:
  ProbabilityKernel(KernelEmitter &e, BoundaryProbabilityOp op)
      : e(e), op(op), comparesQuery(op.getPairing() == Pairing::CurrentQuery) {}

  /// Writes p of a token, and what `last` becomes of a row.
  void emitToken(Value row, Value token);
  void emitLast(Value row);

private:
  /// The sides of a pair.
  Value current() { return comparesQuery ? op.getQuery() : op.getKey(); }
  Value earlier() { return comparesQuery ? op.getKey() : op.getQuery(); }
  Value validTokens(Value row) {
    return countValid(e, op.getQuery(), op.getLengths(), row);
  }
  Value choose(Value condition, function_ref<Value()> then,
               function_ref<Value()> otherwise) {
    auto listed = [](function_ref<Value()> branch) {
      return [branch] { return SmallVector<Value>{branch()}; };
    };
    return e.choose(condition, e.builder.getF32Type(), listed(then),
                    listed(otherwise))[0];
  }
  Value ofFirst(Value row, Value token);
  Value ofLater(Value row, Value token);
  Value dissimilarity(ArrayRef<Value> place, Value other,
                      ArrayRef<Value> otherPlace);

  KernelEmitter &e;
  BoundaryProbabilityOp op;
  bool comparesQuery;
};
} // namespace

/// (1 - cos) / 2. Sums are f64: squares of f32 do not overflow there, and
/// orthogonal vectors come out at 0.5 in f32 whatever the order of the sum.
Value ProbabilityKernel::dissimilarity(ArrayRef<Value> place, Value other,
                                       ArrayRef<Value> otherPlace) {
  Type f64 = e.builder.getF64Type();
  auto load = [&](Value source, ArrayRef<Value> leading, Value column) {
    Value element =
        emit::load(e.builder, e.loc, source, joinIndices(leading, column));
    return emit::toFloat(e.builder, e.loc, element, f64);
  };
  Value zero = real(e, 0), one = real(e, 1), least = real(e, 1e-12);
  SmallVector<Value> sums =
      e.loop(e.lane(), e.size(current(), 2), kWarpThreads, {zero, zero, zero},
             [&](Value column, ValueRange before) -> SmallVector<Value> {
               Value x = load(current(), place, column);
               Value y = load(other, otherPlace, column);
               return {e.mulAdd(x, y, before[0]), e.mulAdd(x, x, before[1]),
                       e.mulAdd(y, y, before[2])};
             });
  for (Value &sum : sums)
    sum = e.sumWarp(sum);
  auto norm = [&](Value square) -> Value {
    Value root = math::SqrtOp::create(e.builder, e.loc, square);
    return arith::MaximumFOp::create(e.builder, e.loc, root, least);
  };
  Value cosine =
      e.divFloats(sums[0], e.mulFloats(norm(sums[1]), norm(sums[2])));
  Value p = e.mulFloats(e.subFloats(one, cosine), real(e, 0.5));
  p = arith::MaximumFOp::create(e.builder, e.loc, p, zero);
  p = arith::MinimumFOp::create(e.builder, e.loc, p, one);
  return emit::toFloat(e.builder, e.loc, p, e.builder.getF32Type());
}

Value ProbabilityKernel::ofFirst(Value row, Value token) {
  Value one = emit::f32(e.builder, e.loc, 1);
  auto resumed = [&] {
    return dissimilarity({row, token}, op.getLast(), {row});
  };
  if (!op.getResume())
    return one;
  if (!op.getStarted())
    return resumed();
  return choose(emit::load(e.builder, e.loc, op.getStarted(), row), resumed,
                [&] { return one; });
}

Value ProbabilityKernel::ofLater(Value row, Value token) {
  Value previous = e.sub(token, e.index(1));
  auto continued = [&] {
    return dissimilarity({row, token}, earlier(), {row, previous});
  };
  Value ids = op.getSequenceIds();
  if (!ids)
    return continued();
  auto idOf = [&](Value at) {
    return emit::load(e.builder, e.loc, ids, {row, at});
  };
  return choose(e.equal(idOf(token), idOf(previous)), continued,
                [&] { return emit::f32(e.builder, e.loc, 1); });
}

void ProbabilityKernel::emitToken(Value row, Value token) {
  Value p = choose(
      e.lessThan(token, validTokens(row)),
      [&] {
        return choose(
            e.equal(token, e.index(0)), [&] { return ofFirst(row, token); },
            [&] { return ofLater(row, token); });
      },
      [&] { return emit::f32(e.builder, e.loc, 0); });
  e.choose(isFirstLane(e), [&] {
    memref::StoreOp::create(e.builder, e.loc, p, op.getP(),
                            ValueRange{row, token});
  });
}

/// The last valid row, else what was there before, else 0.
void ProbabilityKernel::emitLast(Value row) {
  Value tokens = validTokens(row);
  e.choose(
      e.equal(tokens, e.index(0)),
      [&] {
        if (!op.getResume())
          e.clearRow(op.getLast(), row);
      },
      [&] {
        e.copyRow(earlier(), {row, e.sub(tokens, e.index(1))}, op.getLast(),
                  row);
      });
}

/// p reads `last`, which is overwritten behind it.
void effattn::buildBoundaryProbability(OpBuilder &builder,
                                       BoundaryProbabilityOp op) {
  Location loc = op.getLoc();
  SmallVector<Value> sizes = getSizes(builder, loc, op.getP(), 2);
  KernelEmitter::launchWarps(builder, loc, "boundary_probability", sizes,
                             [&](KernelEmitter &e, ArrayRef<Value> at) {
                               ProbabilityKernel(e, op).emitToken(at[0], at[1]);
                             });
  KernelEmitter::launchWarps(builder, loc, "boundary_last", sizes.front(),
                             [&](KernelEmitter &e, ArrayRef<Value> at) {
                               ProbabilityKernel(e, op).emitLast(at[0]);
                             });
  op.erase();
}

//===----------------------------------------------------------------------===//
// boundary_count
//===----------------------------------------------------------------------===//

void effattn::buildBoundaryCount(OpBuilder &builder, BoundaryCountOp op) {
  LoopEmitter host(builder, op.getLoc());
  BoundarySegments boundaries(host, op.getMask(), op.getLengths());
  Value rows = host.size(op.getMask(), 0);
  auto emit = [&](KernelEmitter &e) {
    Value zero = arith::ConstantIntOp::create(e.builder, e.loc, 0, 32);
    auto visit = [&](Value row, ValueRange most) -> SmallVector<Value> {
      Value count = emit::fromIndex(e.builder, e.loc, boundaries.total(e, row),
                                    zero.getType());
      memref::StoreOp::create(e.builder, e.loc, count, op.getCounts(), row);
      return {e.max(most[0], count)};
    };
    Value most = e.loop(e.lane(), rows, kWarpThreads, zero, visit)[0];
    most = e.reduceWarp(most, [&](Value a, Value b) { return e.max(a, b); });
    e.choose(isFirstLane(e), [&] {
      memref::StoreOp::create(e.builder, e.loc, most, op.getLargest(),
                              ValueRange());
    });
  };
  KernelEmitter::launch(builder, host.loc, "boundary_count", host.index(1),
                        kWarpThreads, emit);
  boundaries.free(host);
  op.erase();
}

//===----------------------------------------------------------------------===//
// ratio_loss
//===----------------------------------------------------------------------===//

/// Tokens of a warp.
static constexpr int64_t kLossTokens = 1024;

namespace {
class RatioLossKernels {
public:
  RatioLossKernels(OpBuilder &builder, RatioLossOp op)
      : host(builder, op.getLoc()), op(op), rows(host.size(op.getP(), 0)),
        parts(host.ceilDiv(host.size(op.getP(), 1), kLossTokens)) {}

  void build();

private:
  Value validTokens(LoopEmitter &e, Value row) {
    return countValid(e, op.getP(), op.getLengths(), row);
  }
  void addPart(KernelEmitter &e, ArrayRef<Value> place);
  void finish(KernelEmitter &e);

  LoopEmitter host;
  RatioLossOp op;
  Value rows, parts;
  /// [B, parts, 2], f64: the sum of p and the boundaries of some tokens.
  Value sums;
};
} // namespace

void RatioLossKernels::addPart(KernelEmitter &e, ArrayRef<Value> place) {
  Value row = place[0], first = e.mul(place[1], kLossTokens);
  Value zero = real(e, 0);
  Value end = e.min(e.add(first, kLossTokens), validTokens(e, row));
  SmallVector<Value> totals = e.sumOverLanes(
      first, end, {zero, zero}, [&](Value token) -> SmallVector<Value> {
        Value p = emit::load(e.builder, e.loc, op.getP(), {row, token});
        Value isSet = emit::load(e.builder, e.loc, op.getMask(), {row, token});
        return {emit::toFloat(e.builder, e.loc, p, e.builder.getF64Type()),
                e.select(isSet, real(e, 1), real(e, 0))};
      });
  e.choose(isFirstLane(e), [&] {
    for (auto [i, total] : llvm::enumerate(totals))
      memref::StoreOp::create(e.builder, e.loc, total, sums,
                              ValueRange{row, place[1], e.index(i)});
  });
}

/// R / (R - 1) ((R - 1) F G + (1 - F) (1 - G)), or 0 without tokens.
void RatioLossKernels::finish(KernelEmitter &e) {
  Value zero = real(e, 0), one = real(e, 1);
  double ratio = op.getRatio();
  Value tokens = e.sumOverLanes(e.index(0), rows, zero,
                                [&](Value row) -> SmallVector<Value> {
                                  return {toReal(e, validTokens(e, row))};
                                })[0];
  SmallVector<Value> totals = e.sumOverLanes(
      e.index(0), e.mul(rows, parts), {zero, zero}, [&](Value number) {
        SmallVector<Value> place = e.split(number, {rows, parts}), terms;
        for (int64_t i : {0, 1})
          terms.push_back(emit::load(e.builder, e.loc, sums,
                                     joinIndices(place, e.index(i))));
        return terms;
      });
  Value mean = e.divFloats(totals[0], tokens);
  Value share = e.divFloats(totals[1], tokens);
  Value both = e.mulFloats(e.mulFloats(real(e, ratio - 1), share), mean);
  Value neither = e.mulFloats(e.subFloats(one, share), e.subFloats(one, mean));
  Value loss =
      e.mulFloats(real(e, ratio / (ratio - 1)), e.addFloats(both, neither));
  loss = e.select(e.equalFloats(tokens, zero), zero, loss);
  e.choose(isFirstLane(e), [&] {
    memref::StoreOp::create(
        e.builder, e.loc,
        emit::toFloat(e.builder, e.loc, loss, e.builder.getF32Type()),
        op.getLoss(), ValueRange());
  });
}

void RatioLossKernels::build() {
  OpBuilder &builder = host.builder;
  constexpr int64_t dynamic = ShapedType::kDynamic;
  sums = memref::AllocOp::create(
      builder, host.loc,
      MemRefType::get({dynamic, dynamic, 2}, builder.getF64Type()),
      ValueRange{rows, parts});
  KernelEmitter::launchWarps(
      builder, host.loc, "ratio_loss_parts", {rows, parts},
      [&](KernelEmitter &e, ArrayRef<Value> place) { addPart(e, place); });
  KernelEmitter::launch(builder, host.loc, "ratio_loss", host.index(1),
                        kWarpThreads, [&](KernelEmitter &e) { finish(e); });
  memref::DeallocOp::create(builder, host.loc, sums);
  op.erase();
}

void effattn::buildRatioLoss(OpBuilder &builder, RatioLossOp op) {
  RatioLossKernels(builder, op).build();
}
