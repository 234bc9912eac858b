//===- IntegerDots.cpp - Few rows of bytes and a quantised table ----------===//
#include "IntegerProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::effattn;

/// Rows of the table at once, whose chains of sums hide each other's latency.
static constexpr int64_t kRows = 4;
/// Such sets of rows of a task.
static constexpr int64_t kTaskSets = 16;
/// How far ahead codes are asked for, in bytes.
static constexpr int64_t kAhead = 4096;

namespace {
/// Sums go unit by unit: a group, or two groups that share the blocks of a
/// vector.
class IntegerDots {
public:
  IntegerDots(VectorEmitter &emitter, const IntegerProduct &product,
              int64_t lanes, bool isPair)
      : e(emitter), product(product), table(product.table),
        x(product.activations), lanes(lanes), isPair(isPair),
        sumType(VectorType::get(lanes, emitter.builder.getF32Type())),
        integers(VectorType::get(lanes, emitter.builder.getI32Type())) {}

  void emit();

private:
  void emitTask(Value first, Value end);
  Value countWide(Value first);
  void emitSameKind(Value first, bool isWide);
  void emitRow(Value id);
  /// Dot products of some rows of the table and row `at` of the activations:
  /// f32 lanes yet to be summed, added to `sums`. What is carried from unit to
  /// unit and from block to block are the sums and the least codes.
  SmallVector<Value> addParts(ArrayRef<RowPart> parts, Value at,
                              ValueRange sums);
  void scaleSteps(const RowPart &part, Value at, int64_t number);
  SmallVector<Value> addUnit(ArrayRef<RowPart> parts, Value at, Value unit,
                             Value blocks, ValueRange sums);
  SmallVector<Value> sumUnit(ArrayRef<RowPart> parts, Value at, Value unit,
                             Value blocks, Value least);
  Value loadScale(int64_t number, Value unit, int64_t bits);
  SmallVector<Value> addBlock(ArrayRef<RowPart> parts, Value at, Value block,
                              ValueRange sums);
  Value loadBlock(const RowPart &part, Value block);
  void prefetch(ArrayRef<RowPart> parts, Value block);
  void store(Value lanes, Value at, Value id) {
    e.storeScalar(e.sum(lanes), product.result.memory,
                  product.result.at(at, id));
  }
  Value loadIntegers(Value memory, ValueRange at) {
    return vector::LoadOp::create(e.builder, e.loc, integers, memory, at);
  }
  Value zeros() {
    return arith::ConstantOp::create(e.builder, e.loc,
                                     e.builder.getZeroAttr(sumType));
  }

  VectorEmitter &e;
  const IntegerProduct &product;
  QuantizedRows &table;
  const IntegerActivations &x;
  int64_t lanes;
  bool isPair;
  VectorType sumType, integers;
  /// [row of the set, group], whole vectors: scales of the table times steps of
  /// x.
  Value scaled;
};
} // namespace

void IntegerDots::emit() {
  Value tasks = e.ceilDiv(table.count, kRows * kTaskSets);
  e.parallel(tasks, [&](ValueRange task) {
    Value first = e.mul(task[0], kRows * kTaskSets);
    emitTask(first, e.min(e.add(first, kRows * kTaskSets), table.count));
  });
}

void IntegerDots::emitTask(Value first, Value end) {
  Value room = e.mul(e.ceilDiv(table.groups, e.lanes()), e.lanes());
  scaled = e.scratch({e.fixed(kRows), room}, e.builder.getF32Type());
  e.loop(first, end, kRows, [&](Value id) {
    Value next = e.add(id, kRows);
    auto emitRows = [&] {
      e.loop(id, e.min(next, end), 1, [&](Value row) { emitRow(row); });
    };
    // Corrected rows have several parts; one row at a time will do.
    if (table.hasResidual() || table.hasNearest())
      return emitRows();
    // How many of the rows have 8 bits, if there are as many as a set takes.
    Value kind = e.choose(
        e.lessEqual(next, end), e.builder.getIndexType(),
        [&] { return SmallVector<Value>{countWide(id)}; },
        [&] { return SmallVector<Value>{e.index(1)}; })[0];
    e.choose(
        e.equal(kind, e.index(kRows)), [&] { emitSameKind(id, true); },
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
  for (int64_t i = 0; i < kRows; ++i)
    count = e.add(
        count, e.select(table.isWide(e.add(first, i)), e.index(1), e.index(0)));
  return count;
}

void IntegerDots::emitSameKind(Value first, bool isWide) {
  SmallVector<RowPart> parts;
  for (int64_t i = 0; i < kRows; ++i)
    parts.push_back(table.ownPart(e.add(first, i), isWide));
  e.loop(e.index(0), x.rows, 1, [&](Value at) {
    SmallVector<Value> start(kRows, zeros());
    SmallVector<Value> sums = addParts(parts, at, start);
    for (int64_t i = 0; i < kRows; ++i)
      store(sums[i], at, e.add(first, i));
  });
}

void IntegerDots::emitRow(Value id) {
  e.loop(e.index(0), x.rows, 1, [&](Value at) {
    auto add = [&](const RowPart &part, Value sum) {
      return addParts(part, at, sum);
    };
    Value sum = e.choose(
        table.isWide(id), sumType,
        [&] { return add(table.ownPart(id, true), zeros()); },
        [&] { return add(table.ownPart(id, false), zeros()); })[0];
    if (table.hasResidual())
      sum = add(table.residualPart(id), sum)[0];
    if (table.hasNearest()) {
      Value source = table.nearestOf(id);
      sum = e.choose(
          e.lessEqual(e.index(0), source), sumType,
          [&] { return add(table.nearestPart(id, source), sum); },
          [&] { return SmallVector<Value>{sum}; })[0];
    }
    store(sum, at, id);
  });
}

//===----------------------------------------------------------------------===//
// Dot products
//===----------------------------------------------------------------------===//

void IntegerDots::scaleSteps(const RowPart &part, Value at, int64_t number) {
  Value weight = part.weight ? e.splat(part.weight) : Value();
  e.overColumns(e.index(0), table.groups, [&](Value group, Value mask) {
    Value scale = e.load(part.scales, {part.scaleRow, group}, mask);
    if (weight)
      scale = e.mulFloats(weight, scale);
    Value steps = e.load(x.steps, {at, group}, mask);
    // Whole vectors: what a masked store writes cannot be read at once.
    e.store(e.mulFloats(scale, steps), scaled, {e.index(number), group});
  });
}

SmallVector<Value> IntegerDots::addParts(ArrayRef<RowPart> parts, Value at,
                                         ValueRange sums) {
  for (auto [number, part] : llvm::enumerate(parts))
    scaleSteps(part, at, number);
  Value units = table.groups, one = e.index(1);
  if (isPair)
    units = arith::DivUIOp::create(e.builder, e.loc, units, e.index(2));
  SmallVector<Value> start(sums);
  start.push_back(splatInteger(e, lanes, -1));
  auto addUnits = [&](Value blocks) {
    return e.loop(e.index(0), units, 1, start,
                  [&](Value unit, ValueRange carried) {
                    return addUnit(parts, at, unit, blocks, carried);
                  });
  };
  auto watched = [&](SmallVector<Value> carried) {
    table.watchIf(parts, carried.pop_back_val(), 0);
    return carried;
  };
  if (isPair)
    return watched(addUnits(one));
  Value blocks = arith::DivUIOp::create(e.builder, e.loc, table.groupWidth,
                                        e.index(lanes * 4));
  // Where vectors are wide, most groups of one block are pairs.
  if (e.cpu.vectorBits >= 512)
    return watched(addUnits(blocks));
  // Without a loop inside where units are of one block.
  return watched(e.choose(
      e.equal(blocks, one), ValueRange(start).getTypes(),
      [&] { return addUnits(one); }, [&] { return addUnits(blocks); }));
}

SmallVector<Value> IntegerDots::addUnit(ArrayRef<RowPart> parts, Value at,
                                        Value unit, Value blocks,
                                        ValueRange sums) {
  SmallVector<Value> products =
      sumUnit(parts, at, unit, blocks, /*least=*/sums.back());
  SmallVector<Value> next;
  for (unsigned i = 0; i < parts.size(); ++i) {
    Value number =
        arith::SIToFPOp::create(e.builder, e.loc, sumType, products[i]);
    next.push_back(
        e.mulAdd(number, loadScale(i, unit, parts[i].bits()), sums[i]));
  }
  next.push_back(products.back());
  return next;
}

/// What every lane of a unit is multiplied by.
Value IntegerDots::loadScale(int64_t number, Value unit, int64_t bits) {
  auto load = [&](Value group) -> Value {
    return vector::BroadcastOp::create(
        e.builder, e.loc, sumType,
        e.loadScalar(scaled, {e.index(number), group}));
  };
  if (!isPair)
    return load(unit);
  // The groups are the halves of a block; in order 1 those of its even and of
  // its odd columns.
  SmallVector<bool> isSecond;
  int64_t run = bits == 8 ? lanes / 2 : lanes / 4;
  for (int64_t lane = 0; lane < lanes; ++lane)
    isSecond.push_back(lane / run % 2);
  auto type = VectorType::get(lanes, e.builder.getI1Type());
  Value mask = arith::ConstantOp::create(
      e.builder, e.loc, DenseElementsAttr::get(type, isSecond));
  Value first = e.mul(unit, 2);
  return e.select(mask, load(e.add(first, 1)), load(first));
}

/// i32 lanes of the products of a unit, one vector for each part, and the least
/// codes.
SmallVector<Value> IntegerDots::sumUnit(ArrayRef<RowPart> parts, Value at,
                                        Value unit, Value blocks, Value least) {
  Value order = e.index(parts[0].bits() == 8 ? 0 : 1);
  Value start = loadIntegers(x.starts, {at, order, e.mul(unit, lanes)});
  SmallVector<Value> starts(parts.size(), start);
  starts.push_back(least);
  if (matchPattern(blocks, m_One()))
    return addBlock(parts, at, unit, starts);
  Value first = e.mul(unit, blocks);
  return e.loop(first, e.add(first, blocks), 1, starts,
                [&](Value block, ValueRange carried) {
                  return addBlock(parts, at, block, carried);
                });
}

SmallVector<Value> IntegerDots::addBlock(ArrayRef<RowPart> parts, Value at,
                                         Value block, ValueRange sums) {
  prefetch(parts, block);
  Value order = e.index(parts[0].bits() == 8 ? 0 : 1);
  Value numbers = loadIntegers(x.codes, {at, order, e.mul(block, lanes)});
  SmallVector<Value> next;
  Value least = sums.back();
  for (auto [part, sum] : llvm::zip(parts, sums.drop_back())) {
    Value codes = loadBlock(part, block);
    next.push_back(emitByteDots(e, sum, codes, numbers));
    least = leastBytes(e, least, codes);
  }
  next.push_back(least);
  return next;
}

/// The codes of a block made positive: 128 or 8 are added. Those of 4 bits have
/// the even columns first.
Value IntegerDots::loadBlock(const RowPart &part, Value block) {
  int64_t bytes = lanes * part.bits() / 2;
  Value codes = vector::LoadOp::create(
      e.builder, e.loc, VectorType::get(bytes, e.builder.getI8Type()),
      part.codes, ValueRange{part.row, e.mul(block, bytes)});
  if (part.bits() == 8) {
    codes = vector::BitCastOp::create(e.builder, e.loc, integers, codes);
    return arith::XOrIOp::create(e.builder, e.loc, codes,
                                 splatInteger(e, lanes, 0x80808080));
  }
  SmallVector<int64_t> twice;
  for (int64_t place = 0; place < lanes * 4; ++place)
    twice.push_back(place % bytes);
  codes = vector::ShuffleOp::create(e.builder, e.loc, codes, codes, twice);
  codes = vector::BitCastOp::create(e.builder, e.loc, integers, codes);
  SmallVector<int32_t> shifts(lanes, 0);
  std::fill(shifts.begin() + lanes / 2, shifts.end(), 4);
  Value shift = arith::ConstantOp::create(
      e.builder, e.loc, DenseElementsAttr::get(integers, ArrayRef(shifts)));
  codes = arith::ShRUIOp::create(e.builder, e.loc, codes, shift);
  codes = arith::AndIOp::create(e.builder, e.loc, codes,
                                splatInteger(e, lanes, 0x0f0f0f0f));
  return arith::XOrIOp::create(e.builder, e.loc, codes,
                               splatInteger(e, lanes, 0x08080808));
}

/// A set of rows is read as one stream: most often its rows lie one behind the
/// other.
void IntegerDots::prefetch(ArrayRef<RowPart> parts, Value block) {
  int64_t bytes = lanes * parts[0].bits() / 2 * parts.size();
  Value column = e.add(e.mul(block, bytes), kAhead);
  for (int64_t line = 0; line < bytes; line += kVectorAlignment)
    e.prefetch(parts[0].codes, {parts[0].row, e.add(column, line)});
}

void effattn::emitIntegerDots(VectorEmitter &emitter,
                              const IntegerProduct &product) {
  VectorEmitter &e = emitter;
  auto emit = [&](int64_t lanes, bool isPair) {
    IntegerDots(e, product, lanes, isPair).emit();
  };
  if (e.cpu.vectorBits < 512)
    return emit(kBlockLanes, false);
  const IntegerActivations &x = product.activations;
  e.choose(
      x.isPair, [&] { emit(kWideLanes, true); },
      [&] {
        e.choose(
            x.isWide, [&] { emit(kWideLanes, false); },
            [&] { emit(kBlockLanes, false); });
      });
}
