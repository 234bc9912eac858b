//===- PackedIntegerProduct.cpp - Products of bytes by blocks -------------===//
#include "ByteDots.h"
#include "IntegerProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

/// Panels of columns of a task.
static constexpr int64_t kTaskPanels = 8;
/// Tasks that keep the threads of a small machine busy, and the least rows
/// that are worth packing the columns once more.
static constexpr int64_t kWantedTasks = 4, kLeastRows = 64;

namespace {
/// A task packs some columns of the result, rows of the table, into panels
/// whose codes stand as many of a column together as a lane multiplies, and
/// runs row tiles through them. Corrected rows are several tables behind each
/// other.
class PackedIntegerProduct {
public:
  PackedIntegerProduct(VectorEmitter &emitter, const IntegerProduct &product)
      : e(emitter), product(product), table(product.table),
        x(product.activations), tileRows(emitter.cpu.byteTileRows()),
        tileVectors(emitter.cpu.byteTileVectors()),
        panelColumns(tileVectors * emitter.lanes()) {
    parts = 1 + table.hasResidual() + table.hasNearest();
  }

  void emit();

private:
  void runTask(Value firstPanel, Value endPanel, Value firstRow, Value endRow);
  Value blockRows();
  void packPanel(Value panel, Value place);
  void packColumns(Value first, Value place, Value at);
  void readRow(const RowPart &part, int64_t number, Value line);
  void clearRow(int64_t number, Value line);
  void storeBlock(ArrayRef<Value> spread, int64_t number, Value line,
                  Value column);
  void turn(Value from, Value to, Value width, Value place, Value part,
            Value at);
  void multiplyRows(Value start, Value end, Value panel, Value place);
  void multiplyTile(int64_t tileRows, Value row, Value panel, Value place);
  SmallVector<Value> addGroup(ArrayRef<Value> rows, Value place, Value part,
                              Value group, ValueRange sums);
  VectorType integers(int64_t lanes) {
    return VectorType::get(lanes, e.builder.getI32Type());
  }
  Value loadInteger(Value memory, ValueRange at) {
    Value number = memref::LoadOp::create(e.builder, e.loc, memory, at);
    return vector::BroadcastOp::create(e.builder, e.loc, integers(e.lanes()),
                                       number);
  }

  VectorEmitter &e;
  const IntegerProduct &product;
  QuantizedRows &table;
  const IntegerActivations &x;
  int64_t tileRows, tileVectors, panelColumns, parts;
  /// `lanesOfRow` is C / n, for n integers of a lane.
  Value panels, lanesOfRow;
  /// [panel, part, C / n, column], i32, and [panel, part, group, column], f32,
  /// of whole squares.
  Value packed, scales;
  /// [part, column, C / n], i32: spread codes of a block's columns; and
  /// [part, column, group], f32, of whole squares.
  Value lines, scaleLines;
};
} // namespace

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

void PackedIntegerProduct::emit() {
  panels = e.ceilDiv(table.count, panelColumns);
  lanesOfRow = e.quotient(table.width, integersOfLane(e.cpu));
  Value columnTasks = e.ceilDiv(panels, kTaskPanels);
  Value wanted =
      e.ceilDiv(e.index(kWantedTasks), e.max(columnTasks, e.index(1)));
  Value rowTasks = e.min(wanted, e.ceilDiv(x.rows, kLeastRows));
  Value share =
      e.mul(e.ceilDiv(e.ceilDiv(x.rows, e.max(rowTasks, e.index(1))), tileRows),
            tileRows);
  e.parallel({rowTasks, columnTasks}, [&](ValueRange task) {
    Value firstPanel = e.mul(task[1], kTaskPanels);
    Value endPanel = e.min(e.add(firstPanel, kTaskPanels), panels);
    Value firstRow = e.min(e.mul(task[0], share), x.rows);
    Value endRow = e.min(e.add(firstRow, share), x.rows);
    runTask(firstPanel, endPanel, firstRow, endRow);
  });
}

void PackedIntegerProduct::runTask(Value firstPanel, Value endPanel,
                                   Value firstRow, Value endRow) {
  OpFoldResult count = e.fixed(kTaskPanels), partCount = e.fixed(parts),
               columns = e.fixed(panelColumns);
  Type i32 = e.builder.getI32Type();
  packed = e.scratch({count, partCount, lanesOfRow, columns}, i32);
  Value groups = e.mul(e.ceilDiv(table.groups, kBlockLanes), kBlockLanes);
  Type f32 = e.builder.getF32Type();
  scales = e.scratch({count, partCount, groups, columns}, f32);
  lines = e.scratch({partCount, e.fixed(kBlockLanes), lanesOfRow}, i32);
  scaleLines = e.scratch({partCount, e.fixed(kBlockLanes), groups}, f32);
  Value block = blockRows();
  Value blocks = e.ceilDiv(e.sub(endRow, firstRow), block);
  // A panel that all rows go through at once goes no further than the first
  // cache.
  Value step = e.select(e.lessThan(e.index(1), blocks), e.index(kTaskPanels),
                        e.index(1));
  Value turns = e.ceilDiv(e.sub(endPanel, firstPanel), step);
  e.loop(e.index(0), turns, 1, [&](Value turn) {
    Value first = e.add(firstPanel, e.mul(turn, step));
    Value end = e.min(e.add(first, step), endPanel);
    auto overPanels = [&](function_ref<void(Value, Value)> body) {
      e.loop(first, end, 1,
             [&](Value panel) { body(panel, e.sub(panel, first)); });
    };
    overPanels([&](Value panel, Value place) { packPanel(panel, place); });
    e.loop(e.index(0), blocks, 1, [&](Value number) {
      Value start = e.add(firstRow, e.mul(number, block));
      Value end = e.min(e.add(start, block), endRow);
      overPanels([&](Value panel, Value place) {
        multiplyRows(start, end, panel, place);
      });
    });
  });
}

/// Rows of activations that stay in the second-level cache beside the panels,
/// and whose results lie in few pages.
Value PackedIntegerProduct::blockRows() {
  int64_t lanes = e.cpu.get(Tiling::SecondCache) / 4 / sizeof(int32_t);
  Value rows = e.quotient(e.index(lanes), e.max(lanesOfRow, e.index(1)));
  return e.max(e.roundDown(rows, tileRows), e.index(tileRows));
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

void PackedIntegerProduct::packPanel(Value panel, Value place) {
  e.loop(e.index(0), e.index(panelColumns), kBlockLanes, [&](Value at) {
    packColumns(e.add(e.mul(panel, panelColumns), at), place, at);
  });
}

/// As many columns as a block has lanes. Behind the last one, that one is
/// packed again.
void PackedIntegerProduct::packColumns(Value first, Value place, Value at) {
  Value last = e.sub(table.count, e.index(1));
  e.loop(e.index(0), e.index(kBlockLanes), 1, [&](Value line) {
    Value id = e.min(e.add(first, line), last);
    auto read = [&](const RowPart &part, int64_t number) {
      readRow(part, number, line);
    };
    e.choose(
        table.isWide(id), [&] { read(table.ownPart(id, true), 0); },
        [&] { read(table.ownPart(id, false), 0); });
    if (table.hasResidual())
      read(table.residualPart(id), 1);
    if (table.hasNearest()) {
      Value source = table.nearestOf(id);
      e.choose(
          e.lessEqual(e.index(0), source),
          [&] { read(table.nearestPart(id, source), parts - 1); },
          [&] { clearRow(parts - 1, line); });
    }
  });
  for (int64_t part = 0; part < parts; ++part) {
    turn(lines, packed, lanesOfRow, place, e.index(part), at);
    turn(scaleLines, scales, table.groups, place, e.index(part), at);
  }
}

/// Makes columns of lines, in squares, so that both are read and written as
/// vectors.
void PackedIntegerProduct::turn(Value from, Value to, Value width, Value place,
                                Value part, Value at) {
  auto type = VectorType::get(
      kBlockLanes, cast<MemRefType>(from.getType()).getElementType());
  e.loop(e.index(0), width, kBlockLanes, [&](Value k) {
    SmallVector<Value> square;
    for (int64_t line = 0; line < kBlockLanes; ++line)
      square.push_back(vector::LoadOp::create(
          e.builder, e.loc, type, from, ValueRange{part, e.index(line), k}));
    e.transpose(square);
    for (auto [step, column] : llvm::enumerate(square))
      vector::StoreOp::create(e.builder, e.loc, column, to,
                              ValueRange{place, part, e.add(k, step), at});
  });
}

void PackedIntegerProduct::readRow(const RowPart &part, int64_t number,
                                   Value line) {
  auto copyBlock = [&](Value column, ValueRange least) {
    Value codes = table.loadBytes(part, column, kByteBlock);
    storeBlock(spreadCodes(e, codes), number, line, column);
    Value less = arith::MinSIOp::create(e.builder, e.loc, least[0], codes);
    return SmallVector<Value>{less};
  };
  Value least = e.loop(e.index(0), table.width, kByteBlock,
                       splatByte(e, kByteBlock, 127), copyBlock)[0];
  table.watchIf(part, least, part.bits() == 8 ? -128 : -8);
  e.overColumns(e.index(0), table.groups, [&](Value group, Value mask) {
    Value numbers = e.load(part.scales, {part.scaleRow, group}, mask);
    if (part.weight)
      numbers = e.mulFloats(e.splat(part.weight), numbers);
    e.store(numbers, scaleLines, {e.index(number), line, group}, mask);
  });
}

/// Codes of 0 and their scales.
void PackedIntegerProduct::clearRow(int64_t number, Value line) {
  SmallVector<Value> none = spreadCodes(e, splatByte(e, kByteBlock, 0));
  e.loop(e.index(0), table.width, kByteBlock,
         [&](Value column) { storeBlock(none, number, line, column); });
  e.overColumns(e.index(0), table.groups, [&](Value group, Value mask) {
    e.store(e.zeros(), scaleLines, {e.index(number), line, group}, mask);
  });
}

void PackedIntegerProduct::storeBlock(ArrayRef<Value> spread, int64_t number,
                                      Value line, Value column) {
  Value lane = e.quotient(column, integersOfLane(e.cpu));
  for (auto [place, some] : llvm::enumerate(spread))
    vector::StoreOp::create(
        e.builder, e.loc, some, lines,
        ValueRange{e.index(number), line, e.add(lane, place * kBlockLanes)});
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// A few rows that are left over have a shorter tile.
void PackedIntegerProduct::multiplyRows(Value start, Value end, Value panel,
                                        Value place) {
  int64_t shortRows = tileRows - tileRows / 3;
  Value whole = e.add(start, e.roundDown(e.sub(end, start), tileRows));
  Value endLong =
      e.select(e.lessThan(e.add(whole, shortRows), end), end, whole);
  auto overTiles = [&](int64_t rows, Value start, Value end) {
    e.loop(start, end, rows,
           [&](Value row) { multiplyTile(rows, row, panel, place); });
  };
  overTiles(tileRows, start, endLong);
  overTiles(shortRows, endLong, end);
}

void PackedIntegerProduct::multiplyTile(int64_t tileRows, Value row,
                                        Value panel, Value place) {
  // Rows behind the last one are of numbers that were never written, and are
  // not stored.
  SmallVector<Value> rows;
  for (int64_t i = 0; i < tileRows; ++i)
    rows.push_back(e.add(row, i));
  SmallVector<Value> sums(tileRows * tileVectors, e.zeros());
  auto addPart = [&](Value part, ValueRange carried) {
    return e.loop(e.index(0), table.groups, 1, carried,
                  [&](Value group, ValueRange before) {
                    return addGroup(rows, place, part, group, before);
                  });
  };
  sums = e.loop(e.index(0), e.index(parts), 1, sums, addPart);
  Value column = e.mul(panel, panelColumns);
  auto storeRow = [&](int64_t number, bool isWhole) {
    for (int64_t j = 0; j < tileVectors; ++j) {
      Value first = e.add(column, j * e.lanes());
      Value mask = isWhole ? Value() : e.firstLanes(e.sub(table.count, first));
      e.store(sums[number * tileVectors + j], product.result.memory,
              product.result.at(rows[number], first), mask);
    }
  };
  Value isWhole = emit::logicalAnd(
      e.builder, e.loc, e.lessEqual(e.add(column, panelColumns), table.count),
      e.lessEqual(e.add(row, tileRows), x.rows));
  e.choose(
      isWhole,
      [&] {
        for (int64_t i = 0; i < tileRows; ++i)
          storeRow(i, /*isWhole=*/true);
      },
      [&] {
        for (int64_t i = 0; i < tileRows; ++i)
          e.choose(e.lessThan(rows[i], x.rows),
                   [&] { storeRow(i, /*isWhole=*/false); });
      });
}

/// The sums with the products of a group of columns more, row by row.
SmallVector<Value> PackedIntegerProduct::addGroup(ArrayRef<Value> rows,
                                                  Value place, Value part,
                                                  Value group,
                                                  ValueRange sums) {
  Value depth = e.quotient(table.groupWidth, integersOfLane(e.cpu));
  Value first = e.mul(group, depth);
  SmallVector<Value> starts;
  for (Value row : rows)
    starts.append(tileVectors, e.cpu.byteDots
                                   ? loadInteger(x.totals, {row, group})
                                   : splatInteger(e, e.lanes(), 0));
  SmallVector<Value> integers = e.loop(
      first, e.add(first, depth), 1, starts, [&](Value k, ValueRange carried) {
        SmallVector<Value> codes, next;
        for (int64_t j = 0; j < tileVectors; ++j)
          codes.push_back(vector::LoadOp::create(
              e.builder, e.loc, this->integers(e.lanes()), packed,
              ValueRange{place, part, k, e.index(j * e.lanes())}));
        for (Value row : rows) {
          Value some = loadInteger(x.codes, {row, e.index(0), k});
          for (Value code : codes)
            next.push_back(emitSpreadDots(e, carried[next.size()], code, some));
        }
        return next;
      });
  SmallVector<Value> next;
  SmallVector<Value> factors;
  for (int64_t j = 0; j < tileVectors; ++j)
    factors.push_back(
        e.load(scales, {place, part, group, e.index(j * e.lanes())}));
  for (Value row : rows) {
    Value step = e.splat(e.loadScalar(x.steps, {row, group}));
    for (Value factor : factors) {
      Value number = arith::SIToFPOp::create(e.builder, e.loc, e.vectorType(),
                                             integers[next.size()]);
      next.push_back(
          e.mulAdd(e.mulFloats(number, factor), step, sums[next.size()]));
    }
  }
  return next;
}

void effattn::emitPackedIntegerProduct(VectorEmitter &emitter,
                                       const IntegerProduct &product) {
  PackedIntegerProduct(emitter, product).emit();
}
