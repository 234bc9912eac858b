//===- BuildQuantizedKernels.cpp - Products with quantised tables ---------===//
#include "../ForEachOnBuffers.h"
#include "CodeTile.h"
#include "FactorTile.h"
#include "FewRowsTable.h"
#include "effattn/CodeGen/GPU/Passes.h"
#include "effattn/Dialect/CodeChecks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_BUILDQUANTIZEDKERNELSPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// Rows up to which a product is bound by reading the table, and of which a
/// warp takes some at a time.
static constexpr int64_t kFewRows = 8, kRowsOfWarp = 4;

namespace {
class QuantizedKernels {
public:
  QuantizedKernels(OpBuilder &builder, QuantizedMatmulOp op)
      : e(builder, op.getLoc()), op(op), table(e, op.getQuantizedTable()),
        x(rowsOf(e, op.getX())), result(rowsOf(e, op.getOut())),
        rows(e.index(1)) {}

  void build();

private:
  bool isRounded() { return op.getActivation() == Precision::I8; }
  void checkAllCodes();
  void checkNotedCodes();
  void multiply();
  /// Whether TableCodes can read the table; null where it never can.
  Value hasWholeChunks();
  void multiplyChunks();
  void multiplyFewRows(const TableActivations &activations);
  void multiplyManyRows(const TableActivations *bytes);
  /// A table of any widths and strides, whose numbers are made one by one.
  void multiplyNumbers(const Factor &left);
  /// The rows of the table as the columns of a factor.
  Factor columnsOfTable();
  Value termOf(const RowPart &part, Value depth);
  MatrixProduct::WriteColumn writeRow(KernelEmitter &kernel, Value row);
  /// The same where a sum is of codes before they were scaled, and may have
  /// left f32: what is not finite is summed again, number by number.
  MatrixProduct::WriteColumn writeMended(KernelEmitter &kernel, Value row);
  Value sumNumbers(KernelEmitter &kernel, Value row, Value column);

  LoopEmitter e;
  QuantizedMatmulOp op;
  TableParts table;
  Factor x, result;
  Value rows;
};
} // namespace

//===----------------------------------------------------------------------===//
// Numbers one by one
//===----------------------------------------------------------------------===//

/// A code times its scale, and a note of a code that is none.
Value QuantizedKernels::termOf(const RowPart &part, Value depth) {
  Value code = table.loadCode(part, depth);
  Value worst = arith::ConstantIntOp::create(
      e.builder, e.loc, -(int64_t(1) << (part.bits() - 1)), 8);
  e.choose(e.equal(code, worst),
           [&] { table.noteBadRow(part.operand, part.row); });
  Type f32 = e.builder.getF32Type();
  Value scale = emit::load(e.builder, e.loc, part.scales,
                           {part.scaleRow, table.groupOf(depth)});
  Value number = arith::SIToFPOp::create(e.builder, e.loc, f32, code);
  Value term = e.mulFloats(number, emit::toFloat(e.builder, e.loc, scale, f32));
  return part.weight ? e.mulFloats(part.weight, term) : term;
}

/// What belongs to a row is loaded where it is entered.
Factor QuantizedKernels::columnsOfTable() {
  auto enterLine = [this](Value id) -> Factor::Number {
    Value isWide = table.isWide(id);
    RowPart wide = table.ownPart(id, true), narrow = table.ownPart(id, false);
    RowPart nearest;
    Value source;
    if (table.hasNearest()) {
      source = table.nearestOf(id);
      // Any row where there is none, which then does not count.
      nearest = table.nearestPart(id, e.max(source, e.index(0)));
    }
    return [=](Value depth) {
      auto choose = [&](Value condition, function_ref<Value()> then,
                        function_ref<Value()> otherwise) {
        return e.choose(
            condition, TypeRange(e.builder.getF32Type()),
            [&]() -> SmallVector<Value> { return {then()}; },
            [&]() -> SmallVector<Value> { return {otherwise()}; })[0];
      };
      Value number = choose(
          isWide, [&] { return termOf(wide, depth); },
          [&] { return termOf(narrow, depth); });
      if (table.hasResidual())
        number = e.addFloats(number, termOf(table.residualPart(id), depth));
      if (!source)
        return number;
      return choose(
          e.lessEqual(e.index(0), source),
          [&] { return e.addFloats(number, termOf(nearest, depth)); },
          [&] { return number; });
    };
  };
  Factor columns;
  columns.depthIsAdjacent = true;
  columns.made = e.builder.getF32Type();
  columns.enterLine = enterLine;
  return columns;
}

void QuantizedKernels::multiplyNumbers(const Factor &left) {
  MatrixProduct product;
  product.rows = rows;
  product.columns = table.count;
  product.depth = table.width;
  product.left = left;
  product.rights = {columnsOfTable()};
  product.writeRow = [&](KernelEmitter &kernel, Value row) {
    return writeRow(kernel, row);
  };
  emitMatrixProduct(e.builder, e.loc, "quantized_matmul", product);
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

MatrixProduct::WriteColumn QuantizedKernels::writeRow(KernelEmitter &kernel,
                                                      Value row) {
  SmallVector<Value> place = result.at(row, e.index(0));
  return [&kernel, place, out = op.getOut()](Value column, ValueRange sums) {
    SmallVector<Value> at(place);
    at.back() = column;
    kernel.storeFloat(sums.front(), out, at);
  };
}

Value QuantizedKernels::sumNumbers(KernelEmitter &kernel, Value row,
                                   Value column) {
  Factor::Number weightAt = columnsOfTable().enterLine(column);
  return kernel
      .loop(kernel.index(0), table.width, 1, emit::f32(e.builder, e.loc, 0),
            [&](Value depth, ValueRange sum) -> SmallVector<Value> {
              Value number = kernel.loadFloat(x.memory, x.at(row, depth));
              return {kernel.mulAdd(number, weightAt(depth), sum[0])};
            })
      .front();
}

MatrixProduct::WriteColumn QuantizedKernels::writeMended(KernelEmitter &kernel,
                                                         Value row) {
  MatrixProduct::WriteColumn write = writeRow(kernel, row);
  // Activations that are rounded have lost what could be mended.
  if (isRounded())
    return write;
  return [this, &kernel, row, write](Value column, ValueRange sums) {
    Value size = math::AbsFOp::create(e.builder, e.loc, sums.front());
    Value infinity =
        emit::f32(e.builder, e.loc, std::numeric_limits<double>::infinity());
    Value sum = e.choose(
                     e.lessFloats(size, infinity), sums.getTypes(),
                     [&] { return SmallVector<Value>(sums); },
                     [&]() -> SmallVector<Value> {
                       return {sumNumbers(kernel, row, column)};
                     })
                    .front();
    write(column, sum);
  };
}

//===----------------------------------------------------------------------===//
// Chunks of codes
//===----------------------------------------------------------------------===//

Value QuantizedKernels::hasWholeChunks() {
  Value rest = e.remainder(table.groupWidth, TableCodes::kChunk);
  Value all = emit::logicalAnd(e.builder, e.loc,
                               e.lessThan(e.index(0), table.groupWidth),
                               e.equal(rest, e.index(0)));
  for (auto [name, codes] : table.codeOperands()) {
    Factor factor = rowsOf(e, codes);
    if (!factor.depthIsAdjacent)
      return Value();
    Value isAligned =
        emitIsAligned(e.builder, e.loc, factor, TableCodes::kAlignment);
    all = emit::logicalAnd(e.builder, e.loc, all, isAligned);
  }
  return all;
}

void QuantizedKernels::multiplyFewRows(const TableActivations &activations) {
  auto emitFew = [&](int64_t rowsOfWarp) {
    emitFewRowsTable(e.builder, e.loc, table, activations, rowsOfWarp,
                     [&](KernelEmitter &kernel, Value row) {
                       return writeMended(kernel, row);
                     });
  };
  e.choose(
      e.lessEqual(rows, e.index(1)), [&] { emitFew(1); },
      [&] { emitFew(kRowsOfWarp); });
}

/// By `bytes`, or by x where it is not rounded.
void QuantizedKernels::multiplyManyRows(const TableActivations *bytes) {
  MatrixProduct product;
  product.rows = rows;
  product.columns = table.count;
  product.depth = table.width;
  product.left = x;
  Factor right;
  right.depthIsAdjacent = true;
  // Codes of 8 bits are bf16, as which f32 is multiplied in parts.
  right.made = x.element().isF32() ? e.builder.getBF16Type() : x.element();
  if (bytes) {
    product.depth = e.quotient(table.width, 2);
    product.left = rowsOf(e, bytes->numbers);
    right.made = product.left.element();
  }
  product.rights = {right};
  CodeTile loader(table, rows, bytes ? bytes->steps : Value());
  product.loader = &loader;
  product.writeRow = [&](KernelEmitter &kernel, Value row) {
    return writeMended(kernel, row);
  };
  emitMatrixProduct(e.builder, e.loc, "quantized_matmul", product);
}

void QuantizedKernels::multiplyChunks() {
  Value isFew = e.lessEqual(rows, e.index(kFewRows));
  if (isRounded()) {
    TableActivations bytes = emitBytes(e, x, rows, table);
    e.choose(
        isFew, [&] { multiplyFewRows(bytes); },
        [&] { multiplyManyRows(&bytes); });
    return bytes.free(e);
  }
  auto emitFew = [&] {
    TableActivations arranged = emitArranged(e, x, rows, table);
    multiplyFewRows(arranged);
    arranged.free(e);
  };
  auto emitNumbers = [&] { multiplyNumbers(x); };
  e.choose(isFew, emitFew, [&] {
    if (!x.depthIsAdjacent)
      return emitNumbers();
    e.choose(
        emitIsAligned(e.builder, e.loc, x, TableCodes::kAlignment),
        [&] { multiplyManyRows(/*bytes=*/nullptr); }, emitNumbers);
  });
}

void QuantizedKernels::multiply() {
  auto multiplyAny = [&] {
    if (!isRounded())
      return multiplyNumbers(x);
    TableActivations rounded = emitRounded(e, x, rows, table);
    multiplyNumbers(rowsOf(e, rounded.numbers));
    rounded.free(e);
  };
  Value areWhole = hasWholeChunks();
  if (!areWhole)
    return multiplyAny();
  e.choose(areWhole, [&] { multiplyChunks(); }, multiplyAny);
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

/// Where nothing is multiplied that would look at them.
void QuantizedKernels::checkAllCodes() {
  e.loop(e.index(0), table.count, 1, [&](Value id) {
    emitRowCodeChecks(e.builder, e.loc, op, op.getQuantizedTable(), id);
  });
}

/// A loop, so that a kernel looks and the host need not wait.
void QuantizedKernels::checkNotedCodes() {
  size_t operands = table.codeOperands().size();
  e.loop(e.index(0), e.index(operands), 1, [&](Value number) {
    for (size_t operand = 0; operand < operands; ++operand)
      e.choose(e.equal(number, e.index(operand)),
               [&] { table.emitBadRowCheck(op, RowPart::Operand(operand)); });
  });
}

void QuantizedKernels::build() {
  Value out = op.getOut();
  int64_t leading = cast<MemRefType>(out.getType()).getRank() - 1;
  for (Value size : getSizes(e.builder, e.loc, out, leading))
    rows = e.mul(rows, size);
  int64_t operands = table.codeOperands().size();
  Value notes = memref::AllocOp::create(
      e.builder, e.loc, MemRefType::get({operands}, e.builder.getI64Type()));
  table.clearBadRows(notes);
  e.choose(
      e.equal(rows, e.index(0)), [&] { checkAllCodes(); },
      [&] {
        multiply();
        checkNotedCodes();
      });
  memref::DeallocOp::create(e.builder, e.loc, notes);
  op.erase();
}

namespace {
struct BuildQuantizedKernelsPass
    : effattn::impl::BuildQuantizedKernelsPassBase<BuildQuantizedKernelsPass> {
  void runOnOperation() override {
    forEachOnBuffers<QuantizedMatmulOp>(
        getOperation(), [](OpBuilder &builder, QuantizedMatmulOp op) {
          QuantizedKernels(builder, op).build();
        });
  }
};
} // namespace
