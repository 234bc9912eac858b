//===- KeptPairs.cpp - How many keys queries keep -------------------------===//
#include "KeptPairs.h"
#include "effattn/Dialect/AttentionOps.h"
#include "effattn/Dialect/Emit.h"
#include "effattn/Dialect/MaskOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// The queries and the keys of a batch row.
struct Row {
  Value queries;
  Value keys;
  /// Position of the first query; null where positions of keys are data.
  Value offset;
};

/// What of a mask the positions of a query and a key decide.
struct Band {
  bool causal = false;
  /// The smallest window.
  std::optional<int64_t> window;
};
} // namespace

/// A mask keeps what all parts of a conjunction keep: any of them may be left
/// out of a bound.
static void collectBand(MaskOpInterface mask, Band &band) {
  if (!mask)
    return;
  if (isa<CausalMaskOp>(mask))
    band.causal = true;
  if (auto window = dyn_cast<WindowMaskOp>(mask.getOperation()))
    band.window =
        std::min<int64_t>(band.window.value_or(INT64_MAX), window.getSize());
  if (auto both = dyn_cast<MaskAndOp>(mask.getOperation()))
    for (Value part : both.getParts())
      collectBand(part.getDefiningOp<MaskOpInterface>(), band);
}

/// The sum of `clamp(first + i, 0, keys)` for i in [0, queries): the keys that
/// stand before a border which moves by one key a query.
static Value emitKeysBefore(OpBuilder &builder, Location loc, Value first,
                            Value queries, Value keys) {
  Value zero = emit::index(builder, loc, 0), one = emit::index(builder, loc, 1),
        two = emit::index(builder, loc, 2);
  // The sum of clamp(i, 0, keys) for all i below `end`.
  auto sumBelow = [&](Value end) {
    Value last = emit::sub(builder, loc, end, one);
    Value rising =
        emit::min(builder, loc, emit::max(builder, loc, last, zero), keys);
    Value triangle = arith::DivUIOp::create(
        builder, loc,
        emit::mul(builder, loc, rising, emit::add(builder, loc, rising, one)),
        two);
    Value level =
        emit::max(builder, loc, emit::sub(builder, loc, last, keys), zero);
    return emit::add(builder, loc, triangle,
                     emit::mul(builder, loc, level, keys));
  };
  return emit::sub(builder, loc,
                   sumBelow(emit::add(builder, loc, first, queries)),
                   sumBelow(first));
}

static Value emitPairsOfRow(OpBuilder &builder, Location loc, const Row &row,
                            const Band &band) {
  Value all = emit::mul(builder, loc, row.queries, row.keys);
  if (!row.offset)
    return all;
  // A query at position p has the keys [p + 1 - window, p + 1).
  Value behind =
      emit::add(builder, loc, row.offset, emit::index(builder, loc, 1));
  Value pairs =
      band.causal ? emitKeysBefore(builder, loc, behind, row.queries, row.keys)
                  : all;
  if (!band.window)
    return pairs;
  Value first =
      emit::sub(builder, loc, behind, emit::index(builder, loc, *band.window));
  return emit::sub(builder, loc, pairs,
                   emitKeysBefore(builder, loc, first, row.queries, row.keys));
}

/// Adds what `emitOne` emits for each batch row.
static KeptPairs
emitSumOverRows(OpBuilder &builder, Location loc, Value rows,
                function_ref<KeptPairs(OpBuilder &, Value)> emitOne) {
  Value zero = emit::index(builder, loc, 0), one = emit::index(builder, loc, 1);
  auto loop = scf::ForOp::create(
      builder, loc, zero, rows, one, ValueRange{zero, zero},
      [&](OpBuilder &nested, Location, Value batch, ValueRange sums) {
        KeptPairs row = emitOne(nested, batch);
        scf::YieldOp::create(
            nested, loc,
            ValueRange{emit::add(nested, loc, sums[0], row.pairs),
                       emit::add(nested, loc, sums[1], row.keys)});
      });
  return {loop.getResult(0), loop.getResult(1)};
}

static KeptPairs emitKeptPairsOf(OpBuilder &builder, AttentionOp op,
                                 const Band &band) {
  Location loc = op.getLoc();
  auto emitOne = [&](OpBuilder &builder, Value batch) {
    Row row{op.emitQueryEnd(builder, batch), op.emitKeyEnd(builder, batch), {}};
    if (!op.getKeyPositions())
      row.offset = op.emitOffset(builder, batch);
    return KeptPairs{emitPairsOfRow(builder, loc, row, band), row.keys};
  };
  Value rows = emit::size(builder, loc, op.getQuery(), 0);
  Value offset = op.getOffset();
  if (op.getLengths() || op.getKeyLengths() ||
      (offset && isa<ShapedType>(offset.getType())))
    return emitSumOverRows(builder, loc, rows, emitOne);
  KeptPairs row = emitOne(builder, emit::index(builder, loc, 0));
  return {emit::mul(builder, loc, rows, row.pairs),
          emit::mul(builder, loc, rows, row.keys)};
}

static KeptPairs emitKeptPairsOf(OpBuilder &builder, SystematicAttentionOp op,
                                 const Band &band) {
  Location loc = op.getLoc();
  Row row{emit::size(builder, loc, op.getQuery(), 2),
          emit::size(builder, loc, op.getKey(), 2), op.emitOffset(builder)};
  Value rows = emit::size(builder, loc, op.getQuery(), 0);
  return {
      emit::mul(builder, loc, rows, emitPairsOfRow(builder, loc, row, band)),
      emit::mul(builder, loc, rows, row.keys)};
}

KeptPairs effattn::emitKeptPairs(OpBuilder &builder, ComputeOpInterface op) {
  Band band;
  if (auto user = dyn_cast<MaskUserOpInterface>(op.getOperation()))
    collectBand(user.getRootMask(), band);
  if (auto attention = dyn_cast<AttentionOp>(op.getOperation()))
    return emitKeptPairsOf(builder, attention, band);
  if (auto attention = dyn_cast<SystematicAttentionOp>(op.getOperation()))
    return emitKeptPairsOf(builder, attention, band);
  return {};
}
