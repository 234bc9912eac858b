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
class IntegerDots {
public:
  IntegerDots(VectorEmitter &emitter, const IntegerProduct &product)
      : e(emitter), product(product), table(product.table),
        x(product.activations),
        sumType(VectorType::get(kBlockLanes, emitter.builder.getF32Type())) {}

  void emit();

private:
  void emitTask(Value first, Value end);
  Value countWide(Value first);
  void emitSameKind(Value first, bool isWide);
  void emitRow(Value id);
  /// Dot products of some rows of the table and row `at` of the activations:
  /// f32 lanes yet to be summed, added to `sums`.
  SmallVector<Value> addParts(ArrayRef<RowPart> parts, Value at,
                              ValueRange sums);
  void scaleSteps(const RowPart &part, Value at, int64_t number);
  SmallVector<Value> sumGroup(ArrayRef<RowPart> parts, Value at, Value group,
                              Value blocks);
  SmallVector<Value> addBlock(ArrayRef<RowPart> parts, Value at, Value block,
                              ValueRange sums);
  Value loadBlock(const RowPart &part, Value block);
  void prefetch(ArrayRef<RowPart> parts, Value group);
  void store(Value lanes, Value at, Value id) {
    e.storeScalar(e.sum(lanes), product.result.memory,
                  product.result.at(at, id));
  }
  Value loadIntegers(Value memory, ValueRange at) {
    auto type = VectorType::get(kBlockLanes, e.builder.getI32Type());
    return vector::LoadOp::create(e.builder, e.loc, type, memory, at);
  }
  Value zeros() {
    return arith::ConstantOp::create(e.builder, e.loc,
                                     e.builder.getZeroAttr(sumType));
  }

  VectorEmitter &e;
  const IntegerProduct &product;
  QuantizedRows &table;
  const IntegerActivations &x;
  VectorType sumType;
  /// [row of the set, group]: scales of the table times steps of x.
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
  scaled = e.scratch({e.fixed(kRows), table.groups}, e.builder.getF32Type());
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
    e.store(e.mulFloats(scale, steps), scaled, {e.index(number), group}, mask);
  });
}

SmallVector<Value> IntegerDots::addParts(ArrayRef<RowPart> parts, Value at,
                                         ValueRange sums) {
  for (auto [number, part] : llvm::enumerate(parts))
    scaleSteps(part, at, number);
  Value blocks = arith::DivUIOp::create(e.builder, e.loc, table.groupWidth,
                                        e.index(kByteBlock));
  Value one = e.index(1);
  auto addGroups = [&](Value blocksOfGroup) {
    return e.loop(e.index(0), table.groups, 1, sums,
                  [&](Value group, ValueRange carried) {
                    prefetch(parts, group);
                    SmallVector<Value> integers =
                        sumGroup(parts, at, group, blocksOfGroup);
                    SmallVector<Value> next;
                    for (unsigned i = 0; i < parts.size(); ++i) {
                      Value number = arith::SIToFPOp::create(
                          e.builder, e.loc, sumType, integers[i]);
                      Value scale = vector::BroadcastOp::create(
                          e.builder, e.loc, sumType,
                          e.loadScalar(scaled, {e.index(i), group}));
                      next.push_back(e.mulAdd(number, scale, carried[i]));
                    }
                    return next;
                  });
  };
  // Without a loop inside where groups are of one block.
  SmallVector<Type> types(parts.size(), sumType);
  return e.choose(
      e.equal(blocks, one), types, [&] { return addGroups(one); },
      [&] { return addGroups(blocks); });
}

/// i32 lanes of the products of a group, one vector for each part.
SmallVector<Value> IntegerDots::sumGroup(ArrayRef<RowPart> parts, Value at,
                                         Value group, Value blocks) {
  Value order = e.index(parts[0].bits == 8 ? 0 : 1);
  Value start = loadIntegers(x.starts, {at, order, group, e.index(0)});
  SmallVector<Value> starts(parts.size(), start);
  if (matchPattern(blocks, m_One()))
    return addBlock(parts, at, group, starts);
  Value first = e.mul(group, blocks);
  return e.loop(first, e.add(first, blocks), 1, starts,
                [&](Value block, ValueRange carried) {
                  return addBlock(parts, at, block, carried);
                });
}

SmallVector<Value> IntegerDots::addBlock(ArrayRef<RowPart> parts, Value at,
                                         Value block, ValueRange sums) {
  Value order = e.index(parts[0].bits == 8 ? 0 : 1);
  Value numbers =
      loadIntegers(x.codes, {at, order, e.mul(block, kByteBlock / 4)});
  SmallVector<Value> next;
  for (auto [part, sum] : llvm::zip(parts, sums))
    next.push_back(emitByteDots(e, sum, loadBlock(part, block), numbers));
  return next;
}

/// The codes of a block made positive: 128 or 8 are added. Those of 4 bits have
/// the even columns first.
Value IntegerDots::loadBlock(const RowPart &part, Value block) {
  int64_t bytes = kByteBlock * part.bits / 8;
  auto integers = VectorType::get(kBlockLanes, e.builder.getI32Type());
  Value codes = vector::LoadOp::create(
      e.builder, e.loc, VectorType::get(bytes, e.builder.getI8Type()),
      part.codes, ValueRange{part.row, e.mul(block, bytes)});
  if (part.bits == 8) {
    codes = vector::BitCastOp::create(e.builder, e.loc, integers, codes);
    return arith::XOrIOp::create(e.builder, e.loc, codes,
                                 splatInteger(e, kBlockLanes, 0x80808080));
  }
  SmallVector<int64_t> twice;
  for (int64_t place = 0; place < kByteBlock; ++place)
    twice.push_back(place % bytes);
  codes = vector::ShuffleOp::create(e.builder, e.loc, codes, codes, twice);
  codes = vector::BitCastOp::create(e.builder, e.loc, integers, codes);
  SmallVector<int32_t> shifts(kBlockLanes, 0);
  std::fill(shifts.begin() + kBlockLanes / 2, shifts.end(), 4);
  Value shift = arith::ConstantOp::create(
      e.builder, e.loc, DenseElementsAttr::get(integers, ArrayRef(shifts)));
  codes = arith::ShRUIOp::create(e.builder, e.loc, codes, shift);
  codes = arith::AndIOp::create(e.builder, e.loc, codes,
                                splatInteger(e, kBlockLanes, 0x0f0f0f0f));
  return arith::XOrIOp::create(e.builder, e.loc, codes,
                               splatInteger(e, kBlockLanes, 0x08080808));
}

/// A set of rows is read as one stream: most often its rows lie one behind the
/// other.
void IntegerDots::prefetch(ArrayRef<RowPart> parts, Value group) {
  int64_t bytes = kByteBlock * parts[0].bits / 8 * parts.size();
  Value column = e.add(e.mul(group, bytes), kAhead);
  for (int64_t line = 0; line < bytes; line += kVectorAlignment)
    e.prefetch(parts[0].codes, {parts[0].row, e.add(column, line)});
}

void effattn::emitIntegerDots(VectorEmitter &emitter,
                              const IntegerProduct &product) {
  IntegerDots(emitter, product).emit();
}
