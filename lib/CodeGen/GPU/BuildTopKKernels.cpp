//===- BuildTopKKernels.cpp - The best of a row, a warp a row -------------===//
#include "../ForEachOnBuffers.h"
#include "KernelEmitter.h"
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

namespace {
/// A row of top_k, or a part of it.
class TopKRow {
public:
  TopKRow(KernelEmitter &e, TopKOp op, ArrayRef<Value> row)
      : e(e), op(op), row(row), ranks(e.builder, e.loc) {}

  /// All elements in [first, end) to a list.
  SmallVector<Value> offer(WarpTopK &best, SmallVector<Value> list, Value first,
                           Value end, function_ref<Value(Value)> unlessFound);
  /// A result and its place.
  void store(Value place, Value rank);

private:
  KernelEmitter &e;
  TopKOp op;
  ArrayRef<Value> row;
  Ranks ranks;
};
} // namespace

SmallVector<Value> TopKRow::offer(WarpTopK &best, SmallVector<Value> list,
                                  Value first, Value end,
                                  function_ref<Value(Value)> unlessFound) {
  return e.loop(
      first, end, kTogether * kWarpThreads, list,
      [&](Value batch, ValueRange sofar) {
        SmallVector<Value> candidates;
        for (int64_t i = 0; i < kTogether; ++i) {
          Value at = e.add(e.add(batch, e.lane()), i * kWarpThreads);
          candidates.push_back(e.choose(
              e.lessThan(at, end), TypeRange(e.builder.getI64Type()),
              [&]() -> SmallVector<Value> {
                Value value = e.loadFloat(op.getX(), joinIndices(row, at));
                return {unlessFound(ranks.encode(value, at))};
              },
              [&]() -> SmallVector<Value> { return {ranks.lowest()}; })[0]);
        }
        return best.offer(sofar, candidates);
      });
}

/// The element is read again, so that -0 and the bits of a NaN stay as they
/// are.
void TopKRow::store(Value place, Value rank) {
  SmallVector<Value> at = joinIndices(row, place);
  Value index = ranks.index(rank);
  Value element =
      emit::load(e.builder, e.loc, op.getX(), joinIndices(row, index));
  memref::StoreOp::create(e.builder, e.loc, element, op.getValues(), at);
  memref::StoreOp::create(
      e.builder, e.loc,
      emit::fromIndex(e.builder, e.loc, index, e.builder.getI32Type()),
      op.getIndices(), at);
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
            [&](WarpTopK &best, SmallVector<Value> list,
                function_ref<Value(Value)> unlessFound) {
              return search.offer(best, list, e.index(0), elements,
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
        SmallVector<Value> list =
            TopKRow(e, op, part.drop_back())
                .offer(best, best.none(), first,
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
