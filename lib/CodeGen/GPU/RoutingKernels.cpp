//===- RoutingKernels.cpp - Choose experts, a warp a token ----------------===//
#include "FeedForwardKernels.h"
#include "RealNumbers.h"
#include "WarpSoftmax.h"
#include "WarpTopK.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

/// Tokens whose probabilities a block adds up, with so many threads, and the
/// threads of the block that adds up what these have found.
static constexpr int64_t kPartTokens = 256, kPartThreads = 256,
                         kBalanceThreads = 512;

namespace {
/// A token is a row of x, whatever the leading dimensions.
class RoutingKernels {
public:
  RoutingKernels(OpBuilder &builder, MoeRouteOp op)
      : host(builder, op.getLoc()), op(op),
        leading(getSizes(builder, host.loc, op.getX(),
                         cast<MemRefType>(op.getX().getType()).getRank() - 1)),
        experts(host.size(op.getW(), 1)) {}

  void build();

private:
  Value allocate(Type element, ValueRange sizes);
  void launchLogits();
  void launchChoices();
  void launchBalance();
  /// What a warp does with its token: experts are ranked by their logits, as in
  /// f32 the probabilities of all that lie 104 below the largest are 0.
  void chooseExperts(KernelEmitter &e, Value token);
  void normalize(KernelEmitter &e, ArrayRef<Value> place);
  /// Of rows [first, end), all numbers of the lane's column, which the warps of
  /// the block share. All threads get the sum of their lane.
  Value addRows(KernelEmitter &e, Value rows, Value column, Value first,
                Value end);
  void storeBalance(KernelEmitter &e, Value weighted);

  LoopEmitter host;
  MoeRouteOp op;
  SmallVector<Value> leading;
  Value experts, tokens;
  /// f32 [token, expert]: logits, and then the probabilities.
  Value probabilities;
  /// i32 [expert]: the choices of each.
  Value counts;
  /// f64 [part, expert]: the probabilities that a part of the tokens adds up
  /// to.
  Value parts;
};
} // namespace

static Value asInteger(LoopEmitter &e, Value index) {
  return emit::fromIndex(e.builder, e.loc, index, e.builder.getI32Type());
}

Value RoutingKernels::allocate(Type element, ValueRange sizes) {
  SmallVector<int64_t> shape(sizes.size(), ShapedType::kDynamic);
  return memref::AllocOp::create(host.builder, host.loc,
                                 MemRefType::get(shape, element), sizes);
}

//===----------------------------------------------------------------------===//
// Choices
//===----------------------------------------------------------------------===//

void RoutingKernels::launchLogits() {
  MatrixProduct product;
  product.rows = tokens;
  product.columns = experts;
  product.depth = host.size(op.getW(), 0);
  product.left = rowsOf(host, op.getX());
  product.rights = {columnsOf(op.getW())};
  product.writeRow = [&](KernelEmitter &e, Value token) {
    return [&e, token, this](Value expert, ValueRange sums) {
      e.storeFloat(sums.front(), probabilities, {token, expert});
    };
  };
  emitMatrixProduct(host.builder, host.loc, "moe_route_logits", product);
}

/// Lanes read again what they have written themselves, so that nobody waits.
void RoutingKernels::normalize(KernelEmitter &e, ArrayRef<Value> place) {
  auto overGates = [&](Value start, auto body) {
    return e
        .loop(e.lane(), e.index(op.getK()), kWarpThreads, start,
              [&](Value choice, ValueRange carried) -> SmallVector<Value> {
                SmallVector<Value> at = joinIndices(place, choice);
                return {
                    body(at, e.loadFloat(op.getGates(), at), carried.front())};
              })
        .front();
  };
  Value own = overGates(emit::f32(e.builder, e.loc, 0),
                        [&](ValueRange, Value gate, Value sum) {
                          return e.addFloats(sum, gate);
                        });
  overGates(e.sumWarp(own), [&](ValueRange at, Value gate, Value sum) {
    e.storeFloat(e.divFloats(gate, sum), op.getGates(), at);
    return sum;
  });
}

void RoutingKernels::chooseExperts(KernelEmitter &e, Value token) {
  WarpSoftmax softmax(e, probabilities, {token}, /*temperature=*/1);
  // Where a probability is NaN, all of the token are, and equal.
  Value isNaN = emit::isNaN(e.builder, e.loc, softmax.sum());
  Ranks ranks(e.builder, e.loc);
  auto rankOf = [&](Value expert) {
    return e.choose(
        e.lessThan(expert, experts), TypeRange(e.builder.getI64Type()),
        [&]() -> SmallVector<Value> {
          Value logit = e.loadFloat(probabilities, {token, expert});
          logit = e.select(isNaN, softmax.sum(), logit);
          return {ranks.encode(logit, expert)};
        },
        [&]() -> SmallVector<Value> { return {ranks.lowest()}; })[0];
  };
  auto offers = [&](WarpTopK &best, ValueRange list,
                    function_ref<Value(Value)> unlessFound) {
    return e.loop(e.index(0), experts, kWarpThreads, list,
                  [&](Value first, ValueRange sofar) {
                    Value rank = rankOf(e.add(first, e.lane()));
                    return best.offer(sofar, unlessFound(rank));
                  });
  };
  SmallVector<Value> place = e.split(token, leading);
  Value one = arith::ConstantIntOp::create(e.builder, e.loc, 1, 32);
  findBest(e, op.getK(), offers, [&](Value choice, Value rank) {
    SmallVector<Value> at = joinIndices(place, choice);
    Value expert = ranks.index(rank);
    e.storeFloat(softmax.probabilityOf(ranks.value(rank)), op.getGates(), at);
    memref::StoreOp::create(e.builder, e.loc, asInteger(e, expert),
                            op.getExperts(), at);
    memref::AtomicRMWOp::create(e.builder, e.loc, arith::AtomicRMWKind::addi,
                                one, counts, expert);
  });
  if (op.getNormalize())
    normalize(e, place);
  // Each lane has read these, and only these, of the logits.
  e.loop(e.lane(), experts, kWarpThreads, [&](Value expert) {
    e.storeFloat(softmax.probability(expert), probabilities, {token, expert});
  });
}

void RoutingKernels::launchChoices() {
  emitParallel(host.builder, host.loc, experts,
               [&](OpBuilder &nested, ValueRange expert) {
                 LoopEmitter e(nested, host.loc);
                 memref::StoreOp::create(nested, host.loc,
                                         asInteger(e, e.index(0)), counts,
                                         expert);
               });
  KernelEmitter::launchWarps(host.builder, host.loc, "moe_route", tokens,
                             [&](KernelEmitter &e, ArrayRef<Value> token) {
                               chooseExperts(e, token.front());
                             });
}

//===----------------------------------------------------------------------===//
// Load balance
//===----------------------------------------------------------------------===//

Value RoutingKernels::addRows(KernelEmitter &e, Value rows, Value column,
                              Value first, Value end) {
  Type f64 = e.builder.getF64Type();
  auto add = [&](Value source, ValueRange at, Value sum) {
    Value number = emit::load(e.builder, e.loc, source, at);
    return e.addFloats(sum, emit::toFloat(e.builder, e.loc, number, f64));
  };
  Value own = e.loop(e.add(first, e.warp()), end, e.warps(), real(e, 0),
                     [&](Value row, ValueRange sum) -> SmallVector<Value> {
                       return {add(rows, {row, column}, sum[0])};
                     })[0];
  Value ofWarps = e.shared({e.warps(), kWarpThreads}, f64);
  memref::StoreOp::create(e.builder, e.loc, own, ofWarps,
                          ValueRange{e.warp(), e.lane()});
  e.barrier();
  Value sum = e.loop(e.index(0), e.index(e.warps()), 1, real(e, 0),
                     [&](Value warp, ValueRange sum) -> SmallVector<Value> {
                       return {add(ofWarps, {warp, e.lane()}, sum[0])};
                     })[0];
  e.barrier();
  return sum;
}

/// `weighted` is the sum over experts of their choices times their summed
/// probabilities.
void RoutingKernels::storeBalance(KernelEmitter &e, Value weighted) {
  Value count = toReal(e, tokens);
  Value choices = e.mulFloats(count, real(e, op.getK()));
  Value balance = e.mulFloats(e.divFloats(weighted, choices),
                              e.divFloats(toReal(e, experts), count));
  balance = e.select(e.equal(tokens, e.index(0)), real(e, 0), balance);
  e.choose(e.equal(e.thread(), e.index(0)), [&] {
    Value rounded =
        emit::toFloat(e.builder, e.loc, balance, e.builder.getF32Type());
    e.storeFloat(rounded, op.getLoadBalance(), {});
  });
}

/// Blocks add up columns of some tokens each; one block then adds up what they
/// have found, always in the same order.
void RoutingKernels::launchBalance() {
  Value partCount = host.ceilDiv(tokens, kPartTokens);
  Value columnBlocks = host.ceilDiv(experts, kWarpThreads);
  parts = allocate(host.builder.getF64Type(), {partCount, experts});
  auto overLane = [&](KernelEmitter &e, Value columnBlock, auto body) {
    Value expert = e.add(e.mul(columnBlock, kWarpThreads), e.lane());
    Value last = e.sub(experts, e.index(1));
    return body(e.min(expert, last), e.lessThan(expert, experts));
  };
  KernelEmitter::launch(
      host.builder, host.loc, "moe_route_parts",
      host.mul(partCount, columnBlocks), kPartThreads, [&](KernelEmitter &e) {
        SmallVector<Value> at = e.split(e.block(), {partCount, columnBlocks});
        overLane(e, at[1], [&](Value expert, Value exists) {
          Value first = e.mul(at[0], kPartTokens);
          Value end = e.min(e.add(first, kPartTokens), tokens);
          Value sum = addRows(e, probabilities, expert, first, end);
          Value isWriter = emit::logicalAnd(e.builder, e.loc, exists,
                                            e.equal(e.warp(), e.index(0)));
          e.choose(isWriter, [&] {
            memref::StoreOp::create(e.builder, e.loc, sum, parts,
                                    ValueRange{at[0], expert});
          });
        });
      });
  KernelEmitter::launch(
      host.builder, host.loc, "moe_route_balance", host.index(1),
      kBalanceThreads, [&](KernelEmitter &e) {
        auto weigh = [&](Value columnBlock, ValueRange sum) {
          return overLane(
              e, columnBlock,
              [&](Value expert, Value exists) -> SmallVector<Value> {
                Value of = addRows(e, parts, expert, e.index(0), partCount);
                Value count = emit::loadIndex(e.builder, e.loc, counts, expert);
                Value term = e.mulFloats(toReal(e, count), of);
                term = e.select(exists, term, real(e, 0));
                return {e.addFloats(sum[0], term)};
              });
        };
        Value own = e.loop(e.index(0), columnBlocks, 1, real(e, 0), weigh)[0];
        storeBalance(e, e.sumWarp(own));
      });
  memref::DeallocOp::create(host.builder, host.loc, parts);
}

void RoutingKernels::build() {
  if (op.getK() == 0) {
    memref::StoreOp::create(host.builder, host.loc,
                            emit::f32(host.builder, host.loc, 0),
                            op.getLoadBalance());
    return op.erase();
  }
  tokens = host.index(1);
  for (Value size : leading)
    tokens = host.mul(tokens, size);
  probabilities = allocate(host.builder.getF32Type(), {tokens, experts});
  counts = allocate(host.builder.getI32Type(), experts);
  launchLogits();
  launchChoices();
  launchBalance();
  for (Value scratch : {counts, probabilities})
    memref::DeallocOp::create(host.builder, host.loc, scratch);
  op.erase();
}

void effattn::buildMoeRoute(OpBuilder &builder, MoeRouteOp op) {
  RoutingKernels(builder, op).build();
}
