//===- BuildTopKKernels.cpp - The best of a row, a warp a row -------------===//
#include "../ForEachOnBuffers.h"
#include "KernelEmitter.h"
#include "RankSort.h"
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
#define GEN_PASS_DEF_BUILDTOPKKERNELSPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

static int64_t rankOf(Value buffer) {
  return cast<MemRefType>(buffer.getType()).getRank();
}

//===----------------------------------------------------------------------===//
// top_k
//===----------------------------------------------------------------------===//

/// Candidates that a lane loads at once.
static constexpr int64_t kTogether = 4;
/// Elements of a row that are worth a warp of their own, and the warps that
/// fill a GPU.
static constexpr int64_t kPartElements = 1024, kWantedWarps = 2048;

/// So many turns of a warp at most, before sorting costs less.
static constexpr int64_t kMostTurns = 4;

namespace {
/// A row of top_k.
class TopKRow {
public:
  TopKRow(LoopEmitter &e, TopKOp op, ArrayRef<Value> row)
      : e(e), op(op), row(row), ranks(e.builder, e.loc) {}

  /// The rank of an element, or the lowest past `end`.
  Value rank(Value at, Value end);
  /// A result and its place.
  void store(Value place, Value rank);

private:
  Value load(Value at) {
    return emit::load(e.builder, e.loc, op.getX(), joinIndices(row, at));
  }

  LoopEmitter &e;
  TopKOp op;
  ArrayRef<Value> row;
  Ranks ranks;
};
} // namespace

Value TopKRow::rank(Value at, Value end) {
  Type i64 = e.builder.getI64Type(), f32 = e.builder.getF32Type();
  return e.choose(
      e.lessThan(at, end), TypeRange(i64),
      [&]() -> SmallVector<Value> {
        Value value = emit::toFloat(e.builder, e.loc, load(at), f32);
        return {ranks.encode(value, at)};
      },
      [&]() -> SmallVector<Value> { return {ranks.lowest()}; })[0];
}

/// The element is read again, so that -0 and the bits of a NaN stay as they
/// are.
void TopKRow::store(Value place, Value rank) {
  SmallVector<Value> at = joinIndices(row, place);
  Value index = ranks.index(rank);
  memref::StoreOp::create(e.builder, e.loc, load(index), op.getValues(), at);
  memref::StoreOp::create(
      e.builder, e.loc,
      emit::fromIndex(e.builder, e.loc, index, e.builder.getI32Type()),
      op.getIndices(), at);
}

/// Offers all elements of a row in [first, end) to a list.
static SmallVector<Value> offerAll(KernelEmitter &e, TopKRow &row,
                                   WarpTopK &best, ValueRange list, Value first,
                                   Value end,
                                   function_ref<Value(Value)> unlessFound) {
  return e.loop(first, end, kTogether * kWarpThreads, list,
                [&](Value batch, ValueRange sofar) {
                  SmallVector<Value> candidates;
                  for (int64_t i = 0; i < kTogether; ++i) {
                    Value at = e.add(e.add(batch, e.lane()), i * kWarpThreads);
                    candidates.push_back(unlessFound(row.rank(at, end)));
                  }
                  return best.offer(sofar, candidates);
                });
}

namespace {
/// The launches of a top_k.
class TopKKernels {
public:
  TopKKernels(OpBuilder &builder, TopKOp op)
      : builder(builder), loc(op.getLoc()), op(op),
        leading(rankOf(op.getX()) - 1), kept(op.getK()),
        sizes(getSizes(builder, loc, op.getX(), leading)),
        elements(emit::size(builder, loc, op.getX(), leading)) {}

  void build();

private:
  Value index(int64_t value) { return emit::index(builder, loc, value); }
  /// In how many parts a row is searched.
  Value chooseParts();
  void searchRows();
  /// The best of every part, and then the best of these.
  void searchParts(Value parts);
  void sortRows();

  OpBuilder &builder;
  Location loc;
  TopKOp op;
  int64_t leading, kept;
  SmallVector<Value> sizes;
  Value elements;
};
} // namespace

void TopKKernels::searchRows() {
  KernelEmitter::launchWarps(
      builder, loc, "top_k", sizes, [&](KernelEmitter &e, ArrayRef<Value> row) {
        TopKRow search(e, op, row);
        findBest(
            e, kept,
            [&](WarpTopK &best, ValueRange list,
                function_ref<Value(Value)> unlessFound) {
              return offerAll(e, search, best, list, e.index(0), elements,
                              unlessFound);
            },
            [&](Value place, Value rank) { search.store(place, rank); });
      });
}

void TopKKernels::searchParts(Value parts) {
  SmallVector<Value> all = joinIndices(sizes, parts);
  Value length = arith::CeilDivUIOp::create(builder, loc, elements, parts);
  SmallVector<int64_t> shape(leading + 1, ShapedType::kDynamic);
  shape.push_back(llvm::PowerOf2Ceil(llvm::alignTo(kept, kWarpThreads)));
  Value lists = memref::AllocOp::create(
      builder, loc, MemRefType::get(shape, builder.getI64Type()), all);
  KernelEmitter::launchWarps(
      builder, loc, "top_k_part", all,
      [&](KernelEmitter &e, ArrayRef<Value> part) {
        WarpTopK best(e, kept);
        Value first = e.mul(part.back(), length);
        TopKRow search(e, op, part.drop_back());
        SmallVector<Value> list =
            offerAll(e, search, best, best.none(), first,
                     e.min(elements, e.add(first, length)),
                     [](Value rank) { return rank; });
        best.overList(list, e.index(best.room()), [&](Value place, Value rank) {
          memref::StoreOp::create(e.builder, e.loc, rank, lists,
                                  joinIndices(part, place));
        });
      });
  KernelEmitter::launchWarps(
      builder, loc, "top_k_merge", sizes,
      [&](KernelEmitter &e, ArrayRef<Value> row) {
        WarpTopK best(e, kept);
        Value last = e.index(best.room() - 1);
        SmallVector<Value> list =
            e.loop(e.index(0), parts, 1, best.none(),
                   [&](Value part, ValueRange sofar) {
                     SmallVector<Value> reversed;
                     for (size_t i = 0; i < sofar.size(); ++i) {
                       Value place = e.add(e.lane(), i * kWarpThreads);
                       reversed.push_back(emit::load(
                           e.builder, e.loc, lists,
                           joinIndices(row, {part, e.sub(last, place)})));
                     }
                     return best.merge(sofar, reversed);
                   });
        TopKRow search(e, op, row);
        best.overList(list, e.index(kept), [&](Value place, Value rank) {
          search.store(place, rank);
        });
      });
  memref::DeallocOp::create(builder, loc, lists);
}

void TopKKernels::sortRows() {
  // The bits of the last place, and room for that many.
  Value last =
      emit::fromIndex(builder, loc, emit::sub(builder, loc, elements, index(1)),
                      builder.getI64Type());
  Value bits = emit::sub(
      builder, loc, index(64),
      emit::toIndex(builder, loc,
                    math::CountLeadingZerosOp::create(builder, loc, last)));
  SmallVector<Value> all = joinIndices(
      sizes, arith::ShLIOp::create(builder, loc, index(1), bits).getResult());
  SmallVector<int64_t> shape(leading + 1, ShapedType::kDynamic);
  Value ranks = memref::AllocOp::create(
      builder, loc, MemRefType::get(shape, builder.getI64Type()), all);
  auto overRows =
      [&](ValueRange sizes,
          function_ref<void(TopKRow &, OpBuilder &, ValueRange)> body) {
        emitParallel(builder, loc, sizes,
                     [&](OpBuilder &nested, ValueRange place) {
                       LoopEmitter e(nested, loc);
                       SmallVector<Value> row(place.drop_back());
                       TopKRow elements(e, op, row);
                       body(elements, nested, place);
                     });
      };
  overRows(all, [&](TopKRow &row, OpBuilder &nested, ValueRange place) {
    memref::StoreOp::create(nested, loc, row.rank(place.back(), elements),
                            ranks, place);
  });
  emitRankSort(builder, loc, ranks, bits);
  overRows(joinIndices(sizes, index(kept)),
           [&](TopKRow &row, OpBuilder &nested, ValueRange place) {
             row.store(place.back(), emit::load(nested, loc, ranks, place));
           });
  memref::DeallocOp::create(builder, loc, ranks);
}

Value TopKKernels::chooseParts() {
  Value rows = index(1);
  for (Value size : sizes)
    rows = emit::mul(builder, loc, rows, size);
  Value useful =
      arith::CeilDivUIOp::create(builder, loc, elements, index(kPartElements));
  Value wanted =
      arith::CeilDivUIOp::create(builder, loc, index(kWantedWarps),
                                 emit::max(builder, loc, rows, index(1)));
  return emit::min(builder, loc, useful, wanted);
}

void TopKKernels::build() {
  if (kept == 0)
    return;
  if (kept > kMostTurns * WarpTopK::kMostInRegisters)
    return sortRows();
  int64_t known = cast<MemRefType>(op.getX().getType()).getDimSize(leading);
  bool isShort = !ShapedType::isDynamic(known) && known <= kPartElements;
  if (isShort || kept > WarpTopK::kMostInRegisters)
    return searchRows();
  Value parts = chooseParts();
  auto choice = scf::IfOp::create(builder, loc,
                                  emit::lessThan(builder, loc, index(1), parts),
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(choice.thenBlock());
  searchParts(parts);
  builder.setInsertionPointToStart(choice.elseBlock());
  searchRows();
}

static void buildTopK(OpBuilder &builder, TopKOp op) {
  TopKKernels(builder, op).build();
  op.erase();
}

namespace {
struct BuildTopKKernelsPass
    : effattn::impl::BuildTopKKernelsPassBase<BuildTopKKernelsPass> {
  void runOnOperation() override {
    forEachOnBuffers<TopKOp>(getOperation(), buildTopK);
  }
};
} // namespace
