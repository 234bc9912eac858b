//===- ExpandAddressMemory.cpp - Write and read slots by vectors ----------===//
#include "Expansion.h"
#include "VectorEmitter.h"
#include "effattn/CodeGen/CPU/Passes.h"
#include "effattn/Dialect/MemoryOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_EXPANDADDRESSMEMORYPASS
#include "effattn/CodeGen/CPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// Vectors of columns that are in registers at once.
static constexpr int64_t kBlockVectors = 4;
/// How many tokens ahead slots are asked for.
static constexpr int64_t kTokensAhead = 1;
/// Powers up to this one are products.
static constexpr double kMostFactors = 16;

namespace {
/// Rows of the batch in parallel, the tokens of each in order.
class AddressMemoryExpansion {
public:
  AddressMemoryExpansion(OpBuilder &builder, AddressMemoryOp op,
                         const CpuModel &cpu)
      : emitter(builder, op.getLoc(), cpu), op(op) {}

  void run();

private:
  /// The weights and slots of the tokens that are written, or read.
  struct Address {
    Value weights, slots, count;
  };
  using Block = VectorEmitter::Block;

  void scan();
  void write(Value token, Value ahead);
  void read(Value token, Value ahead);
  /// Asks for the slot that stands at `place` of a token's address.
  void prefetch(const Address &address, Value token, Value place, bool isWrite);
  Value decay(Value weight);
  Value power(Value base, int64_t exponent);

  Value loadSlot(const Address &address, Value token, Value place) {
    return emit::loadIndex(emitter.builder, emitter.loc, address.slots,
                           {row, token, place});
  }

  VectorEmitter emitter;
  AddressMemoryOp op;
  Address written, wanted;
  Value values, out, memory, mass, width;
  /// The row of the batch, and of a token what is left of each slot that it
  /// writes and the share of each that it reads.
  Value row, decays, shares;
};
} // namespace

void AddressMemoryExpansion::run() {
  VectorEmitter &e = emitter;
  written = {op.getWriteWeights(), op.getWriteIndices(),
             e.size(op.getWriteIndices(), 2)};
  wanted = {op.getReadWeights(), op.getReadIndices(),
            e.size(op.getReadIndices(), 2)};
  values = e.contiguous(op.getValues());
  memory = e.contiguous(op.getMemory());
  mass = op.getMass();
  out = e.isContiguous(op.getOut()) ? Value(op.getOut())
                                    : e.scratchLike(op.getOut());
  width = e.size(out, 2);
  e.parallel(e.size(out, 0), [&](ValueRange place) {
    row = place[0];
    decays = e.scratch(OpFoldResult(written.count), e.builder.getF32Type());
    shares = e.scratch(OpFoldResult(wanted.count), e.builder.getF32Type());
    scan();
  });
  if (out != op.getOut())
    linalg::makeMemRefCopyOp(e.builder, e.loc, out, op.getOut());
  if (memory != op.getMemory())
    linalg::makeMemRefCopyOp(e.builder, e.loc, memory, op.getMemory());
  op.erase();
}

void AddressMemoryExpansion::scan() {
  VectorEmitter &e = emitter;
  Value tokens = e.size(out, 1), length = tokens;
  if (op.getLengths())
    length = emit::loadIndex(e.builder, e.loc, op.getLengths(), row);
  Value last = e.sub(length, e.index(1));
  e.loop(e.index(0), length, 1, [&](Value token) {
    Value ahead = e.min(e.add(token, kTokensAhead), last);
    write(token, ahead);
    read(token, ahead);
  });
  e.loop(length, tokens, 1, [&](Value token) {
    e.overBlocks(width, kBlockVectors, [&](const Block &block) {
      for (auto [column, mask] : llvm::zip(block.columns, block.masks))
        e.store(e.zeros(), out, {row, token, column}, mask);
    });
  });
}

void AddressMemoryExpansion::write(Value token, Value ahead) {
  VectorEmitter &e = emitter;
  e.loop(e.index(0), written.count, 1, [&](Value place) {
    prefetch(written, ahead, place, /*isWrite=*/true);
    Value slot = loadSlot(written, token, place);
    Value weight = e.loadScalar(written.weights, {row, token, place});
    Value kept = decay(weight);
    Value before = e.loadScalar(mass, {row, slot});
    e.storeScalar(e.addFloats(e.mulFloats(kept, before), weight), mass,
                  {row, slot});
    e.storeScalar(kept, decays, place);
  });
  e.overBlocks(width, kBlockVectors, [&](const Block &block) {
    SmallVector<Value> added;
    for (auto [column, mask] : llvm::zip(block.columns, block.masks))
      added.push_back(e.load(values, {row, token, column}, mask));
    e.loop(e.index(0), written.count, 1, [&](Value place) {
      Value slot = loadSlot(written, token, place);
      Value weight =
          e.splat(e.loadScalar(written.weights, {row, token, place}));
      Value kept = e.splat(e.loadScalar(decays, place));
      for (auto [column, mask, value] :
           llvm::zip(block.columns, block.masks, added)) {
        Value stored = e.load(memory, {row, slot, column}, mask);
        Value sum = e.mulAdd(kept, stored, e.mulFloats(weight, value));
        e.store(sum, memory, {row, slot, column}, mask);
      }
    });
  });
}

void AddressMemoryExpansion::read(Value token, Value ahead) {
  VectorEmitter &e = emitter;
  Value epsilon = emit::f32(e.builder, e.loc, op.getEpsilon());
  e.loop(e.index(0), wanted.count, 1, [&](Value place) {
    prefetch(wanted, ahead, place, /*isWrite=*/false);
    Value slot = loadSlot(wanted, token, place);
    Value weight = e.loadScalar(wanted.weights, {row, token, place});
    Value norm = e.addFloats(e.loadScalar(mass, {row, slot}), epsilon);
    e.storeScalar(e.divFloats(weight, norm), shares, place);
  });
  e.overBlocks(width, kBlockVectors, [&](const Block &block) {
    SmallVector<Value> sums(block.columns.size(), e.zeros());
    sums = e.loop(
        e.index(0), wanted.count, 1, sums, [&](Value place, ValueRange sofar) {
          Value slot = loadSlot(wanted, token, place);
          Value share = e.splat(e.loadScalar(shares, place));
          SmallVector<Value> next;
          for (auto [column, mask, sum] :
               llvm::zip(block.columns, block.masks, sofar))
            next.push_back(e.mulAdd(
                share, e.load(memory, {row, slot, column}, mask), sum));
          return next;
        });
    for (auto [column, mask, sum] : llvm::zip(block.columns, block.masks, sums))
      e.store(sum, out, {row, token, column}, mask);
  });
}

void AddressMemoryExpansion::prefetch(const Address &address, Value token,
                                      Value place, bool isWrite) {
  VectorEmitter &e = emitter;
  Value slot = loadSlot(address, token, place);
  e.prefetchRow(memory, {row, slot}, isWrite);
}

/// (1 - w)^gamma, where 0^0 is 1.
Value AddressMemoryExpansion::decay(Value weight) {
  VectorEmitter &e = emitter;
  double gamma = op.getGamma();
  Value rest = e.subFloats(emit::f32(e.builder, e.loc, 1), weight);
  if (gamma <= kMostFactors && gamma == std::trunc(gamma))
    return power(rest, gamma);
  double bounded = std::clamp<double>(gamma, std::numeric_limits<float>::min(),
                                      std::numeric_limits<float>::max());
  return math::PowFOp::create(e.builder, e.loc, rest,
                              emit::f32(e.builder, e.loc, bounded));
}

Value AddressMemoryExpansion::power(Value base, int64_t exponent) {
  if (exponent == 0)
    return emit::f32(emitter.builder, emitter.loc, 1);
  if (exponent == 1)
    return base;
  Value half = power(base, exponent / 2);
  Value square = emitter.mulFloats(half, half);
  return exponent % 2 ? emitter.mulFloats(square, base) : square;
}

void effattn::expand(OpBuilder &builder, AddressMemoryOp op,
                     const CpuModel &cpu) {
  AddressMemoryExpansion(builder, op, cpu).run();
}

namespace {
struct ExpandAddressMemoryPass
    : ExpansionPass<effattn::impl::ExpandAddressMemoryPassBase,
                    ExpandAddressMemoryPass> {
  using ExpansionPass::ExpansionPass;

  void expandAll(const CpuModel &cpu) { expandEach<AddressMemoryOp>(cpu); }
};
} // namespace
