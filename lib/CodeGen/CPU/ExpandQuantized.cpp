//===- ExpandQuantized.cpp - Multiply by tables of 4 and 8 bits -----------===//
#include "Expansion.h"
#include "IntegerProduct.h"
#include "effattn/CodeGen/CPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_EXPANDQUANTIZEDPASS
#include "effattn/CodeGen/CPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// Rows up to which products of bytes read the table where it lies, and up to
/// which decoded rows are not packed.
static constexpr int64_t kFewRows = 6, kFewDots = 16;
/// Columns of a group whose products never leave 32 bits.
static constexpr int64_t kMostColumns = 1 << 16;
/// Rows of the table of a task, and those decoded at a time, so that they stay
/// in the first-level cache.
static constexpr int64_t kTaskIds = 64, kDecodedIds = 8;
/// Rows of the table that many rows of activations are multiplied by at a time.
static constexpr int64_t kBlockIds = 2048;

namespace {
class QuantizedExpansion {
public:
  QuantizedExpansion(OpBuilder &builder, QuantizedMatmulOp op,
                     const CpuModel &cpu)
      : emitter(builder, op.getLoc(), cpu), op(op) {}

  void run();

private:
  void multiply();
  void multiplyIntegers();
  void multiplyFloats();
  void multiplyDecoded(const MatrixView &left);
  void multiplyFewRows(const MatrixView &left);
  void multiplyIds(const MatrixView &left, Value decoded, Value first,
                   Value count);
  void multiplyManyRows(const MatrixView &left);

  VectorEmitter emitter;
  QuantizedMatmulOp op;
  QuantizedRows *table = nullptr;
  /// Rows of activations.
  Value rows;
  MatrixView x, result;
};
} // namespace

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

void QuantizedExpansion::run() {
  VectorEmitter &e = emitter;
  QuantizedTable operands = op.getQuantizedTable();
  for (Value *operand : {&operands.codes4, &operands.codes8, &operands.scales,
                         &operands.residualCodes, &operands.residualScales})
    *operand = e.contiguous(*operand);
  QuantizedRows quantizedRows(e, operands, op);
  table = &quantizedRows;
  x = MatrixView::ofRows(e, e.contiguous(op.getX()));
  auto type = cast<MemRefType>(op.getOut().getType());
  Value output = type.isLastDimUnitStride() ? Value(op.getOut())
                                            : e.scratchLike(op.getOut());
  result = MatrixView::ofRows(e, output);
  rows = e.index(1);
  for (int64_t dim = 0; dim + 1 < type.getRank(); ++dim)
    rows = e.mul(rows, e.size(output, dim));
  e.choose(
      e.lessThan(e.index(0), rows), [&] { multiply(); },
      [&] {
        e.loop(e.index(0), table->count, 1,
               [&](Value id) { table->watch(id); });
      });
  quantizedRows.emitCodeChecks();
  if (output != op.getOut())
    linalg::makeMemRefCopyOp(e.builder, e.loc, output, op.getOut());
  op.erase();
}

//===----------------------------------------------------------------------===//
// Ways to multiply
//===----------------------------------------------------------------------===//

void QuantizedExpansion::multiply() {
  VectorEmitter &e = emitter;
  bool sumsBytes = e.cpu.byteDots || e.cpu.shortDots;
  if (op.getActivation() != Precision::I8 || !sumsBytes)
    return multiplyFloats();
  Value rest = e.remainder(table->groupWidth, kByteBlock);
  Value isWhole = emit::logicalAnd(e.builder, e.loc,
                                   e.lessThan(e.index(0), table->groupWidth),
                                   e.equal(rest, e.index(0)));
  Value fits = e.lessEqual(table->groupWidth, e.index(kMostColumns));
  e.choose(
      emit::logicalAnd(e.builder, e.loc, isWhole, fits),
      [&] { multiplyIntegers(); }, [&] { multiplyFloats(); });
}

void QuantizedExpansion::multiplyIntegers() {
  VectorEmitter &e = emitter;
  auto productOf = [&](std::optional<int64_t> tileRows) -> IntegerProduct {
    return {emitIntegerActivations(e, x, rows, table->groups, table->groupWidth,
                                   tileRows),
            *table, result};
  };
  e.choose(
      e.lessEqual(rows, e.index(kFewRows)),
      [&] { emitIntegerDots(e, productOf(std::nullopt)); },
      [&] { emitPackedIntegerProduct(e, productOf(e.cpu.byteTileRows())); });
}

void QuantizedExpansion::multiplyFloats() {
  VectorEmitter &e = emitter;
  if (op.getActivation() != Precision::I8)
    return multiplyDecoded(x);
  Value rounded = e.scratch({rows, table->width}, e.builder.getF32Type());
  emitRoundedActivations(e, x, rows, table->groups, table->groupWidth, rounded);
  multiplyDecoded(MatrixView::ofRows(e, rounded));
}

/// A few rows of the table at a time are decoded and multiplied.
void QuantizedExpansion::multiplyDecoded(const MatrixView &left) {
  VectorEmitter &e = emitter;
  Value isEmpty = e.equal(table->width, e.index(0));
  Value isFew = e.lessEqual(rows, e.index(kFewDots));
  e.choose(
      emit::logicalOr(e.builder, e.loc, isEmpty, isFew),
      [&] { multiplyFewRows(left); }, [&] { multiplyManyRows(left); });
}

void QuantizedExpansion::multiplyFewRows(const MatrixView &left) {
  VectorEmitter &e = emitter;
  e.parallel(e.ceilDiv(table->count, kTaskIds), [&](ValueRange task) {
    Value first = e.mul(task[0], kTaskIds);
    Value end = e.min(e.add(first, kTaskIds), table->count);
    Value decoded =
        e.scratch({e.fixed(kDecodedIds), table->width}, e.builder.getF32Type());
    e.loop(first, end, kDecodedIds, [&](Value id) {
      Value count = e.min(e.index(kDecodedIds), e.sub(end, id));
      multiplyIds(left, decoded, id, count);
    });
  });
}

/// The columns of the result that belong to a few rows of the table.
void QuantizedExpansion::multiplyIds(const MatrixView &left, Value decoded,
                                     Value first, Value count) {
  VectorEmitter &e = emitter;
  e.loop(e.index(0), count, 1, [&](Value place) {
    table->decode(e.add(first, place), e.index(0), table->width, decoded,
                  place);
  });
  Product product;
  product.rows = rows;
  product.columns = count;
  product.depth = table->width;
  product.left = left;
  product.right = MatrixView::ofRows(e, decoded).transposed();
  product.result = {result.memory, [&](Value row, Value column) {
                      return result.at(row, e.add(first, column));
                    }};
  product.accumulates = false;
  emitDotProducts(e, product);
}

/// Some columns of the result at a time: the table is never decoded as a whole.
void QuantizedExpansion::multiplyManyRows(const MatrixView &left) {
  VectorEmitter &e = emitter;
  Type f32 = e.builder.getF32Type();
  Type element = cast<MemRefType>(result.memory.getType()).getElementType();
  // Sums of another type are rounded once.
  Value sums;
  if (element != f32)
    sums = e.scratch({rows, e.fixed(kBlockIds)}, f32);
  e.loop(e.index(0), table->count, kBlockIds, [&](Value first) {
    auto at = [&](Value row, Value column) {
      return result.at(row, e.add(first, column));
    };
    Product product;
    product.rows = rows;
    product.columns = e.min(e.index(kBlockIds), e.sub(table->count, first));
    product.depth = table->width;
    product.left = left;
    product.right.readColumn = [&](Value column, Value start, Value depth,
                                   Value out) {
      table->decode(e.add(first, column), start, depth, out, {});
    };
    product.result = sums ? MatrixView::ofRows(e, sums)
                          : MatrixView{result.memory, at, true};
    product.accumulates = false;
    emitPackedProduct(e, product);
    if (!sums)
      return;
    e.parallel(rows, [&](ValueRange row) {
      e.overColumns(e.index(0), product.columns, [&](Value column, Value mask) {
        e.store(e.load(sums, {row[0], column}, mask), result.memory,
                at(row[0], column), mask);
      });
    });
  });
}

void effattn::expand(OpBuilder &builder, QuantizedMatmulOp op,
                     const CpuModel &cpu) {
  QuantizedExpansion(builder, op, cpu).run();
}

namespace {
struct ExpandQuantizedPass
    : ExpansionPass<effattn::impl::ExpandQuantizedPassBase,
                    ExpandQuantizedPass> {
  using ExpansionPass::ExpansionPass;

  void expandAll(const CpuModel &cpu) { expandEach<QuantizedMatmulOp>(cpu); }
};
} // namespace
