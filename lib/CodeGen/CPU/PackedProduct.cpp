//===- PackedProduct.cpp - Products by blocks for registers and caches ----===//
#include "ResultTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

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
class PackedProduct {
public:
  PackedProduct(VectorEmitter &emitter, const Product &product)
      : emitter(emitter), product(product), cpu(emitter.cpu) {}

  void emit();

private:
  void measure();
  void overSlabs(function_ref<void()> body);
  void overTasks(function_ref<void()> body);
  void multiplySlab();
  void packPanels();
  void packColumns(Value panel);
  void packRowTile(Value tile);
  void multiplyRowTile(Value tile);
  void multiplyTile(Value tile, Value panel, int64_t vectors, bool hangsOver);
  Value readPanel(ResultTile &tile, Value k, int64_t j);
  /// number * count / parts: where part `number` of `count` things begins.
  Value beginOf(Value number, Value count, Value parts);
  Value columnOf(Value panel) {
    return emitter.add(firstColumn, emitter.mul(panel, cpu.tileColumns()));
  }

  VectorEmitter &emitter;
  const Product &product;
  const CpuModel &cpu;
  /// The depth of slabs, all columns as vectors, all rows as tiles.
  Value slab, tiles;
  /// Columns at whose multiples tasks begin, and how many of these there are.
  int64_t unit = 0;
  Value units;
  Value rowTasks, columnTasks, panelsOfTask;
  /// Of a task: f32 [row, k] and [panel, k, column].
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
  Value slabs = e.ceilDiv(product.depth, cpu.slabDepth());
  slab = e.mul(e.ceilDiv(ceilDivide(e, product.depth, slabs), kSlabUnit),
               kSlabUnit);
  tiles = e.ceilDiv(product.rows, cpu.tileRows());
  unit = product.readsPanels() ? cpu.tileColumns() : e.lanes();
  units = e.ceilDiv(product.columns, unit);
  Value panels = e.ceilDiv(product.columns, cpu.tileColumns());
  // Slabs that are not as deep leave room for more panels.
  Value fitting = e.quotient(e.index(cpu.taskPanels() * cpu.slabDepth()),
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
    packedLeft = e.scratch({e.fixed(cpu.tileRows()), e.fixed(stride)},
                           e.builder.getF32Type());
    if (!product.readsPanels())
      packedRight = e.scratch({OpFoldResult(panelsOfTask), OpFoldResult(slab),
                               e.fixed(cpu.tileColumns())},
                              e.builder.getF32Type());
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
  auto readLeft = [&](int64_t i, Value k) {
    if (i < int64_t(ahead.size()))
      e.prefetch(product.left.memory,
                 product.left.at(ahead[i], e.add(start, k)));
    return e.loadScalar(packedLeft, {e.index(i), k});
  };
  auto readRight = [&](Value k, int64_t j) {
    if (product.readsPanels())
      return readPanel(tile, k, j);
    Value at = e.index(j * e.lanes());
    e.prefetch(packedRight, {panel, e.add(k, cpu.prefetchRows()), at});
    return e.load(packedRight, {panel, k, at});
  };
  tile.store(tile.sum(depth, readLeft, readRight), start);
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

/// Rows are read in stretches of several panels. What the last panel has
/// behind the last column is not touched but by masks.
void PackedProduct::packPanels() {
  VectorEmitter &e = emitter;
  const MatrixView &right = product.right;
  if (!right.rowsAreContiguous)
    return e.loop(e.index(0), panelsOfTask, 1,
                  [&](Value panel) { packColumns(panel); });
  auto copy = [&](Value panel, Value first, int64_t rows, ValueRange masks) {
    for (int64_t row = 0; row < rows; ++row)
      for (auto [j, mask] : llvm::enumerate(masks)) {
        Value k = e.add(first, row), at = e.index(j * e.lanes());
        Value numbers =
            e.load(right.memory,
                   right.at(e.add(start, k), e.add(columnOf(panel), at)), mask);
        e.store(numbers, packedRight, {panel, k, at});
      }
  };
  SmallVector<Value> masks(cpu.tileVectors());
  auto copyWhole = [&](Value low, Value high, int64_t rows) {
    e.loop(low, high, rows, [&](Value k) {
      e.loop(e.index(0), wholePanels, 1,
             [&](Value panel) { copy(panel, k, rows, masks); });
    });
  };
  Value some = e.roundDown(depth, kCopiedRows);
  copyWhole(e.index(0), some, kCopiedRows);
  copyWhole(some, depth, 1);
  Value left = e.sub(endColumn, columnOf(wholePanels));
  for (auto [j, mask] : llvm::enumerate(masks))
    mask = e.firstLanes(e.sub(left, e.index(j * e.lanes())));
  e.choose(e.lessThan(e.index(0), left), [&] {
    e.loop(e.index(0), depth, 1,
           [&](Value k) { copy(wholePanels, k, 1, masks); });
  });
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
    auto store = [&](Value numbers, Value k) {
      e.store(numbers, packedRight, {panel, k, place});
    };
    auto copyOne = [&](Value k) {
      e.loop(e.index(0), e.index(e.lanes()), 1, [&](Value lane) {
        Value number =
            lines ? e.loadScalar(lines, {lane, k})
                  : e.loadScalar(right.memory,
                                 right.at(e.add(start, k), columnAt(lane)));
        e.storeScalar(number, packedRight, {panel, k, e.add(place, lane)});
      });
    };
    if (!lines && !right.columnsAreContiguous)
      return e.loop(e.index(0), depth, 1, copyOne);
    Value whole = e.roundDown(depth, e.lanes());
    e.loop(e.index(0), whole, e.lanes(), [&](Value k) {
      SmallVector<Value> square;
      for (int64_t lane = 0; lane < e.lanes(); ++lane) {
        Value at = e.index(lane);
        square.push_back(lines ? e.load(lines, {at, k})
                               : e.load(right.memory, right.at(e.add(start, k),
                                                               columnAt(at))));
      }
      e.transpose(square);
      for (auto [step, row] : llvm::enumerate(square))
        store(row, e.add(k, step));
    });
    e.loop(whole, depth, 1, copyOne);
  });
}

/// Behind the last row are zeros.
void PackedProduct::packRowTile(Value tile) {
  VectorEmitter &e = emitter;
  const MatrixView &left = product.left;
  Value firstRow = e.mul(tile, cpu.tileRows());
  auto copyRow = [&](Value i) {
    auto source = [&](Value k) {
      return left.at(e.add(firstRow, i), e.add(start, k));
    };
    auto copyOne = [&](Value k) {
      e.storeScalar(e.loadScalar(left.memory, source(k)), packedLeft, {i, k});
    };
    Value whole = e.index(0);
    if (left.rowsAreContiguous) {
      whole = e.roundDown(depth, e.lanes());
      e.loop(e.index(0), whole, e.lanes(), [&](Value k) {
        e.store(e.load(left.memory, source(k)), packedLeft, {i, k});
      });
    }
    e.loop(whole, depth, 1, copyOne);
  };
  auto clearRow = [&](Value i) {
    e.loop(e.index(0), depth, e.lanes(),
           [&](Value k) { e.store(e.zeros(), packedLeft, {i, k}); });
  };
  Value count = e.min(e.index(cpu.tileRows()), e.sub(product.rows, firstRow));
  e.loop(e.index(0), count, 1, copyRow);
  e.loop(count, e.index(cpu.tileRows()), 1, clearRow);
}

void effattn::emitPackedProduct(VectorEmitter &emitter,
                                const Product &product) {
  PackedProduct(emitter, product).emit();
}
