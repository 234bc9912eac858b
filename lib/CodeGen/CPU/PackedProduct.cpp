//===- PackedProduct.cpp - Products by blocks for registers and caches ----===//
#include "ResultTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

/// Rows of the left factor that a tile asks for.
static constexpr int64_t kRowsAhead = 2;
/// Rows of the right factor that are copied at a time.
static constexpr int64_t kCopiedRows = 4;
/// Slabs begin at multiples of this many columns.
static constexpr int64_t kSlabUnit = 64;

namespace {
/// The summed dimension is cut into slabs. A task copies a slab of some columns
/// of the right factor into panels [depth, columns of a tile], which stay in
/// its second-level cache. Then it copies one row tile [rows of a tile, depth]
/// of the left factor after the other and runs it through the panels. What is
/// behind the last whole panel is multiplied by narrower tiles. A right factor
/// that is in panels already is not copied.
///
/// A term is what a lane multiplies at once: two f32 numbers, or two pairs of
/// bf16 ones that follow each other along the depth.
class PackedProduct {
public:
  PackedProduct(VectorEmitter &emitter, const Product &product)
      : emitter(emitter), product(product), cpu(emitter.cpu),
        term(product.multipliesPairs(cpu) ? 2 : 1) {}

  void emit();

private:
  void measure();
  void overSlabs(function_ref<void()> body);
  void overTasks(function_ref<void()> body);
  void multiplySlab();
  void packPanels();
  void packColumns(Value panel);
  void packSquare(ArrayRef<Value> square, Value panel, Value k, Value place);
  void packRowTile(Value tile);
  void packRow(Value tile, Value i);
  Value readTerms(Value step, Value column, Value mask, bool isHalf);
  void storePacked(Value number, Value panel, Value k, Value column);
  void multiplyRowTile(Value tile);
  void multiplyTile(Value tile, Value panel, int64_t vectors, bool hangsOver);
  Value readPanel(ResultTile &tile, Value k, int64_t j);
  /// Calls of the tile's loop over a slab, the last of which may be half.
  Value steps() { return emitter.ceilDiv(depth, term); }
  Type packedType() {
    return term == 2 ? Type(emitter.builder.getBF16Type())
                     : emitter.builder.getF32Type();
  }
  /// number * count / parts: where part `number` of `count` things begins.
  Value beginOf(Value number, Value count, Value parts);
  Value columnOf(Value panel) {
    return emitter.add(firstColumn, emitter.mul(panel, cpu.tileColumns()));
  }

  VectorEmitter &emitter;
  const Product &product;
  const CpuModel &cpu;
  /// Numbers of a term along the depth.
  int64_t term;
  /// The depth of slabs, all columns as vectors, all rows as tiles.
  Value slab, tiles;
  /// Columns at whose multiples tasks begin, and how many of these there are.
  int64_t unit = 0;
  Value units;
  Value rowTasks, columnTasks, panelsOfTask;
  /// Of a task: [row, k] and [panel, step, column], a column taking as many
  /// numbers as a term; f32, or bf16 in pairs.
  Value packedLeft, packedRight;
  /// The slab in work: its first index and its depth.
  Value start, depth;
  /// The task in work, and how many of its panels are whole.
  Value firstTile, endTile, firstColumn, endColumn, wholePanels;
};
} // namespace

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

Value PackedProduct::beginOf(Value number, Value count, Value parts) {
  return emitter.quotient(emitter.mul(number, count),
                          emitter.max(parts, emitter.index(1)));
}

void PackedProduct::measure() {
  VectorEmitter &e = emitter;
  Value slabs = e.ceilDiv(product.depth, cpu.slabDepth() * term);
  slab = e.mul(e.ceilDiv(ceilDivide(e, product.depth, slabs), kSlabUnit),
               kSlabUnit);
  tiles = e.ceilDiv(product.rows, cpu.tileRows());
  unit = product.readsPanels() ? cpu.tileColumns() : e.lanes();
  units = e.ceilDiv(product.columns, unit);
  Value panels = e.ceilDiv(product.columns, cpu.tileColumns());
  // Slabs that are not as deep leave room for more panels.
  Value fitting = e.quotient(e.index(cpu.taskPanels() * cpu.slabDepth() * term),
                             e.max(slab, e.index(1)));
  Value wanted = product.wantedTasks(e);
  // For one task, columns are only cut as caches ask for.
  Value parts = ceilDivide(e, panels, fitting), even = e.ceilDiv(parts, 2);
  columnTasks = e.select(e.lessEqual(wanted, e.index(1)), parts,
                         e.min(e.mul(even, 2), panels));
  rowTasks = e.min(e.max(ceilDivide(e, wanted, columnTasks), e.index(1)),
                   e.ceilDiv(tiles, cpu.taskRowTiles()));
  panelsOfTask = e.ceilDiv(e.mul(ceilDivide(e, units, columnTasks), unit),
                           cpu.tileColumns());
}

void PackedProduct::emit() {
  measure();
  overTasks([&] { overSlabs([&] { multiplySlab(); }); });
}

void PackedProduct::overSlabs(function_ref<void()> body) {
  VectorEmitter &e = emitter;
  Value slabs = ceilDivide(e, product.depth, slab);
  e.loop(e.index(0), slabs, 1, [&](Value number) {
    start = e.mul(number, slab);
    depth = e.min(e.sub(product.depth, start), slab);
    body();
  });
}

void PackedProduct::overTasks(function_ref<void()> body) {
  VectorEmitter &e = emitter;
  product.overTasks(e, {rowTasks, columnTasks}, [&](ValueRange task) {
    firstTile = beginOf(task[0], tiles, rowTasks);
    endTile = beginOf(e.add(task[0], 1), tiles, rowTasks);
    auto columnAt = [&](Value number) {
      return e.mul(beginOf(number, units, columnTasks), unit);
    };
    firstColumn = columnAt(task[1]);
    endColumn = e.min(columnAt(e.add(task[1], 1)), product.columns);
    wholePanels = e.quotient(e.sub(endColumn, firstColumn), cpu.tileColumns());
    // Rows are not a power of two apart.
    int64_t stride = cpu.slabDepth() + e.lanes();
    packedLeft = e.scratch({e.fixed(cpu.tileRows()), e.fixed(stride * term)},
                           packedType());
    if (!product.readsPanels())
      packedRight = e.scratch({OpFoldResult(panelsOfTask),
                               OpFoldResult(e.quotient(slab, term)),
                               e.fixed(cpu.tileColumns() * term)},
                              packedType());
    body();
  });
}

void PackedProduct::multiplySlab() {
  if (!product.readsPanels())
    packPanels();
  emitter.loop(firstTile, endTile, 1,
               [&](Value tile) { multiplyRowTile(tile); });
}

void PackedProduct::multiplyRowTile(Value tile) {
  VectorEmitter &e = emitter;
  packRowTile(tile);
  e.loop(e.index(0), wholePanels, 1, [&](Value panel) {
    multiplyTile(tile, panel, cpu.tileVectors(), /*hangsOver=*/false);
  });
  Value left = e.ceilDiv(e.sub(endColumn, columnOf(wholePanels)), e.lanes());
  for (int64_t count = 1; count <= cpu.tileVectors(); ++count)
    e.choose(e.equal(left, e.index(count)), [&] {
      multiplyTile(tile, wholePanels, count, /*hangsOver=*/true);
    });
}

void PackedProduct::multiplyTile(Value tileNumber, Value panel, int64_t vectors,
                                 bool hangsOver) {
  VectorEmitter &e = emitter;
  ResultTile tile(e, product, e.mul(tileNumber, cpu.tileRows()),
                  columnOf(panel), vectors, hangsOver);
  tile.prefetch();
  // The next row tile arrives while this one runs through the panels.
  SmallVector<Value> ahead;
  for (int64_t i = 0; i < kRowsAhead && !hangsOver; ++i) {
    Value row = e.add(e.mul(e.add(tileNumber, 1), cpu.tileRows()),
                      e.mul(panel, kRowsAhead));
    ahead.push_back(e.min(e.add(row, i), e.sub(product.rows, e.index(1))));
  }
  auto readLeft = [&](int64_t i, Value step) {
    Value k = e.mul(step, term);
    if (i < int64_t(ahead.size()))
      e.prefetch(product.left.memory,
                 product.left.at(ahead[i], e.add(start, k)));
    if (term == 2)
      return e.splatPair(packedLeft, {e.index(i), k});
    return e.splat(e.loadScalar(packedLeft, {e.index(i), k}));
  };
  auto readRight = [&](Value step, int64_t j) {
    if (product.readsPanels())
      return readPanel(tile, step, j);
    Value at = e.index(j * e.lanes() * term);
    e.prefetch(packedRight, {panel, e.add(step, cpu.prefetchRows()), at});
    return e.loadBits(packedRight, {panel, step, at}, e.lanes() * term);
  };
  tile.store(tile.sum(steps(), readLeft, readRight), start);
}

/// From panels that were packed ahead of time.
Value PackedProduct::readPanel(ResultTile &tile, Value k, int64_t j) {
  VectorEmitter &e = emitter;
  const MatrixView &right = product.right;
  Value row = e.add(start, k), column = tile.columnAt(j);
  e.prefetch(right.memory, right.at(e.add(row, cpu.prefetchRows()), column));
  return e.load(right.memory, right.at(row, column));
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

/// The terms of a step in a vector of columns, of which the second number is 0
/// where there is only half of it.
Value PackedProduct::readTerms(Value step, Value column, Value mask,
                               bool isHalf) {
  VectorEmitter &e = emitter;
  const MatrixView &right = product.right;
  Value k = e.add(start, e.mul(step, term));
  if (term == 1)
    return e.load(right.memory, right.at(k, column), mask);
  auto readRow = [&](Value row) {
    return e.loadBits(right.memory, right.at(row, column), e.lanes(), mask);
  };
  Value first = readRow(k);
  Value second =
      isHalf ? Value(arith::ConstantOp::create(
                   e.builder, e.loc, e.builder.getZeroAttr(first.getType())))
             : readRow(e.add(k, 1));
  return e.interleave(first, second);
}

/// Rows are read in stretches of several panels. What the last panel has
/// behind the last column is not touched but by masks.
void PackedProduct::packPanels() {
  VectorEmitter &e = emitter;
  if (!product.right.rowsAreContiguous)
    return e.loop(e.index(0), panelsOfTask, 1,
                  [&](Value panel) { packColumns(panel); });
  auto copy = [&](Value panel, Value first, int64_t count, ValueRange masks,
                  bool isHalf) {
    for (int64_t i = 0; i < count; ++i)
      for (auto [j, mask] : llvm::enumerate(masks)) {
        Value step = e.add(first, i), at = e.index(j * e.lanes());
        Value terms = readTerms(step, e.add(columnOf(panel), at), mask, isHalf);
        e.storeBits(terms, packedRight,
                    {panel, step, e.index(j * e.lanes() * term)});
      }
  };
  SmallVector<Value> masks(cpu.tileVectors());
  auto copyWhole = [&](Value low, Value high, int64_t count, bool isHalf) {
    e.loop(low, high, count, [&](Value step) {
      e.loop(e.index(0), wholePanels, 1,
             [&](Value panel) { copy(panel, step, count, masks, isHalf); });
    });
  };
  Value whole = e.quotient(depth, term);
  Value some = e.roundDown(whole, kCopiedRows);
  copyWhole(e.index(0), some, kCopiedRows, /*isHalf=*/false);
  copyWhole(some, whole, 1, /*isHalf=*/false);
  if (term == 2)
    copyWhole(whole, steps(), 1, /*isHalf=*/true);
  Value left = e.sub(endColumn, columnOf(wholePanels));
  for (auto [j, mask] : llvm::enumerate(masks))
    mask = e.firstLanes(e.sub(left, e.index(j * e.lanes())));
  auto copyLast = [&](Value low, Value high, bool isHalf) {
    e.loop(low, high, 1,
           [&](Value step) { copy(wholePanels, step, 1, masks, isHalf); });
  };
  e.choose(e.lessThan(e.index(0), left), [&] {
    copyLast(e.index(0), whole, /*isHalf=*/false);
    if (term == 2)
      copyLast(whole, steps(), /*isHalf=*/true);
  });
}

/// Writes number k of a column of a panel.
void PackedProduct::storePacked(Value number, Value panel, Value k,
                                Value column) {
  VectorEmitter &e = emitter;
  Value step = e.quotient(k, term);
  Value place = e.add(e.mul(column, term), e.sub(k, e.mul(step, term)));
  e.storeScalar(number, packedRight, {panel, step, place});
}

/// Turns over as many columns as a vector has lanes, with as many terms each.
void PackedProduct::packSquare(ArrayRef<Value> square, Value panel, Value k,
                               Value place) {
  VectorEmitter &e = emitter;
  auto cast = [&](Value terms, VectorType type) -> Value {
    return vector::BitCastOp::create(e.builder, e.loc, type, terms);
  };
  SmallVector<Value> turned;
  for (Value terms : square)
    turned.push_back(cast(terms, e.vectorType()));
  e.transpose(turned);
  auto stored = VectorType::get(e.lanes() * term, packedType());
  for (auto [i, terms] : llvm::enumerate(turned))
    e.storeBits(cast(terms, stored), packedRight,
                {panel, e.add(e.quotient(k, term), i), e.mul(place, term)});
}

/// The same where rows are not contiguous: some columns at a time, which are
/// read along the depth and turned over in registers. Behind the last column,
/// that one is read again.
void PackedProduct::packColumns(Value panel) {
  VectorEmitter &e = emitter;
  const MatrixView &right = product.right;
  Value last = e.sub(product.columns, e.index(1));
  Value lines;
  if (right.readColumn)
    lines = e.scratch({e.fixed(e.lanes()), OpFoldResult(depth)},
                      e.builder.getF32Type());
  Value count =
      e.min(e.index(cpu.tileColumns()), e.sub(endColumn, columnOf(panel)));
  e.loop(e.index(0), count, e.lanes(), [&](Value place) {
    Value first = e.add(columnOf(panel), place);
    auto columnAt = [&](Value lane) { return e.min(e.add(first, lane), last); };
    if (lines)
      e.loop(e.index(0), e.index(e.lanes()), 1, [&](Value lane) {
        right.readColumn(columnAt(lane), start, depth, e.slice(lines, lane));
      });
    auto overLanes = [&](Value k, function_ref<Value(Value lane)> read) {
      e.loop(e.index(0), e.index(e.lanes()), 1, [&](Value lane) {
        storePacked(read(lane), panel, k, e.add(place, lane));
      });
    };
    auto copyOne = [&](Value k) {
      overLanes(k, [&](Value lane) {
        return lines ? e.loadScalar(lines, {lane, k})
                     : e.loadScalar(right.memory,
                                    right.at(e.add(start, k), columnAt(lane)));
      });
    };
    Value whole = e.index(0);
    if (lines || right.columnsAreContiguous) {
      int64_t numbers = e.lanes() * term;
      whole = e.roundDown(depth, numbers);
      e.loop(e.index(0), whole, numbers, [&](Value k) {
        SmallVector<Value> square;
        for (int64_t lane = 0; lane < e.lanes(); ++lane) {
          Value at = e.index(lane);
          SmallVector<Value> from{at, k};
          if (!lines)
            from = right.at(e.add(start, k), columnAt(at));
          square.push_back(term == 2
                               ? e.loadBits(right.memory, from, numbers)
                               : e.load(lines ? lines : right.memory, from));
        }
        packSquare(square, panel, k, place);
      });
    }
    e.loop(whole, depth, 1, copyOne);
    if (term == 2)
      e.loop(depth, e.mul(steps(), term), 1, [&](Value k) {
        overLanes(k, [&](Value) { return emit::f32(e.builder, e.loc, 0); });
      });
  });
}

void PackedProduct::packRow(Value tile, Value i) {
  VectorEmitter &e = emitter;
  const MatrixView &left = product.left;
  Value row = e.add(e.mul(tile, cpu.tileRows()), i);
  auto source = [&](Value k) { return left.at(row, e.add(start, k)); };
  Value whole = e.index(0);
  if (left.rowsAreContiguous) {
    whole = e.roundDown(depth, e.lanes());
    e.loop(e.index(0), whole, e.lanes(), [&](Value k) {
      if (term == 2)
        e.storeBits(e.loadBits(left.memory, source(k), e.lanes()), packedLeft,
                    {i, k});
      else
        e.store(e.load(left.memory, source(k)), packedLeft, {i, k});
    });
  }
  e.loop(whole, depth, 1, [&](Value k) {
    e.storeScalar(e.loadScalar(left.memory, source(k)), packedLeft, {i, k});
  });
  if (term == 2)
    e.loop(depth, e.mul(steps(), term), 1, [&](Value k) {
      e.storeScalar(emit::f32(e.builder, e.loc, 0), packedLeft, {i, k});
    });
}

/// Behind the last row are zeros.
void PackedProduct::packRowTile(Value tile) {
  VectorEmitter &e = emitter;
  auto clearRow = [&](Value i) {
    e.loop(e.index(0), depth, e.lanes(),
           [&](Value k) { e.store(e.zeros(), packedLeft, {i, k}); });
  };
  Value count = e.min(e.index(cpu.tileRows()),
                      e.sub(product.rows, e.mul(tile, cpu.tileRows())));
  e.loop(e.index(0), count, 1, [&](Value i) { packRow(tile, i); });
  e.loop(count, e.index(cpu.tileRows()), 1, clearRow);
}

void effattn::emitPackedProduct(VectorEmitter &emitter,
                                const Product &product) {
  PackedProduct(emitter, product).emit();
}
