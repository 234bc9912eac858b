//===- QuantizedTableOps.cpp - What a table of 4 and 8 bits must be -------===//
#include "IndexChecks.h"
#include "effattn/Dialect/CodeChecks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

static int64_t widthOf(Value rows) {
  return cast<ShapedType>(rows.getType()).getDimSize(1);
}

/// C1: ceil(C / 2) bytes hold C columns.
static LogicalResult verifyBytes(Operation *op, const QuantizedTable &table) {
  int64_t columns = widthOf(table.codes8), bytes = widthOf(table.codes4);
  if (ShapedType::isDynamic(columns) || ShapedType::isDynamic(bytes))
    return success();
  int64_t wanted = columns / 2 + columns % 2;
  if (bytes == wanted)
    return success();
  return op->emitOpError("expected codes4 to have ")
         << wanted << " bytes (dim 1) for the " << columns
         << " columns of codes8 (dim 1), but got " << bytes;
}

/// C2: all groups have equally many columns.
static LogicalResult verifyGroups(Operation *op, const QuantizedTable &table) {
  int64_t columns = widthOf(table.codes8), groups = widthOf(table.scales);
  if (ShapedType::isDynamic(columns) || ShapedType::isDynamic(groups) ||
      columns == 0 || (groups != 0 && columns % groups == 0))
    return success();
  return op->emitOpError("expected groups of scales (dim 1) to divide the ")
         << columns << " columns of codes8 (dim 1), but got " << groups;
}

/// C3, C4: codes and their factors come together.
static LogicalResult verifyPair(Operation *op, StringRef firstName, Value first,
                                StringRef secondName, Value second) {
  if (!first == !second)
    return success();
  return op->emitOpError("expected ")
         << firstName << " and " << secondName << " together, but got "
         << (first ? firstName : secondName) << " alone";
}

static LogicalResult verifyTable(Operation *op, const QuantizedTable &table) {
  if (failed(verifyBytes(op, table)) || failed(verifyGroups(op, table)) ||
      failed(verifyPair(op, "residual_codes", table.residualCodes,
                        "residual_scales", table.residualScales)))
    return failure();
  return verifyPair(op, "nearest", table.nearest, "nearest_weight",
                    table.nearestWeight);
}

/// C1 and C2 where sizes are dynamic.
static void checkTableShape(OpBuilder &builder, Location loc,
                            const QuantizedTable &table) {
  Value columns = emit::size(builder, loc, table.codes8, 1);
  Value bytes = emit::size(builder, loc, table.codes4, 1);
  Value groups = emit::size(builder, loc, table.scales, 1);
  Value zero = emit::index(builder, loc, 0), one = emit::index(builder, loc, 1);
  Value two = emit::index(builder, loc, 2);
  Value wanted = arith::CeilDivUIOp::create(builder, loc, columns, two);
  CheckOp::create(builder, loc, emit::equal(builder, loc, bytes, wanted),
                  "expected codes4 to have {0} bytes (dim 1) for the {1} "
                  "columns of codes8 (dim 1), but got {2}",
                  ValueRange{wanted, columns, bytes});
  // No group divides nothing but 0 columns.
  Value divisor = emit::max(builder, loc, groups, one);
  Value rest = arith::RemUIOp::create(builder, loc, columns, divisor);
  Value divides =
      emit::logicalAnd(builder, loc, emit::lessThan(builder, loc, zero, groups),
                       emit::equal(builder, loc, rest, zero));
  Value isEmpty = emit::equal(builder, loc, columns, zero);
  CheckOp::create(builder, loc, emit::logicalOr(builder, loc, isEmpty, divides),
                  "expected groups of scales (dim 1) to divide the {0} columns "
                  "of codes8 (dim 1), but got {1}",
                  ValueRange{columns, groups});
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

/// C5: the plain row `id` is where it is said to be.
static void checkPlainRow(OpBuilder &builder, Location loc,
                          const QuantizedTable &table, Value id) {
  Value index = emit::loadIndex(builder, loc, table.rowIndex, id);
  Value isWide = emit::load(builder, loc, table.rowKind, id);
  auto checkIn = [&](StringRef name, Value codes) {
    return [&builder, loc, index, id, name, codes](OpBuilder &, Location) {
      checkIndex(builder, loc, "row_index", index, id,
                 emit::size(builder, loc, codes, 0), ", the rows of " + name);
      scf::YieldOp::create(builder, loc);
    };
  };
  scf::IfOp::create(builder, loc, isWide, checkIn("codes8", table.codes8),
                    checkIn("codes4", table.codes4));
}

/// C6: what is added to row `id` is a plain row of 8 bits.
static void checkNearest(OpBuilder &builder, Location loc,
                         const QuantizedTable &table, Value id) {
  Value zero = emit::index(builder, loc, 0);
  Value none = emit::index(builder, loc, -1);
  Value source = emit::loadIndex(builder, loc, table.nearest, id);
  Value size = emit::size(builder, loc, table.rowKind, 0);
  Value isId = emit::logicalAnd(builder, loc,
                                emit::lessEqual(builder, loc, zero, source),
                                emit::lessThan(builder, loc, source, size));
  auto isWide = scf::IfOp::create(
      builder, loc, isId,
      [&](OpBuilder &, Location) {
        scf::YieldOp::create(builder, loc,
                             emit::load(builder, loc, table.rowKind, source));
      },
      [&](OpBuilder &, Location) {
        scf::YieldOp::create(builder, loc, emit::boolean(builder, loc, false));
      });
  Value isNone = emit::equal(builder, loc, source, none);
  CheckOp::create(
      builder, loc, emit::logicalOr(builder, loc, isNone, isWide.getResult(0)),
      "expected nearest to be -1 or the id of an 8-bit row, but got {0} at "
      "[{1}]",
      ValueRange{source, id});
  scf::IfOp::create(builder, loc, isId, [&](OpBuilder &, Location) {
    checkPlainRow(builder, loc, table, source);
    scf::YieldOp::create(builder, loc);
  });
}

static void checkRow(OpBuilder &builder, Location loc,
                     const QuantizedTable &table, Value id) {
  checkPlainRow(builder, loc, table, id);
  if (table.nearest)
    checkNearest(builder, loc, table, id);
}

//===----------------------------------------------------------------------===//
// The ops
//===----------------------------------------------------------------------===//

// C1, C2, C3 and C4: the operands make up a table.
LogicalResult QuantizedEmbeddingOp::verify() {
  return verifyTable(*this, getQuantizedTable());
}

// C7: every id has a row. C5, C6: so do those it leads to. C8: their codes are
// in range.
void QuantizedEmbeddingOp::emitPreconditions(OpBuilder &builder) {
  Location loc = getLoc();
  QuantizedTable table = getQuantizedTable();
  checkTableShape(builder, loc, table);
  checkIds(builder, loc, getIds(), emit::size(builder, loc, getRowKind(), 0),
           [&](Value id) {
             checkRow(builder, loc, table, id);
             emitRowCodeChecks(builder, loc, /*op=*/nullptr, table, id);
           });
}

// C1, C2, C3 and C4: the operands make up a table.
LogicalResult QuantizedMatmulOp::verify() {
  return verifyTable(*this, getQuantizedTable());
}

// C5, C6: every row is there. C8 is left to lowerings, which read every code
// anyway: looking at a large table twice would take twice as long.
void QuantizedMatmulOp::emitPreconditions(OpBuilder &builder) {
  Location loc = getLoc();
  QuantizedTable table = getQuantizedTable();
  checkTableShape(builder, loc, table);
  scf::ForOp::create(builder, loc, emit::index(builder, loc, 0),
                     emit::size(builder, loc, getRowKind(), 0),
                     emit::index(builder, loc, 1), ValueRange(),
                     [&](OpBuilder &, Location, Value id, ValueRange) {
                       checkRow(builder, loc, table, id);
                       scf::YieldOp::create(builder, loc);
                     });
}
