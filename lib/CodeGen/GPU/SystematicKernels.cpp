//===- SystematicKernels.cpp - Two streams of values, relative tables -----===//
#include "AttentionKernel.h"
#include "MatrixProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

/// What a block makes of the results, and rows of a table that are in shared
/// memory at a time. A thread has kEach rows and columns, and loads so many
/// numbers at once, by which rows of weights are longer: those of a warp are in
/// different banks.
static constexpr int64_t kRows = 32, kColumns = 64, kDepth = 32, kEach = 4,
                         kThreads = kRows * kColumns / (kEach * kEach);

static MemRefType typeOf(Value buffer) {
  return cast<MemRefType>(buffer.getType());
}

namespace {
/// The launches of a systematic attention.
class SystematicKernels {
public:
  SystematicKernels(OpBuilder &builder, SystematicAttentionOp op)
      : e(builder, op.getLoc()), op(op), f32(builder.getF32Type()) {}

  void build();

private:
  /// A buffer like `like`, of `columns` columns, which `known` may be.
  Value allocate(Value like, Value columns, int64_t known, Type element);
  void copyStreams(ValueRange streams, Value pair, bool isJoining);
  Value joinStreams();
  Value multiplyTable();
  Value clearScores();
  RelativeRows makeRelativeRows();

  /// 32 x 64 numbers of the results.
  struct Tile {
    Value firstRow, firstColumn;
    /// Of the thread, in the tile.
    Value row, column;
    Value weights, table;
  };
  void storeResults();
  void storeTile(KernelEmitter &k, Value columnTiles);
  SmallVector<Value> multiplyWeights(KernelEmitter &k, Tile &tile);
  Value weightOf(KernelEmitter &k, ArrayRef<Value> row, Value tableRow);
  void fill(KernelEmitter &k, const Tile &tile, Value firstTableRow);
  SmallVector<Value> multiply(KernelEmitter &k, const Tile &tile, Value end,
                              ValueRange sums);
  SmallVector<Value> placeOf(KernelEmitter &k, Value row) {
    Value last = k.sub(rows, k.index(1));
    return k.split(k.min(row, last), leading);
  }

  LoopEmitter e;
  SystematicAttentionOp op;
  Type f32;
  /// B, H and T, their product, and E.
  SmallVector<Value> leading;
  Value rows, width;
  /// [B, H, T, 2E] and, for relative values, two columns behind; [B, H, T].
  Value means, lse;
  std::optional<RelativeRows> relative;
};
} // namespace

//===----------------------------------------------------------------------===//
// Before and after the attention
//===----------------------------------------------------------------------===//

Value SystematicKernels::allocate(Value like, Value columns, int64_t known,
                                  Type element) {
  SmallVector<int64_t> shape(typeOf(like).getShape());
  shape.back() = known;
  SmallVector<Value> sizes;
  for (auto [dim, size] : llvm::enumerate(ArrayRef(shape).drop_back()))
    if (ShapedType::isDynamic(size))
      sizes.push_back(e.size(like, dim));
  if (ShapedType::isDynamic(known))
    sizes.push_back(columns);
  return memref::AllocOp::create(e.builder, e.loc,
                                 MemRefType::get(shape, element), sizes);
}

static int64_t knownSum(int64_t known, int64_t times, int64_t more) {
  return ShapedType::isDynamic(known) ? known : known * times + more;
}

/// Copies both streams to a buffer that has their columns side by side, or from
/// it, in the type of the destination.
void SystematicKernels::copyStreams(ValueRange streams, Value pair,
                                    bool isJoining) {
  auto copy = [&](OpBuilder &nested, Value from, ValueRange place, Value to,
                  ValueRange placeInTo) {
    Value number = emit::load(nested, e.loc, from, place);
    number = emit::toFloat(nested, e.loc, number, typeOf(to).getElementType());
    memref::StoreOp::create(nested, e.loc, number, to, placeInTo);
  };
  emitParallel(e.builder, e.loc, getSizes(e.builder, e.loc, streams.front(), 4),
               [&](OpBuilder &nested, ValueRange place) {
                 LoopEmitter inner(nested, e.loc);
                 SmallVector<Value> inPair(place);
                 for (Value stream : streams) {
                   if (isJoining)
                     copy(nested, stream, place, pair, inPair);
                   else
                     copy(nested, pair, inPair, stream, place);
                   inPair.back() = inner.add(inPair.back(), width);
                 }
               });
}

/// Both streams side by side, in f32 if their types differ.
Value SystematicKernels::joinStreams() {
  Type element = typeOf(op.getValue()).getElementType();
  if (element != typeOf(op.getValue2()).getElementType())
    element = f32;
  int64_t known = typeOf(op.getValue()).getDimSize(3);
  Value pair = allocate(op.getValue(), e.mul(width, 2),
                        knownSum(known, /*times=*/2, /*more=*/0), element);
  copyStreams({op.getValue(), op.getValue2()}, pair, /*isJoining=*/true);
  return pair;
}

/// Products of all queries and all rows of the table.
Value SystematicKernels::multiplyTable() {
  Value table = op.getRelativeKeys();
  int64_t known = typeOf(table).getDimSize(0);
  MatrixProduct product;
  product.rows = rows;
  product.columns = e.size(table, 0);
  product.depth = e.size(table, 1);
  Value products = allocate(op.getQuery(), product.columns, known, f32);
  product.left = rowsOf(e, op.getQuery());
  product.rights = {rowsOf(e, table)};
  product.writeRow = [&](KernelEmitter &k, Value row) {
    SmallVector<Value> place = k.split(row, leading);
    return [&k, place, products](Value column, ValueRange sums) {
      k.storeFloat(sums.front(), products, joinIndices(place, column));
    };
  };
  emitMatrixProduct(e.builder, e.loc, "relative_keys", product);
  return products;
}

/// Scores of no keys.
Value SystematicKernels::clearScores() {
  Value table = op.getRelativeValues();
  Value scores = allocate(op.getQuery(), e.size(table, 0),
                          typeOf(table).getDimSize(0), f32);
  emitParallel(e.builder, e.loc, getSizes(e.builder, e.loc, scores, 4),
               [&](OpBuilder &nested, ValueRange place) {
                 memref::StoreOp::create(nested, e.loc,
                                         emit::negativeInfinity(nested, e.loc),
                                         scores, place);
               });
  return scores;
}

RelativeRows SystematicKernels::makeRelativeRows() {
  RelativeRows made;
  Value table = op.getRelativeKeys();
  if (table)
    made.keyProducts = multiplyTable();
  if (op.getRelativeValues()) {
    table = op.getRelativeValues();
    made.nearScores = clearScores();
  }
  made.last = e.sub(e.size(table, 0), e.index(1));
  return made;
}

void SystematicKernels::build() {
  leading = getSizes(e.builder, e.loc, op.getQuery(), 3);
  rows = e.mul(e.mul(leading[0], leading[1]), leading[2]);
  width = e.size(op.getValue(), 3);
  Value pair = joinStreams();
  if (op.getRelativeKeys() || op.getRelativeValues())
    relative = makeRelativeRows();
  int64_t known = typeOf(op.getOut()).getDimSize(3);
  int64_t more = op.getRelativeValues() ? 2 : 0;
  means = allocate(op.getOut(), e.add(e.mul(width, 2), more),
                   knownSum(known, /*times=*/2, more), f32);
  if (op.getRelativeValues())
    lse = memref::AllocOp::create(
        e.builder, e.loc,
        MemRefType::get(SmallVector<int64_t>(3, ShapedType::kDynamic), f32),
        leading);
  auto attention = AttentionOp::create(
      e.builder, e.loc, TypeRange(), op.getQuery(), op.getKey(), pair,
      /*lengths=*/Value(), /*key_lengths=*/Value(), /*key_positions=*/Value(),
      /*offset=*/Value(), means, lse, op.getScaleAttr(),
      /*softcap=*/FloatAttr());
  attention.getMaskRegion().takeBody(op.getMaskRegion());
  emitAttention(e.builder, attention, relative);
  storeResults();
  RelativeRows made = relative.value_or(RelativeRows());
  for (Value buffer : {pair, means, lse, made.keyProducts, made.nearScores})
    if (buffer)
      memref::DeallocOp::create(e.builder, e.loc, buffer);
  op.erase();
}

//===----------------------------------------------------------------------===//
// Results: means of values, and weights times the table of relative values
//===----------------------------------------------------------------------===//

/// What a query weighs a row of the table with.
Value SystematicKernels::weightOf(KernelEmitter &k, ArrayRef<Value> row,
                                  Value tableRow) {
  auto farWeight = [&](int64_t side) {
    Value column = k.add(k.mul(width, 2), side);
    return emit::load(k.builder, k.loc, means, joinIndices(row, column));
  };
  auto nearWeight = [&]() -> SmallVector<Value> {
    Value score = emit::load(k.builder, k.loc, relative->nearScores,
                             joinIndices(row, tableRow));
    Value base = emit::load(k.builder, k.loc, lse, row);
    Value log2E = emit::f32(k.builder, k.loc, llvm::numbers::log2e);
    Value weight = k.exp2(k.mulFloats(k.subFloats(score, base), log2E));
    // Rows without a key have a base of -inf, too.
    Value none = emit::negativeInfinity(k.builder, k.loc);
    return {k.select(k.equalFloats(score, none), emit::f32(k.builder, k.loc, 0),
                     weight)};
  };
  Value isFirst = k.equal(tableRow, k.index(0));
  Value isLast = k.equal(tableRow, relative->last);
  return k.choose(
      emit::logicalOr(k.builder, k.loc, isFirst, isLast), TypeRange(f32),
      [&]() -> SmallVector<Value> {
        return {k.select(isFirst, farWeight(0), farWeight(1))};
      },
      nearWeight)[0];
}

/// Loads weights and rows of the table to shared memory, zeros where there are
/// none.
void SystematicKernels::fill(KernelEmitter &k, const Tile &tile,
                             Value firstTableRow) {
  Value zero = emit::f32(k.builder, k.loc, 0), table = op.getRelativeValues();
  Value tableRows = k.size(table, 0);
  auto orZero = [&](Value exists, function_ref<Value()> load) {
    return k.choose(
        exists, TypeRange(f32), [&] { return SmallVector<Value>{load()}; },
        [&] { return SmallVector<Value>{zero}; })[0];
  };
  k.loop(k.warp(), k.index(kRows), k.warps(), [&](Value row) {
    Value number = k.add(tile.firstRow, row);
    Value tableRow = k.add(firstTableRow, k.lane());
    Value exists = emit::logicalAnd(k.builder, k.loc, k.lessThan(number, rows),
                                    k.lessThan(tableRow, tableRows));
    Value weight = orZero(
        exists, [&] { return weightOf(k, placeOf(k, number), tableRow); });
    k.storeFloat(weight, tile.weights, {row, k.lane()});
  });
  k.loop(k.warp(), k.index(kDepth), k.warps(), [&](Value row) {
    Value tableRow = k.add(firstTableRow, row);
    for (int64_t c = 0; c < kColumns; c += kWarpThreads) {
      Value place = k.add(k.lane(), c), column = k.add(tile.firstColumn, place);
      Value exists =
          emit::logicalAnd(k.builder, k.loc, k.lessThan(tableRow, tableRows),
                           k.lessThan(column, width));
      Value number = orZero(
          exists, [&] { return k.loadFloat(table, {tableRow, column}); });
      k.storeFloat(number, tile.table, {row, place});
    }
  });
}

/// Adds the products of the first `end` rows in shared memory.
SmallVector<Value> SystematicKernels::multiply(KernelEmitter &k,
                                               const Tile &tile, Value end,
                                               ValueRange sums) {
  Value zero = emit::f32(k.builder, k.loc, 0);
  return k.loop(k.index(0), end, kEach, sums, [&](Value d, ValueRange before) {
    SmallVector<Value> next(before);
    SmallVector<SmallVector<Value>> left;
    for (int64_t row = 0; row < kEach; ++row)
      left.push_back(
          k.loadFloats(tile.weights, {k.add(tile.row, row), d}, kEach));
    for (int64_t i = 0; i < kEach; ++i) {
      SmallVector<Value> right =
          k.loadFloats(tile.table, {k.add(d, i), tile.column}, kEach);
      for (int64_t row = 0; row < kEach; ++row) {
        // A row that no key weighs may hold anything, NaN included.
        Value isUsed = arith::CmpFOp::create(
            k.builder, k.loc, arith::CmpFPredicate::UNE, left[row][i], zero);
        for (int64_t column = 0; column < kEach; ++column) {
          Value &sum = next[row * kEach + column];
          sum =
              k.select(isUsed, k.mulAdd(left[row][i], right[column], sum), sum);
        }
      }
    }
    return next;
  });
}

/// The thread's numbers of weights times the table, row by row.
SmallVector<Value> SystematicKernels::multiplyWeights(KernelEmitter &k,
                                                      Tile &tile) {
  tile.weights = k.shared({kRows, kDepth + kEach}, f32);
  tile.table = k.shared({kDepth, kColumns}, f32);
  Value tableRows = k.size(op.getRelativeValues(), 0);
  SmallVector<Value> zeros(kEach * kEach, emit::f32(k.builder, k.loc, 0));
  return k.loop(k.index(0), tableRows, kDepth, zeros,
                [&](Value first, ValueRange before) {
                  // Nobody reads what was there before any more.
                  k.barrier();
                  fill(k, tile, first);
                  k.barrier();
                  Value end = k.min(k.index(kDepth), k.sub(tableRows, first));
                  return multiply(k, tile, end, before);
                });
}

void SystematicKernels::storeTile(KernelEmitter &k, Value columnTiles) {
  auto [rowTile, columnTile] = k.divide(k.block(), columnTiles);
  auto [row, column] = k.divide(k.thread(), k.index(kColumns / kEach));
  Tile tile{k.mul(rowTile, kRows),
            k.mul(columnTile, kColumns),
            k.mul(row, kEach),
            k.mul(column, kEach),
            {},
            {}};
  SmallVector<Value> sums = multiplyWeights(k, tile);
  for (int64_t r = 0; r < kEach; ++r) {
    Value number = k.add(k.add(tile.firstRow, tile.row), r);
    SmallVector<Value> place = placeOf(k, number);
    for (int64_t c = 0; c < kEach; ++c) {
      Value at = k.add(k.add(tile.firstColumn, tile.column), c);
      Value exists = emit::logicalAnd(
          k.builder, k.loc, k.lessThan(number, rows), k.lessThan(at, width));
      k.choose(exists, [&] {
        Value from = at;
        for (Value out : {op.getOut(), op.getOut2()}) {
          Value mean =
              emit::load(k.builder, k.loc, means, joinIndices(place, from));
          k.storeFloat(k.addFloats(mean, sums[r * kEach + c]), out,
                       joinIndices(place, at));
          from = k.add(from, width);
        }
      });
    }
  }
}

void SystematicKernels::storeResults() {
  if (!op.getRelativeValues())
    return copyStreams({op.getOut(), op.getOut2()}, means,
                       /*isJoining=*/false);
  Value columnTiles = e.ceilDiv(width, kColumns);
  Value blocks = e.mul(e.ceilDiv(rows, kRows), columnTiles);
  KernelEmitter::launch(e.builder, e.loc, "systematic_results", blocks,
                        kThreads,
                        [&](KernelEmitter &k) { storeTile(k, columnTiles); });
}

void effattn::emitSystematicAttention(OpBuilder &builder,
                                      SystematicAttentionOp op) {
  SystematicKernels(builder, op).build();
}
