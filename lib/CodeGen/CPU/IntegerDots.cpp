//===- IntegerDots.cpp - Few rows of bytes and a quantised table ----------===//
#include "ByteDots.h"
#include "IntegerProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::effattn;

/// Rows of the table that a task has at least, and tasks at most.
static constexpr int64_t kTaskRows = 64, kMostTasks = 64;
/// How far ahead codes are asked for, in bytes.
static constexpr int64_t kAhead = 8192;

namespace {
/// How codes are taken up. A vector of them, a block, has those of several
/// groups where groups are narrow, or a group is made of blocks.
struct Shape {
  int64_t bits, lanes, groups;
  /// Whether groups are known not to have several blocks.
  bool isOneBlock;

  int64_t bytes() const { return lanes * 4; }
  int64_t columns() const { return bytes() * 8 / bits; }
};

/// Sums go unit by unit: a group, or the groups that share a block.
class IntegerDots {
public:
  IntegerDots(VectorEmitter &emitter, const IntegerProduct &product)
      : e(emitter), product(product), table(product.table),
        x(product.activations), setRows(e.cpu.vectorRegisters >= 32 ? 8 : 4) {}

  void emit();

private:
  void emitTask(Value first, Value end);
  Value countWide(Value first);
  void emitSameKind(Value first, bool isWide);
  void storeSet(ArrayRef<Value> sums, Value at, Value first);
  void emitRow(Value id);
  /// Dot products of some rows of the table and row `at` of the activations:
  /// f32 lanes yet to be summed.
  SmallVector<Value> multiply(ArrayRef<RowPart> parts, Value at);
  SmallVector<Shape> shapesFor(int64_t bits);
  Value fits(const Shape &shape);
  SmallVector<Value> multiplyAs(ArrayRef<Shape> shapes, ArrayRef<RowPart> parts,
                                Value at);
  /// What is carried from unit to unit and from block to block are the sums and
  /// the least codes.
  SmallVector<Value> addUnits(const Shape &shape, ArrayRef<RowPart> parts,
                              Value at);
  SmallVector<Value> addUnit(const Shape &shape, ArrayRef<RowPart> parts,
                             Value at, Value unit, Value blocks,
                             ValueRange sums);
  SmallVector<Value> sumUnit(const Shape &shape, ArrayRef<RowPart> parts,
                             Value at, Value unit, Value blocks, Value least);
  Value loadStart(const Shape &shape, Value at, Value unit);
  Value scalesOf(const RowPart &part, Value at, Value group, int64_t count);
  void fillScales(ArrayRef<RowPart> parts, Value at);
  Value loadScales(const Shape &shape, ArrayRef<RowPart> parts, unsigned number,
                   Value at, Value unit);
  SmallVector<Value> addBlock(const Shape &shape, ArrayRef<RowPart> parts,
                              Value at, Value block, ValueRange sums);
  SmallVector<Value> loadNumbers(const Shape &shape, Value at, Value block);
  SmallVector<Value> loadCodes(const Shape &shape, const RowPart &part,
                               Value block, Value &least);
  void prefetch(const Shape &shape, ArrayRef<RowPart> parts, Value block);
  VectorType integers(int64_t lanes) {
    return VectorType::get(lanes, e.builder.getI32Type());
  }
  Value load(Type type, Value memory, ValueRange at) {
    return vector::LoadOp::create(e.builder, e.loc, type, memory, at);
  }
  Value zerosOf(Type type) {
    return arith::ConstantOp::create(e.builder, e.loc,
                                     e.builder.getZeroAttr(type));
  }

  VectorEmitter &e;
  const IntegerProduct &product;
  QuantizedRows &table;
  const IntegerActivations &x;
  /// Rows of the table at once, whose chains of sums hide each other's latency.
  int64_t setRows;
  /// Whether a cache may have the table. Outside of caches, memory is read
  /// fastest in one stream: row by row.
  Value isNear;
  /// [row of a set, group], f32: scales, written ahead of a set's products
  /// where vectors are narrow and most have a scale of their own, so that to
  /// make it would take more than to wait for memory. Else null.
  Value rowScales;
};
} // namespace

void IntegerDots::emit() {
  Value tasks = e.min(e.ceilDiv(table.count, kTaskRows), e.index(kMostTasks));
  Value sets =
      e.ceilDiv(e.ceilDiv(table.count, setRows), e.max(tasks, e.index(1)));
  Value rows = e.mul(sets, setRows);
  Value bytes = e.index(0);
  for (auto [name, codes] : table.codeOperands())
    bytes = e.add(bytes, e.bytesOf(codes));
  isNear = e.lessEqual(bytes, e.index(e.cpu.farBytes()));
  e.parallel(tasks, [&](ValueRange task) {
    Value first = e.mul(task[0], rows);
    emitTask(first, e.min(e.add(first, rows), table.count));
  });
}

void IntegerDots::emitTask(Value first, Value end) {
  if (e.cpu.vectorBits < 512)
    rowScales =
        e.scratch({e.fixed(setRows), table.groups}, e.builder.getF32Type());
  e.loop(first, end, setRows, [&](Value id) {
    Value next = e.add(id, setRows);
    auto emitRows = [&] {
      e.loop(id, e.min(next, end), 1, [&](Value row) { emitRow(row); });
    };
    // Corrected rows have several parts; one row at a time will do.
    if (table.hasResidual() || table.hasNearest())
      return emitRows();
    // How many of the rows have 8 bits, if there are as many as a set takes.
    Value isSet =
        emit::logicalAnd(e.builder, e.loc, isNear, e.lessEqual(next, end));
    Value kind = e.choose(
        isSet, e.builder.getIndexType(),
        [&] { return SmallVector<Value>{countWide(id)}; },
        [&] { return SmallVector<Value>{e.index(1)}; })[0];
    e.choose(
        e.equal(kind, e.index(setRows)), [&] { emitSameKind(id, true); },
        [&] {
          e.choose(
              e.equal(kind, e.index(0)), [&] { emitSameKind(id, false); },
              emitRows);
        });
  });
}

/// How many rows of a set have 8 bits.
Value IntegerDots::countWide(Value first) {
  Value count = e.index(0);
  for (int64_t i = 0; i < setRows; ++i)
    count = e.add(
        count, e.select(table.isWide(e.add(first, i)), e.index(1), e.index(0)));
  return count;
}

void IntegerDots::emitSameKind(Value first, bool isWide) {
  SmallVector<RowPart> parts;
  for (int64_t i = 0; i < setRows; ++i)
    parts.push_back(table.ownPart(e.add(first, i), isWide));
  e.loop(e.index(0), x.rows, 1,
         [&](Value at) { storeSet(multiply(parts, at), at, first); });
}

/// Adds up the lanes of all rows of a set at once.
void IntegerDots::storeSet(ArrayRef<Value> sums, Value at, Value first) {
  Value all = e.sumParts(sums);
  for (int64_t lanes = e.lanes() / 2; lanes >= setRows; lanes /= 2) {
    auto half = [&](int64_t start) {
      return vector::ExtractStridedSliceOp::create(e.builder, e.loc, all, start,
                                                   lanes, 1);
    };
    all = e.addFloats(half(0), half(lanes));
  }
  Value memory = product.result.memory;
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  if (!element.isF32())
    all = arith::TruncFOp::create(e.builder, e.loc,
                                  VectorType::get(setRows, element), all);
  vector::StoreOp::create(e.builder, e.loc, all, memory,
                          product.result.at(at, first));
}

void IntegerDots::emitRow(Value id) {
  e.loop(e.index(0), x.rows, 1, [&](Value at) {
    auto sumOf = [&](const RowPart &part) { return multiply(part, at); };
    Value sum = e.choose(
        table.isWide(id), e.vectorType(),
        [&] { return sumOf(table.ownPart(id, true)); },
        [&] { return sumOf(table.ownPart(id, false)); })[0];
    if (table.hasResidual())
      sum = e.addFloats(sum, sumOf(table.residualPart(id))[0]);
    if (table.hasNearest()) {
      Value source = table.nearestOf(id);
      Value more = e.choose(
          e.lessEqual(e.index(0), source), e.vectorType(),
          [&] { return sumOf(table.nearestPart(id, source)); },
          [&] { return SmallVector<Value>{e.zeros()}; })[0];
      sum = e.addFloats(sum, more);
    }
    e.storeScalar(e.sum(sum), product.result.memory, product.result.at(at, id));
  });
}

//===----------------------------------------------------------------------===//
// Dot products
//===----------------------------------------------------------------------===//

SmallVector<Value> IntegerDots::multiply(ArrayRef<RowPart> parts, Value at) {
  return multiplyAs(shapesFor(parts[0].bits()), parts, at);
}

/// From the one that takes up most groups to one that always fits.
SmallVector<Shape> IntegerDots::shapesFor(int64_t bits) {
  SmallVector<Shape> shapes;
  int64_t wide = e.lanes(), narrow = kByteBlock * bits / 32;
  int64_t most = Shape{bits, wide, 1, true}.columns() / kByteBlock;
  for (int64_t groups = most; groups > 1; groups /= 2)
    shapes.push_back({bits, wide, groups, true});
  // Where vectors are narrow, most groups are of one block.
  if (e.cpu.vectorBits < 512)
    shapes.push_back({bits, wide, 1, true});
  shapes.push_back({bits, wide, 1, false});
  if (narrow < wide)
    shapes.push_back({bits, narrow, 1, false});
  return shapes;
}

Value IntegerDots::fits(const Shape &shape) {
  auto isMultiple = [&](Value number, int64_t divisor) {
    return e.equal(e.remainder(number, divisor), e.index(0));
  };
  if (!shape.isOneBlock)
    return isMultiple(table.groupWidth, shape.columns());
  return emit::logicalAnd(
      e.builder, e.loc,
      e.equal(table.groupWidth, e.index(shape.columns() / shape.groups)),
      isMultiple(table.groups, shape.groups));
}

SmallVector<Value> IntegerDots::multiplyAs(ArrayRef<Shape> shapes,
                                           ArrayRef<RowPart> parts, Value at) {
  if (shapes.size() == 1)
    return addUnits(shapes[0], parts, at);
  SmallVector<Type> types(parts.size(), e.vectorType());
  return e.choose(
      fits(shapes[0]), types, [&] { return addUnits(shapes[0], parts, at); },
      [&] { return multiplyAs(shapes.drop_front(), parts, at); });
}

SmallVector<Value> IntegerDots::addUnits(const Shape &shape,
                                         ArrayRef<RowPart> parts, Value at) {
  if (rowScales)
    fillScales(parts, at);
  Value units = e.quotient(table.groups, shape.groups);
  Value blocks = shape.isOneBlock
                     ? e.index(1)
                     : e.quotient(table.groupWidth, shape.columns());
  auto type = VectorType::get(shape.lanes, e.builder.getF32Type());
  SmallVector<Value> sums(parts.size(), zerosOf(type));
  sums.push_back(splatByte(e, shape.bytes(), 127));
  sums =
      e.loop(e.index(0), units, 1, sums, [&](Value unit, ValueRange carried) {
        return addUnit(shape, parts, at, unit, blocks, carried);
      });
  table.watchIf(parts, sums.pop_back_val(), shape.bits == 8 ? -128 : 0);
  if (shape.lanes < e.lanes())
    for (Value &sum : sums)
      sum = vector::InsertStridedSliceOp::create(e.builder, e.loc, sum,
                                                 e.zeros(), 0, 1);
  return sums;
}

SmallVector<Value> IntegerDots::addUnit(const Shape &shape,
                                        ArrayRef<RowPart> parts, Value at,
                                        Value unit, Value blocks,
                                        ValueRange sums) {
  SmallVector<Value> products =
      sumUnit(shape, parts, at, unit, blocks, /*least=*/sums.back());
  SmallVector<Value> next;
  for (unsigned i = 0; i < parts.size(); ++i) {
    Value number = arith::SIToFPOp::create(e.builder, e.loc, sums[i].getType(),
                                           products[i]);
    Value scales = loadScales(shape, parts, i, at, unit);
    next.push_back(e.mulAdd(number, scales, sums[i]));
  }
  next.push_back(products.back());
  return next;
}

/// What products of some groups are multiplied by: scales of the table times
/// steps of x.
Value IntegerDots::scalesOf(const RowPart &part, Value at, Value group,
                            int64_t count) {
  Type f32 = VectorType::get(count, e.builder.getF32Type());
  Value scale = e.loadBits(part.scales, {part.scaleRow, group}, count);
  if (scale.getType() != f32)
    scale = arith::ExtFOp::create(e.builder, e.loc, f32, scale);
  if (part.weight)
    scale = e.mulFloats(
        vector::BroadcastOp::create(e.builder, e.loc, f32, part.weight), scale);
  return e.mulFloats(scale, e.loadBits(x.steps, {at, group}, count));
}

void IntegerDots::fillScales(ArrayRef<RowPart> parts, Value at) {
  auto fill = [&](Value group, int64_t count) {
    for (size_t i = 0; i < parts.size(); ++i)
      e.storeBits(scalesOf(parts[i], at, group, count), rowScales,
                  {e.index(i), group});
  };
  // The last vector begins where it ends with the row: there are no masks for
  // f16.
  Value last = e.sub(table.groups, e.index(e.lanes()));
  e.choose(
      e.lessEqual(e.index(0), last),
      [&] {
        e.loop(e.index(0), table.groups, e.lanes(),
               [&](Value group) { fill(e.min(group, last), e.lanes()); });
      },
      [&] {
        e.loop(e.index(0), table.groups, 1,
               [&](Value group) { fill(group, 1); });
      });
}

/// What every lane of a unit is multiplied by.
Value IntegerDots::loadScales(const Shape &shape, ArrayRef<RowPart> parts,
                              unsigned number, Value at, Value unit) {
  Value group = e.mul(unit, shape.groups);
  Value scales =
      rowScales ? e.loadBits(rowScales, {e.index(number), group}, shape.groups)
                : scalesOf(parts[number], at, group, shape.groups);
  SmallVector<int64_t> groupOfLane;
  for (int64_t lane = 0; lane < shape.lanes; ++lane)
    groupOfLane.push_back(lane * shape.groups / shape.lanes);
  return vector::ShuffleOp::create(e.builder, e.loc, scales, scales,
                                   groupOfLane);
}

/// i32 lanes to start the sums of a unit from, where its codes are made
/// positive.
Value IntegerDots::loadStart(const Shape &shape, Value at, Value unit) {
  Type type = integers(shape.lanes);
  if (shape.bits == 8 && !e.cpu.byteDots)
    return zerosOf(type);
  if (shape.isOneBlock)
    return load(
        type, shape.bits == 8 ? x.codes : x.halves,
        {at, e.index(shape.bits == 8 ? 1 : 2), e.mul(unit, shape.lanes)});
  Value total = emit::load(e.builder, e.loc, x.totals, {at, unit});
  // It is that of 8 bits, to whose codes 128 are added.
  if (shape.bits == 4)
    total = arith::ShRSIOp::create(
        e.builder, e.loc, total,
        arith::ConstantIntOp::create(e.builder, e.loc, 4, 32));
  return vector::InsertOp::create(e.builder, e.loc, total, zerosOf(type), 0);
}

/// i32 lanes of the products of a unit, one vector for each part, and the least
/// codes.
SmallVector<Value> IntegerDots::sumUnit(const Shape &shape,
                                        ArrayRef<RowPart> parts, Value at,
                                        Value unit, Value blocks, Value least) {
  SmallVector<Value> starts(parts.size(), loadStart(shape, at, unit));
  starts.push_back(least);
  if (matchPattern(blocks, m_One()))
    return addBlock(shape, parts, at, unit, starts);
  Value first = e.mul(unit, blocks);
  return e.loop(first, e.add(first, blocks), 1, starts,
                [&](Value block, ValueRange carried) {
                  return addBlock(shape, parts, at, block, carried);
                });
}

SmallVector<Value> IntegerDots::addBlock(const Shape &shape,
                                         ArrayRef<RowPart> parts, Value at,
                                         Value block, ValueRange sums) {
  prefetch(shape, parts, block);
  SmallVector<Value> numbers = loadNumbers(shape, at, block);
  SmallVector<Value> next;
  Value least = sums.back();
  for (auto [part, start] : llvm::zip(parts, sums.drop_back())) {
    SmallVector<Value> codes = loadCodes(shape, part, block, least);
    next.push_back(shape.bits == 8
                       ? emitCodeDots(e, start, codes[0], numbers[0])
                       : emitPositiveDots(e, start, codes, numbers));
  }
  next.push_back(least);
  return next;
}

/// The activations of a block: one vector for codes of 8 bits, for those of 4
/// bits the even columns and the odd ones.
SmallVector<Value> IntegerDots::loadNumbers(const Shape &shape, Value at,
                                            Value block) {
  Type type = integers(shape.lanes);
  Value lane = e.mul(block, shape.lanes);
  if (shape.bits == 8)
    return {load(type, x.codes, {at, e.index(0), lane})};
  return {load(type, x.halves, {at, e.index(0), lane}),
          load(type, x.halves, {at, e.index(1), lane})};
}

/// The codes of a block in the order of the activations. To those of 4 bits 8
/// are added.
SmallVector<Value> IntegerDots::loadCodes(const Shape &shape,
                                          const RowPart &part, Value block,
                                          Value &least) {
  auto type = VectorType::get(shape.bytes(), e.builder.getI8Type());
  Value bytes = load(type, part.codes, {part.row, e.mul(block, shape.bytes())});
  auto toIntegers = [&](Value codes) {
    return bitCast(e, codes, shape.lanes, e.builder.getI32Type());
  };
  auto watch = [&](Value codes) {
    least = arith::MinSIOp::create(e.builder, e.loc, least, codes);
  };
  if (shape.bits == 8) {
    watch(bytes);
    return {makeDotCodes(e, toIntegers(bytes))};
  }
  auto all = [&](int64_t number) {
    return splatByte(e, shape.bytes(), number);
  };
  bytes = arith::XOrIOp::create(e.builder, e.loc, bytes, all(0x88));
  Value low = arith::AndIOp::create(e.builder, e.loc, bytes, all(15));
  Value high = arith::ShRUIOp::create(e.builder, e.loc, bytes, all(4));
  SmallVector<Value> halves;
  for (Value half : {low, high}) {
    watch(half);
    halves.push_back(toIntegers(half));
  }
  return halves;
}

/// A set of rows is read as one stream: most often its rows lie one behind the
/// other.
void IntegerDots::prefetch(const Shape &shape, ArrayRef<RowPart> parts,
                           Value block) {
  int64_t bytes = shape.bytes() * parts.size();
  Value column = e.add(e.mul(block, bytes), kAhead);
  for (int64_t line = 0; line < bytes; line += kVectorAlignment)
    e.prefetch(parts[0].codes, {parts[0].row, e.add(column, line)});
}

void effattn::emitIntegerDots(VectorEmitter &emitter,
                              const IntegerProduct &product) {
  IntegerDots(emitter, product).emit();
}
