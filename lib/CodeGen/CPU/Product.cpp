//===- Product.cpp - Which way to multiply --------------------------------===//
#include "Product.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::effattn;

/// Rows up to which a product is bound by reading the right factor, and up to
/// which copying it ahead of its use would take longer than it saves.
static constexpr int64_t kFewRows = 8, kFewDots = 16, kSomeRows = 16;

/// Products of numbers up to which the same goes for the left factor.
static constexpr int64_t kSomeProducts = int64_t(1) << 24;
/// The same where the right factor takes half the second-level cache at most
/// and has short rows, so that a panel is read from few pages.
static constexpr int64_t kMoreProducts = int64_t(1) << 27, kShortRow = 768;

/// Tasks that keep the threads of a small machine busy, and products of numbers
/// that are worth a task.
static constexpr int64_t kWantedTasks = 4, kLeastProducts = int64_t(1) << 20;

/// Whether panels are copied as they are multiplied, and nothing else is.
static Value isDirect(VectorEmitter &e, const Product &product) {
  Value hasSomeRows = e.lessEqual(product.rows, e.index(kSomeRows));
  auto type = cast<MemRefType>(product.left.memory.getType());
  if (!product.left.rowsAreContiguous || !type.getElementType().isF32())
    return hasSomeRows;
  Value work = e.mul(e.mul(product.rows, product.columns), product.depth);
  int64_t fitting = e.cpu.secondCache() / int64_t(2 * sizeof(float));
  Value fits = emit::logicalAnd(
      e.builder, e.loc, e.lessEqual(product.columns, e.index(kShortRow)),
      e.lessEqual(e.mul(product.columns, product.depth), e.index(fitting)));
  Value isSmall = e.lessEqual(
      work, e.select(fits, e.index(kMoreProducts), e.index(kSomeProducts)));
  return emit::logicalOr(e.builder, e.loc, isSmall, hasSomeRows);
}

MatrixView MatrixView::ofRows(VectorEmitter &emitter, Value memory) {
  auto at = [&e = emitter, memory](Value row, Value column) {
    int64_t leading = cast<MemRefType>(memory.getType()).getRank() - 1;
    SmallVector<Value> sizes;
    for (int64_t dim = 0; dim < leading; ++dim)
      sizes.push_back(e.size(memory, dim));
    SmallVector<Value> indices = e.split(row, sizes);
    indices.push_back(column);
    return indices;
  };
  return {memory, at, emitter.isContiguous(memory)};
}

Value effattn::ceilDivide(VectorEmitter &e, Value value, Value divisor) {
  return e.ceilDiv(value, e.max(divisor, e.index(1)));
}

Value Product::wantedTasks(VectorEmitter &e) const {
  Value work = e.mul(e.mul(rows, columns), depth);
  Value wanted = e.quotient(work, kLeastProducts);
  wanted = e.min(wanted, e.index(kWantedTasks));
  if (!batches)
    return wanted;
  return ceilDivide(e, wanted, batches);
}

void Product::overTasks(VectorEmitter &emitter, ValueRange counts,
                        function_ref<void(ValueRange task)> body) const {
  if (!batches)
    return emitter.parallel(counts, body);
  SmallVector<Value> all{batches};
  all.append(counts.begin(), counts.end());
  emitter.parallel(all, [&](ValueRange task) {
    enterBatch(task[0]);
    body(task.drop_front());
  });
}

static bool isF32(Value memory) {
  return cast<MemRefType>(memory.getType()).getElementType().isF32();
}

bool Product::readsPanels() const {
  return right.isInPanels && isF32(right.memory);
}

bool Product::multipliesPairs(const CpuModel &cpu) const {
  return !right.readColumn &&
         effattn::multipliesPairs(cpu, left.memory, right.memory);
}

bool Product::hasF32Result() const { return isF32(result.memory); }

void effattn::emitProduct(VectorEmitter &emitter, const Product &product) {
  VectorEmitter &e = emitter;
  auto hasUpTo = [&](int64_t rows) {
    return e.lessEqual(product.rows, e.index(rows));
  };
  auto emitPacked = [&] { emitPackedProduct(e, product); };
  auto emitMany = [&] {
    e.choose(
        isDirect(e, product), [&] { emitDirectProduct(e, product); },
        emitPacked);
  };
  if (product.right.isInPanels)
    return e.choose(
        hasUpTo(1), [&] { emitPanelRowProduct(e, product); }, emitMany);
  if (product.right.rowsAreContiguous)
    return e.choose(
        hasUpTo(kFewRows), [&] { emitFewRowsProduct(e, product); }, emitMany);
  if (product.right.columnsAreContiguous && product.left.rowsAreContiguous)
    return e.choose(
        hasUpTo(kFewDots), [&] { emitDotProducts(e, product); }, emitPacked);
  emitPacked();
}

/// Writes f32 sums to a result of another type.
static void roundSums(VectorEmitter &e, const Product &product,
                      const MatrixView &result, bool accumulates) {
  e.parallel(product.rows, [&](ValueRange row) {
    auto write = [&](Value column, Value mask) {
      Value sum = e.load(product.result.memory,
                         product.result.at(row[0], column), mask);
      if (accumulates) {
        Value before = e.load(result.memory, result.at(row[0], column), mask);
        sum = e.addFloats(before, sum);
      }
      e.store(sum, result.memory, result.at(row[0], column), mask);
    };
    e.overColumns(e.index(0), product.columns, write);
  });
}

void effattn::emitRoundedProduct(VectorEmitter &emitter, Product product) {
  VectorEmitter &e = emitter;
  MatrixView result = product.result;
  if (product.hasF32Result())
    return emitProduct(e, product);
  Value sums =
      e.scratch({product.rows, product.columns}, e.builder.getF32Type());
  product.result = {sums, [](Value row, Value column) {
                      return SmallVector<Value>{row, column};
                    }};
  product.result.rowsAreContiguous = true;
  bool accumulates = std::exchange(product.accumulates, false);
  emitProduct(e, product);
  e.choose(e.lessThan(e.index(0), product.depth),
           [&] { roundSums(e, product, result, accumulates); });
}
