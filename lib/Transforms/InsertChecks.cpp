//===- InsertChecks.cpp - Preconditions as explicit checks ----------------===//
#include "effattn/Dialect/CheckNamer.h"
#include "effattn/Dialect/Emit.h"
#include "effattn/Dialect/ShapeSpec.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_INSERTCHECKSPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

static bool isDynamic(const SizeUse &use) {
  return cast<ShapedType>(use.operand.getType()).isDynamicDim(use.dim);
}

/// The use that others are compared with: a static one, else the first.
static SmallVector<const SizeUse *>
chooseRepresentatives(ArrayRef<SizeUse> uses) {
  llvm::StringMap<const SizeUse *> chosen;
  for (const SizeUse &use : uses) {
    if (use.orOne)
      continue;
    const SizeUse *&entry = chosen[use.symbol];
    if (!entry || (isDynamic(*entry) && !isDynamic(use)))
      entry = &use;
  }
  SmallVector<const SizeUse *> representatives;
  for (const SizeUse &use : uses)
    representatives.push_back(chosen.lookup(use.symbol));
  return representatives;
}

/// Sizes with one symbol are equal; what is static was verified.
static void checkSizes(OpBuilder &builder, Operation *op) {
  SmallVector<SizeUse> uses = collectSizeUses(op);
  Location loc = op->getLoc();
  for (auto [use, wanted] : llvm::zip(uses, chooseRepresentatives(uses))) {
    bool isSame =
        !wanted || (use.operand == wanted->operand && use.dim == wanted->dim);
    if (isSame || (!isDynamic(use) && !isDynamic(*wanted)))
      continue;
    Value got = emit::size(builder, loc, use.operand, use.dim);
    Value want = emit::size(builder, loc, wanted->operand, wanted->dim);
    Value holds = emit::equal(builder, loc, got, want);
    if (use.orOne)
      holds = emit::logicalOr(
          builder, loc, holds,
          emit::equal(builder, loc, got, emit::index(builder, loc, 1)));
    std::string message = llvm::formatv(
        "expected {0} (dim {1}) to equal {2} (dim {3}), but got {{0} and {{1}",
        describeSize(use), use.dim, describeSize(*wanted), wanted->dim);
    CheckOp::create(builder, loc, holds, message, ValueRange{got, want});
  }
}

/// Every entry of `lengths` is in [0, limit].
static void checkLengths(OpBuilder &builder, ComputeOpInterface op,
                         StringRef name, Value lengths, Value limit,
                         StringRef limitName) {
  Location loc = op.getLoc();
  Value zero = emit::index(builder, loc, 0), one = emit::index(builder, loc, 1);
  Value rows = emit::size(builder, loc, lengths, 0);
  auto loop = scf::ForOp::create(builder, loc, zero, rows, one);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  Value row = loop.getInductionVar();
  Value length = emit::loadIndex(builder, loc, lengths, row);
  Value holds = emit::logicalAnd(builder, loc,
                                 emit::lessEqual(builder, loc, zero, length),
                                 emit::lessEqual(builder, loc, length, limit));
  std::string message = llvm::formatv(
      "expected {0} of row {{0} to be between 0 and the {1} {{1}, "
      "but got {{2}",
      name, limitName);
  CheckOp::create(builder, loc, holds, message, ValueRange{row, limit, length});
}

/// Operands called lengths bound the dimension T, key_lengths the dimension S.
static void checkAllLengths(OpBuilder &builder, ComputeOpInterface op) {
  SmallVector<SizeUse> uses = collectSizeUses(op);
  for (auto [group, spec] :
       llvm::enumerate(parseShapeSpec(op.getShapeSpec()))) {
    StringRef symbol = spec.name == "lengths"       ? "T"
                       : spec.name == "key_lengths" ? "S"
                                                    : "";
    const SizeUse *limit = llvm::find_if(
        uses, [&](const SizeUse &use) { return use.symbol == symbol; });
    for (Value lengths : op.getOperandGroup(group))
      if (limit != uses.end())
        checkLengths(
            builder, op, spec.name, lengths,
            emit::size(builder, op.getLoc(), limit->operand, limit->dim),
            symbol == "T" ? "token count" : "key count");
  }
}

/// Sizes of linalg.pack and linalg.unpack, which read and write out of bounds
/// otherwise: `packed` has as many tiles as the dimensions of `plain` need, or
/// no fewer where it is taken apart.
template <typename Op>
static void checkTiles(OpBuilder &builder, Op op, Value plain, Value packed,
                       bool isUnpack) {
  Location loc = op.getLoc();
  DenseMap<int64_t, OpFoldResult> tiles = op.getDimAndTileMapping();
  int64_t rank = cast<ShapedType>(plain.getType()).getRank();
  SmallVector<int64_t> order(op.getOuterDimsPerm());
  if (order.empty())
    llvm::append_range(order, llvm::seq(rank));
  for (auto [place, dim] : llvm::enumerate(order)) {
    Value have = emit::size(builder, loc, packed, place);
    Value need = emit::size(builder, loc, plain, dim);
    if (tiles.contains(dim))
      need = arith::CeilDivUIOp::create(
          builder, loc, need,
          getValueOrCreateConstantIndexOp(builder, loc, tiles.lookup(dim)));
    bool mayBeMore = isUnpack && tiles.contains(dim);
    Value holds = mayBeMore ? emit::lessEqual(builder, loc, need, have)
                            : emit::equal(builder, loc, need, have);
    CheckOp::create(builder, loc, holds,
                    llvm::formatv("expected the packed dim {0} to be {1}{{0}, "
                                  "which dim {2} needs, but got {{1}",
                                  place, mayBeMore ? "at least " : "", dim)
                        .str(),
                    ValueRange{need, have});
  }
}

static void checkPack(OpBuilder &builder, linalg::PackOp op) {
  checkTiles(builder, op, op.getSource(), op.getDest(), /*isUnpack=*/false);
  if (op.getPaddingValue())
    return;
  Location loc = op.getLoc();
  for (auto [dim, tile] : op.getDimAndTileMapping()) {
    Value size = emit::size(builder, loc, op.getSource(), dim);
    Value step = getValueOrCreateConstantIndexOp(builder, loc, tile);
    Value rest = arith::RemUIOp::create(builder, loc, size, step);
    Value zero = emit::index(builder, loc, 0);
    CheckOp::create(builder, loc, emit::equal(builder, loc, rest, zero),
                    llvm::formatv("expected dim {0} to be a multiple of {{0} "
                                  "without padding, but got {{1}",
                                  dim)
                        .str(),
                    ValueRange{step, size});
  }
}

namespace {
struct InsertChecksPass
    : effattn::impl::InsertChecksPassBase<InsertChecksPass> {
  using Base::Base;

  void runOnOperation() override {
    getOperation()->walk([&](Operation *op) {
      auto compute = dyn_cast<ComputeOpInterface>(op);
      // The user's own linalg ops: with sizes that disagree they would read
      // out of bounds.
      if (!compute &&
          !isa<linalg::LinalgOp, linalg::PackOp, linalg::UnPackOp>(op))
        return;
      CheckNamer namer(op);
      OpBuilder builder(op->getContext(), &namer);
      builder.setInsertionPoint(op);
      checkSizes(builder, op);
      if (auto pack = dyn_cast<linalg::PackOp>(op))
        checkPack(builder, pack);
      if (auto unpack = dyn_cast<linalg::UnPackOp>(op))
        checkTiles(builder, unpack, unpack.getDest(), unpack.getSource(),
                   /*isUnpack=*/true);
      if (!compute)
        return;
      checkAllLengths(builder, compute);
      if (!checksLater(op))
        compute.emitPreconditions(builder);
    });
  }

  bool checksLater(Operation *op) {
    bool isInParallel = op->getParentOfType<scf::ForallOp>() ||
                        op->getParentOfType<scf::ParallelOp>();
    return llvm::is_contained(later, op->getName().getStringRef()) &&
           !isInParallel;
  }
};
} // namespace
