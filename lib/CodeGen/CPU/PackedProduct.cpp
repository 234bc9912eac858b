//===- PackedProduct.cpp - Products by blocks for registers and caches ----===//
#include "ResultTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::effattn;

/// Tasks that keep the threads of a small machine busy.
static constexpr int64_t kWantedTasks = 4;

namespace {
/// The scheme of BLIS. The summed dimension is cut into slabs. Of a slab, the
/// left factor is copied into row tiles [rows of a tile, depth], with zeros
/// behind the last row. A task copies some columns of the right factor into
/// panels [depth, columns of a tile], which stay in its cache, and runs all row
/// tiles through them; where there are few columns, tasks share the rows out.
class PackedProduct {
public:
  PackedProduct(VectorEmitter &emitter, const Product &product)
      : emitter(emitter), product(product), cpu(emitter.cpu) {}

  void emit();

private:
  void multiplySlab();
  void runTask(Value rowTask, Value columnTask);
  void packPanels(Value rowTask, Value first, Value end);
  void packColumns(Value rowTask, Value panel);
  void packRowTile(Value tile);
  void multiplyTile(Value tile, Value rowTask, Value panel);

  VectorEmitter &emitter;
  const Product &product;
  const CpuModel &cpu;
  Value tiles, panels, rowTasks, columnTasks;
  /// f32 [row tile, row, k] and [row task, panel, k, column].
  Value packedLeft, packedRight;
  /// The slab: its first index and its depth.
  Value start, depth;
};
} // namespace

void PackedProduct::emit() {
  VectorEmitter &e = emitter;
  tiles = e.ceilDiv(product.rows, cpu.tileRows());
  panels = e.ceilDiv(product.columns, cpu.tileColumns());
  columnTasks = e.ceilDiv(panels, cpu.taskPanels());
  Value wanted = arith::CeilDivUIOp::create(
      e.builder, e.loc, e.index(kWantedTasks), e.max(columnTasks, e.index(1)));
  rowTasks = e.min(wanted, e.ceilDiv(tiles, cpu.taskRowTiles()));
  Type f32 = e.builder.getF32Type();
  OpFoldResult slab = e.fixed(cpu.slabDepth());
  packedLeft = e.scratch({tiles, e.fixed(cpu.tileRows()), slab}, f32);
  packedRight =
      e.scratch({rowTasks, panels, slab, e.fixed(cpu.tileColumns())}, f32);
  e.loop(e.index(0), product.depth, cpu.slabDepth(), [&](Value first) {
    start = first;
    depth = e.min(e.sub(product.depth, first), e.index(cpu.slabDepth()));
    multiplySlab();
  });
}

void PackedProduct::multiplySlab() {
  VectorEmitter &e = emitter;
  e.parallel(tiles, [&](ValueRange tile) { packRowTile(tile[0]); });
  e.parallel({rowTasks, columnTasks},
             [&](ValueRange task) { runTask(task[0], task[1]); });
}

void PackedProduct::runTask(Value rowTask, Value columnTask) {
  VectorEmitter &e = emitter;
  Value firstPanel = e.mul(columnTask, cpu.taskPanels());
  Value endPanel = e.min(e.add(firstPanel, cpu.taskPanels()), panels);
  Value share = arith::CeilDivUIOp::create(e.builder, e.loc, tiles, rowTasks);
  Value firstTile = e.min(e.mul(rowTask, share), tiles);
  Value endTile = e.min(e.add(firstTile, share), tiles);
  packPanels(rowTask, firstPanel, endPanel);
  // A few row tiles at a time, so that they stay in the cache beside a panel.
  e.loop(firstTile, endTile, cpu.taskRowTiles(), [&](Value block) {
    Value endOfBlock = e.min(e.add(block, cpu.taskRowTiles()), endTile);
    e.loop(firstPanel, endPanel, 1, [&](Value panel) {
      e.loop(block, endOfBlock, 1,
             [&](Value tile) { multiplyTile(tile, rowTask, panel); });
    });
  });
}

void PackedProduct::multiplyTile(Value tileNumber, Value rowTask, Value panel) {
  VectorEmitter &e = emitter;
  ResultTile tile(e, product, e.mul(tileNumber, cpu.tileRows()),
                  e.mul(panel, cpu.tileColumns()));
  tile.prefetch();
  SmallVector<Value> sums = tile.sum(
      depth,
      [&](int64_t i, Value k) {
        return e.loadScalar(packedLeft, {tileNumber, e.index(i), k});
      },
      [&](Value k, int64_t j) {
        Value ahead = e.add(k, cpu.prefetchRows()), at = e.index(j * e.lanes());
        e.prefetch(packedRight, {rowTask, panel, ahead, at});
        return e.load(packedRight, {rowTask, panel, k, at});
      });
  tile.store(sums, start);
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

/// Rows are read in stretches of several panels. What the last panel has
/// behind the last column is not touched but by masks.
void PackedProduct::packPanels(Value rowTask, Value first, Value end) {
  VectorEmitter &e = emitter;
  const MatrixView &right = product.right;
  if (!right.rowsAreContiguous)
    return e.loop(first, end, 1,
                  [&](Value panel) { packColumns(rowTask, panel); });
  Value wholePanels = arith::DivUIOp::create(e.builder, e.loc, product.columns,
                                             e.index(cpu.tileColumns()));
  Value whole = e.min(end, wholePanels);
  auto copy = [&](Value panel, Value k, ValueRange masks) {
    for (int64_t j = 0; j < cpu.tileVectors(); ++j) {
      Value column = e.add(e.mul(panel, cpu.tileColumns()), j * e.lanes());
      Value numbers = e.load(right.memory, right.at(e.add(start, k), column),
                             masks.empty() ? Value() : masks[j]);
      e.store(numbers, packedRight,
              {rowTask, panel, k, e.index(j * e.lanes())});
    }
  };
  e.loop(e.index(0), depth, 1, [&](Value k) {
    e.loop(first, whole, 1, [&](Value panel) { copy(panel, k, {}); });
  });
  e.loop(e.max(first, whole), end, 1, [&](Value panel) {
    ResultTile tile(e, product, e.index(0), e.mul(panel, cpu.tileColumns()));
    SmallVector<Value> masks = tile.columnMasks();
    e.loop(e.index(0), depth, 1, [&](Value k) { copy(panel, k, masks); });
  });
}

/// The same where rows are not contiguous: some columns at a time, which are
/// read along the depth and turned over in registers. Behind the last column,
/// that one is read again.
void PackedProduct::packColumns(Value rowTask, Value panel) {
  VectorEmitter &e = emitter;
  const MatrixView &right = product.right;
  Value last = e.sub(product.columns, e.index(1));
  Value lines;
  if (right.readColumn)
    lines = e.scratch({e.fixed(e.lanes()), OpFoldResult(depth)},
                      e.builder.getF32Type());
  e.loop(e.index(0), e.index(cpu.tileColumns()), e.lanes(), [&](Value place) {
    Value first = e.add(e.mul(panel, cpu.tileColumns()), place);
    auto columnOf = [&](Value lane) { return e.min(e.add(first, lane), last); };
    if (lines)
      e.loop(e.index(0), e.index(e.lanes()), 1, [&](Value lane) {
        right.readColumn(columnOf(lane), start, depth, e.slice(lines, lane));
      });
    auto store = [&](Value numbers, Value k) {
      e.store(numbers, packedRight, {rowTask, panel, k, place});
    };
    auto copyOne = [&](Value k) {
      e.loop(e.index(0), e.index(e.lanes()), 1, [&](Value lane) {
        Value number =
            lines ? e.loadScalar(lines, {lane, k})
                  : e.loadScalar(right.memory,
                                 right.at(e.add(start, k), columnOf(lane)));
        e.storeScalar(number, packedRight,
                      {rowTask, panel, k, e.add(place, lane)});
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
                                                               columnOf(at))));
      }
      e.transpose(square);
      for (auto [step, row] : llvm::enumerate(square))
        store(row, e.add(k, step));
    });
    e.loop(whole, depth, 1, copyOne);
  });
}

void PackedProduct::packRowTile(Value tile) {
  VectorEmitter &e = emitter;
  const MatrixView &left = product.left;
  e.loop(e.index(0), e.index(cpu.tileRows()), 1, [&](Value i) {
    Value row = e.add(e.mul(tile, cpu.tileRows()), i);
    auto source = [&](Value k) { return left.at(row, e.add(start, k)); };
    auto copyOne = [&](Value k) {
      e.storeScalar(e.loadScalar(left.memory, source(k)), packedLeft,
                    {tile, i, k});
    };
    auto copyRow = [&] {
      if (!left.rowsAreContiguous)
        return e.loop(e.index(0), depth, 1, copyOne);
      Value whole = e.roundDown(depth, e.lanes());
      e.loop(e.index(0), whole, e.lanes(), [&](Value k) {
        e.store(e.load(left.memory, source(k)), packedLeft, {tile, i, k});
      });
      e.loop(whole, depth, 1, copyOne);
    };
    auto clearRow = [&] {
      Value zero = emit::f32(e.builder, e.loc, 0);
      e.loop(e.index(0), depth, 1,
             [&](Value k) { e.storeScalar(zero, packedLeft, {tile, i, k}); });
    };
    e.choose(e.lessThan(row, product.rows), copyRow, clearRow);
  });
}

void effattn::emitPackedProduct(VectorEmitter &emitter,
                                const Product &product) {
  PackedProduct(emitter, product).emit();
}
