//===- BuildMemoryKernels.cpp - Memories of slots, a warp a slot ----------===//
#include "../ForEachOnBuffers.h"
#include "EmbeddingKernels.h"
#include "KernelEmitter.h"
#include "QuantizeKernels.h"
#include "effattn/CodeGen/GPU/Passes.h"
#include "effattn/Dialect/MemoryOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_BUILDMEMORYKERNELSPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// A power of two of warps: the lowest bits of a slot say whose it is.
static constexpr int64_t kWarps = 16;
/// At most so many tokens are read before their terms are added up, and no
/// more than this many terms are kept, if one token has no more.
static constexpr int64_t kMostTokens = 32, kMostTerms = int64_t(1) << 16;
/// Columns of a lane whose loads are under way together.
static constexpr int64_t kColumns = 4;

namespace {
/// What a block does with its row of the batch. Every warp walks the writes and
/// reads of all tokens in order, 32 at a time, and does those of its slots;
/// lane 0 has their mass, and each lane its columns. So no two threads meet at
/// a number of the state, and the order at every slot is that of the tokens.
class AddressMemoryKernel {
public:
  AddressMemoryKernel(KernelEmitter &e, AddressMemoryOp op, Value terms)
      : e(e), op(op), terms(terms), row(e.block()),
        writes(e.size(op.getWriteIndices(), 2)),
        reads(e.size(op.getReadIndices(), 2)), perToken(e.add(writes, reads)),
        width(e.size(op.getOut(), 2)), tokens(e.size(op.getOut(), 1)) {}

  void emit();

private:
  /// A slot that is written or read, and its weight.
  struct Access {
    Value slot, weight;
  };
  /// What one lane knows of its access, for all lanes.
  struct Shown {
    Value slot, weight, decay, token, place;
  };

  void walk(Value first, Value count);
  /// Number `at` of all accesses from token `first` on, or slot -1 past `end`.
  Access load(Value first, Value at, Value end);
  void apply(Value first, Value at, Access own);
  void write(const Shown &access, Value token);
  void read(const Shown &access);
  void addTerms(Value first, Value count);
  /// Zeros for the tokens from `first` on.
  void clear(Value first);

  Value emitDecay(Value weight);
  Value real(double value) { return emit::f32(e.builder, e.loc, value); }
  Value integer(int64_t value) {
    return arith::ConstantIntOp::create(e.builder, e.loc, value, 32);
  }
  Value toInteger(Value index) {
    return emit::fromIndex(e.builder, e.loc, index, e.builder.getI32Type());
  }
  Value toIndex(Value value) { return emit::toIndex(e.builder, e.loc, value); }
  Value load(Value source, ValueRange indices) {
    return emit::load(e.builder, e.loc, source, indices);
  }
  void store(Value value, Value destination, ValueRange indices) {
    memref::StoreOp::create(e.builder, e.loc, value, destination, indices);
  }
  Value isFirstLane() { return e.equal(e.lane(), e.index(0)); }
  /// Makes `source(column)` become `destination(column, value)` for all columns
  /// of this lane, some at once: what is loaded first arrives together.
  void overColumns(function_ref<Value(Value)> source,
                   function_ref<void(Value, Value)> destination);

  KernelEmitter &e;
  AddressMemoryOp op;
  Value terms, row, writes, reads, perToken, width, tokens;
};
} // namespace

void AddressMemoryKernel::overColumns(
    function_ref<Value(Value)> source,
    function_ref<void(Value, Value)> destination) {
  int64_t known = cast<MemRefType>(op.getOut().getType()).getDimSize(2);
  int64_t together = ShapedType::isDynamic(known)
                         ? kColumns
                         : std::clamp(llvm::divideCeil(known, kWarpThreads),
                                      uint64_t(1), uint64_t(kColumns));
  bool isWhole =
      !ShapedType::isDynamic(known) && known % (together * kWarpThreads) == 0;
  // No lane may look at a column of another, which that one may be writing.
  auto load = [&](Value column) {
    return isWhole
               ? source(column)
               : e.choose(
                     e.lessThan(column, width),
                     TypeRange(e.builder.getF32Type()),
                     [&]() -> SmallVector<Value> { return {source(column)}; },
                     [&]() -> SmallVector<Value> { return {real(0)}; })[0];
  };
  e.loop(e.lane(), width, together * kWarpThreads, [&](Value first) {
    SmallVector<Value> columns, values;
    for (int64_t part = 0; part < together; ++part) {
      columns.push_back(e.add(first, part * kWarpThreads));
      values.push_back(load(columns.back()));
    }
    for (auto [column, value] : llvm::zip(columns, values))
      if (isWhole)
        destination(column, value);
      else
        e.choose(e.lessThan(column, width),
                 [&, column = column, value = value] {
                   destination(column, value);
                 });
  });
}

/// (1 - w)^gamma, where 0^0 is 1.
Value AddressMemoryKernel::emitDecay(Value weight) {
  double gamma = op.getGamma();
  if (gamma == 0)
    return real(1);
  Value rest = e.subFloats(real(1), weight);
  return gamma == 1
             ? rest
             : math::PowFOp::create(e.builder, e.loc, rest, e.positive(gamma))
                   .getResult();
}

AddressMemoryKernel::Access AddressMemoryKernel::load(Value first, Value at,
                                                      Value end) {
  auto loadFrom = [&](Value weights, Value indices, Value token,
                      Value place) -> SmallVector<Value> {
    SmallVector<Value> indicesOfAll{row, token, place};
    return {load(indices, indicesOfAll), load(weights, indicesOfAll)};
  };
  std::pair<Value, Value> parts = e.divide(at, perToken);
  Value token = parts.first, place = parts.second;
  Type i32 = e.builder.getI32Type(), f32 = e.builder.getF32Type();
  SmallVector<Value> access = e.choose(
      e.lessThan(at, end), {i32, f32},
      [&] {
        return e.choose(
            e.lessThan(place, writes), {i32, f32},
            [&] {
              return loadFrom(op.getWriteWeights(), op.getWriteIndices(),
                              e.add(first, token), place);
            },
            [&] {
              return loadFrom(op.getReadWeights(), op.getReadIndices(),
                              e.add(first, token), e.sub(place, writes));
            });
      },
      [&]() -> SmallVector<Value> { return {integer(-1), real(0)}; });
  return {access[0], access[1]};
}

void AddressMemoryKernel::write(const Shown &access, Value token) {
  e.choose(isFirstLane(), [&] {
    Value kept =
        e.mulFloats(access.decay, load(op.getMass(), {row, access.slot}));
    store(e.addFloats(kept, access.weight), op.getMass(), {row, access.slot});
  });
  overColumns(
      [&](Value column) {
        Value value = e.loadFloat(op.getValues(), {row, token, column});
        Value kept = e.mulFloats(
            access.decay, load(op.getMemory(), {row, access.slot, column}));
        return e.addFloats(kept, e.mulFloats(access.weight, value));
      },
      [&](Value column, Value value) {
        store(value, op.getMemory(), {row, access.slot, column});
      });
}

void AddressMemoryKernel::read(const Shown &access) {
  Value scale = e.choose(
      isFirstLane(), TypeRange(e.builder.getF32Type()),
      [&]() -> SmallVector<Value> {
        Value mass = load(op.getMass(), {row, access.slot});
        Value epsilon = real(op.getEpsilon());
        return {e.divFloats(access.weight, e.addFloats(mass, epsilon))};
      },
      [&]() -> SmallVector<Value> { return {real(0)}; })[0];
  scale = e.shuffleFrom(scale, e.index(0));
  overColumns(
      [&](Value column) {
        return e.mulFloats(scale,
                           load(op.getMemory(), {row, access.slot, column}));
      },
      [&](Value column, Value value) {
        store(value, terms, {row, access.token, access.place, column});
      });
}

void AddressMemoryKernel::apply(Value first, Value at, Access own) {
  auto [token, place] = e.divide(at, perToken);
  Value decay = emitDecay(own.weight);
  Value owner =
      arith::AndIOp::create(e.builder, e.loc, own.slot, integer(kWarps - 1));
  Value isOwned = emit::logicalAnd(
      e.builder, e.loc, emit::lessEqual(e.builder, e.loc, integer(0), own.slot),
      e.equal(owner, toInteger(e.warp())));
  Value tokenOfLane = toInteger(token), placeOfLane = toInteger(place);
  e.forEachLane(isOwned, [&](Value lane) {
    auto shown = [&](Value value) { return e.shuffleFrom(value, lane); };
    Shown access{toIndex(shown(own.slot)), shown(own.weight), shown(decay),
                 toIndex(shown(tokenOfLane)), toIndex(shown(placeOfLane))};
    e.choose(
        e.lessThan(access.place, writes),
        [&] { write(access, e.add(first, access.token)); },
        [&] {
          access.place = e.sub(access.place, writes);
          read(access);
        });
  });
}

/// The next accesses are loaded while these are applied.
void AddressMemoryKernel::walk(Value first, Value count) {
  Value end = e.mul(count, perToken);
  Access start = load(first, e.lane(), end);
  e.loop(e.index(0), end, kWarpThreads, ValueRange{start.slot, start.weight},
         [&](Value batch, ValueRange own) -> SmallVector<Value> {
           Value at = e.add(batch, e.lane());
           Access next = load(first, e.add(at, kWarpThreads), end);
           apply(first, at, {own[0], own[1]});
           return {next.slot, next.weight};
         });
}

/// In the order of the reads.
void AddressMemoryKernel::addTerms(Value first, Value count) {
  e.loop(e.warp(), count, kWarps, [&](Value token) {
    e.loop(e.lane(), width, kWarpThreads, [&](Value column) {
      Value sum =
          e.loop(e.index(0), reads, 1, real(0),
                 [&](Value place, ValueRange sum) -> SmallVector<Value> {
                   Value term = load(terms, {row, token, place, column});
                   return {e.addFloats(sum[0], term)};
                 })[0];
      e.storeFloat(sum, op.getOut(), {row, e.add(first, token), column});
    });
  });
}

void AddressMemoryKernel::clear(Value first) {
  e.loop(e.add(first, e.warp()), tokens, kWarps, [&](Value token) {
    e.loop(e.lane(), width, kWarpThreads, [&](Value column) {
      e.storeFloat(real(0), op.getOut(), {row, token, column});
    });
  });
}

void AddressMemoryKernel::emit() {
  Value length = op.getLengths()
                     ? emit::loadIndex(e.builder, e.loc, op.getLengths(), row)
                     : tokens;
  Value together = e.size(terms, 1);
  scf::ForOp::create(e.builder, e.loc, e.index(0), length, together,
                     ValueRange(),
                     [&](OpBuilder &, Location, Value first, ValueRange) {
                       Value count = e.min(together, e.sub(length, first));
                       walk(first, count);
                       e.barrier();
                       addTerms(first, count);
                       e.barrier();
                       scf::YieldOp::create(e.builder, e.loc);
                     });
  if (op.getLengths())
    clear(length);
}

/// Room for the terms of some tokens of every row.
static Value allocateTerms(OpBuilder &builder, AddressMemoryOp op) {
  Location loc = op.getLoc();
  Value rows = emit::size(builder, loc, op.getOut(), 0);
  Value reads = emit::size(builder, loc, op.getReadIndices(), 2);
  Value width = emit::size(builder, loc, op.getOut(), 2);
  Value one = emit::index(builder, loc, 1);
  Value perToken =
      emit::max(builder, loc, one, emit::mul(builder, loc, reads, width));
  Value tokens = arith::DivUIOp::create(
      builder, loc, emit::index(builder, loc, kMostTerms), perToken);
  tokens = emit::max(
      builder, loc, one,
      emit::min(builder, loc, tokens, emit::index(builder, loc, kMostTokens)));
  SmallVector<int64_t> shape(4, ShapedType::kDynamic);
  return memref::AllocOp::create(builder, loc,
                                 MemRefType::get(shape, builder.getF32Type()),
                                 ValueRange{rows, tokens, reads, width});
}

static void build(OpBuilder &builder, AddressMemoryOp op) {
  Location loc = op.getLoc();
  Value terms = allocateTerms(builder, op);
  KernelEmitter::launch(
      builder, loc, "address_memory", emit::size(builder, loc, op.getOut(), 0),
      kWarps * kWarpThreads,
      [&](KernelEmitter &e) { AddressMemoryKernel(e, op, terms).emit(); });
  memref::DeallocOp::create(builder, loc, terms);
  op.erase();
}

namespace {
struct BuildMemoryKernelsPass
    : effattn::impl::BuildMemoryKernelsPassBase<BuildMemoryKernelsPass> {
  void runOnOperation() override {
    forEachOnBuffers<AddressMemoryOp>(getOperation(), build);
    forEachOnBuffers<VectorQuantizeOp>(getOperation(), buildVectorQuantize);
    forEachOnBuffers<EmbeddingOp>(getOperation(), buildEmbedding);
    forEachOnBuffers<LoraEmbeddingOp>(getOperation(), buildLoraEmbedding);
    forEachOnBuffers<QuantizedEmbeddingOp>(getOperation(),
                                           buildQuantizedEmbedding);
    forEachOnBuffers<SplitEmbeddingOp>(getOperation(), buildSplitEmbedding);
    forEachOnBuffers<TensorTrainEmbeddingOp>(getOperation(),
                                             buildTensorTrainEmbedding);
  }
};
} // namespace
