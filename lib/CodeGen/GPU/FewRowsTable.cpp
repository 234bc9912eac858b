//===- FewRowsTable.cpp - Few rows and a quantised table ------------------===//
#include "FewRowsTable.h"
#include "TableCodes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

/// Of a block.
static constexpr int64_t kWarps = 8;
/// Warps that keep a large GPU busy: a warp takes several rows of a table that
/// has more. Their kinds and places are loaded together.
static constexpr int64_t kEnoughWarps = 8192;
static constexpr int64_t kWords = TableCodes::kChunk / 4;

namespace {
class FewRowsTableKernel {
public:
  FewRowsTableKernel(KernelEmitter &emitter, TableParts &table,
                     const TableActivations &activations, int64_t rowsOfWarp)
      : e(emitter), table(table), codes(emitter, table),
        activations(activations), rowCount(rowsOfWarp) {}

  void emit(Value idsOfWarp,
            function_ref<MatrixProduct::WriteColumn(KernelEmitter &, Value)>
                writeRow);

private:
  /// This lane's sums for all rows of activations.
  SmallVector<Value> multiply(const TableCodes::Row &row);
  SmallVector<Value> addChunk(const TableCodes::Row &row, Value column,
                              ValueRange sums);
  /// The sums of products of a chunk's bytes and those of a row.
  Value multiplyBytes(ArrayRef<Value> words, Value row, Value column);
  SmallVector<Value> multiplyNumbers(ArrayRef<Value> words, Value column);
  SmallVector<Value> products(ArrayRef<Value> words, Value column);

  KernelEmitter &e;
  TableParts &table;
  TableCodes codes;
  const TableActivations &activations;
  int64_t rowCount;
  /// The rows of activations; those behind the last are the last again.
  SmallVector<Value> rows;
};
} // namespace

static Value loadVector(KernelEmitter &e, Value memory, ValueRange at,
                        int64_t count) {
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  return vector::LoadOp::create(e.builder, e.loc,
                                VectorType::get(count, element), memory, at,
                                /*nontemporal=*/false, llvm::MaybeAlign(16));
}

Value FewRowsTableKernel::multiplyBytes(ArrayRef<Value> words, Value row,
                                        Value column) {
  auto bytes = VectorType::get(4, e.builder.getI8Type());
  auto asBytes = [&](Value word) {
    return LLVM::BitcastOp::create(e.builder, e.loc, bytes, word);
  };
  Value first = e.quotient(column, 2);
  Value sum = arith::ConstantIntOp::create(e.builder, e.loc, 0, 32), numbers;
  for (int64_t word = 0; word < kWords; ++word) {
    if (word % 4 == 0) {
      Value read =
          loadVector(e, activations.numbers, {row, e.add(first, word * 2)}, 8);
      numbers = vector::BitCastOp::create(
          e.builder, e.loc, VectorType::get(4, e.builder.getI32Type()), read);
    }
    Value right =
        vector::ExtractOp::create(e.builder, e.loc, numbers, word % 4);
    sum = NVVM::DotAccumulate4WayOp::create(
        e.builder, e.loc, e.builder.getI32Type(), asBytes(words[word]),
        NVVM::DotAccumulateType::SIGNED, asBytes(right),
        NVVM::DotAccumulateType::SIGNED, sum);
  }
  return arith::SIToFPOp::create(e.builder, e.loc, e.builder.getF32Type(), sum);
}

SmallVector<Value> FewRowsTableKernel::multiplyNumbers(ArrayRef<Value> words,
                                                       Value column) {
  // The first slab has the columns of all lanes at their own places.
  Value lane = e.lane();
  Value slab = e.mul(e.sub(e.quotient(column, TableCodes::kChunk), lane),
                     TableCodes::kChunk);
  Value first = e.add(slab, e.mul(lane, 4));
  SmallVector<Value> sums(rowCount, emit::f32(e.builder, e.loc, 0));
  for (int64_t word = 0; word < kWords; ++word) {
    SmallVector<Value> numbers;
    for (Value row : rows)
      numbers.push_back(loadVector(e, activations.numbers,
                                   {row, e.add(first, word * kRead)}, 4));
    for (int64_t byte = 0; byte < 4; ++byte) {
      Value code = codes.numberOf(words[word], byte);
      for (int64_t row = 0; row < rowCount; ++row)
        sums[row] = e.mulAdd(
            vector::ExtractOp::create(e.builder, e.loc, numbers[row], byte),
            code, sums[row]);
    }
  }
  return sums;
}

SmallVector<Value> FewRowsTableKernel::products(ArrayRef<Value> words,
                                                Value column) {
  if (!activations.steps)
    return multiplyNumbers(words, column);
  return llvm::map_to_vector(
      rows, [&](Value row) { return multiplyBytes(words, row, column); });
}

SmallVector<Value> FewRowsTableKernel::addChunk(const TableCodes::Row &row,
                                                Value column, ValueRange sums) {
  Value group = table.groupOf(column);
  SmallVector<Value> steps, result(sums);
  if (activations.steps)
    for (Value number : rows)
      steps.push_back(e.loadFloat(activations.steps, {number, group}));
  for (TableCodes::Part part : TableCodes::partsOf(table)) {
    SmallVector<Value> fetched =
        codes.fetch(row, part, column, TableCodes::kChunk);
    Value scale = codes.scaleOf(row, part, group);
    SmallVector<Value> made =
        products(codes.spread(row, part, fetched), column);
    for (int64_t i = 0; i < rowCount; ++i)
      result[i] = e.mulAdd(made[i],
                           steps.empty() ? scale : e.mulFloats(scale, steps[i]),
                           result[i]);
  }
  return result;
}

SmallVector<Value> FewRowsTableKernel::multiply(const TableCodes::Row &row) {
  SmallVector<Value> zeros(rowCount, emit::f32(e.builder, e.loc, 0));
  return e.loop(e.mul(e.lane(), TableCodes::kChunk), table.width, kSlab, zeros,
                [&](Value column, ValueRange sums) {
                  return addChunk(row, column, sums);
                });
}

void FewRowsTableKernel::emit(
    Value idsOfWarp,
    function_ref<MatrixProduct::WriteColumn(KernelEmitter &, Value)> writeRow) {
  Value firstRow = e.mul(e.block(1), rowCount);
  Value lastRow = e.sub(activations.rows, e.index(1));
  for (int64_t row = 0; row < rowCount; ++row)
    rows.push_back(rowCount == 1 ? firstRow
                                 : e.min(e.add(firstRow, row), lastRow));
  Value warp = e.add(e.mul(e.block(), kWarps), e.warp());
  Value first = e.mul(warp, idsOfWarp);
  Value count = e.min(idsOfWarp, e.sub(table.count, first));
  e.choose(e.lessThan(e.index(0), count), [&] {
    Value own = e.min(e.lane(), e.sub(count, e.index(1)));
    TableCodes::Row entered = codes.enter(e.add(first, own));
    e.loop(e.index(0), count, 1, [&](Value lane) {
      TableCodes::Row row = codes.enteredBy(lane, entered);
      SmallVector<Value> sums = multiply(row);
      for (Value &sum : sums)
        sum = e.sumWarp(sum);
      e.choose(e.equal(e.lane(), e.index(0)), [&] {
        for (auto [i, sum] : llvm::enumerate(sums)) {
          Value number = e.add(firstRow, i);
          auto write = [&, sum = sum] { writeRow(e, number)(row.id, sum); };
          if (rowCount == 1)
            write();
          else
            e.choose(e.lessThan(number, activations.rows), write);
        }
      });
    });
  });
}

void effattn::emitFewRowsTable(
    OpBuilder &builder, Location loc, TableParts &table,
    const TableActivations &activations, int64_t rowsOfWarp,
    function_ref<MatrixProduct::WriteColumn(KernelEmitter &, Value)> writeRow) {
  LoopEmitter host(builder, loc);
  Value ids =
      host.min(host.max(host.ceilDiv(table.count, kEnoughWarps), host.index(1)),
               host.index(kWarpThreads));
  Value blocks = host.ceilDiv(table.count, host.mul(ids, kWarps));
  KernelEmitter::launch(builder, loc, "quantized_matmul_few",
                        {blocks, host.ceilDiv(activations.rows, rowsOfWarp)},
                        kWarps * kWarpThreads, [&](KernelEmitter &e) {
                          FewRowsTableKernel(e, table, activations, rowsOfWarp)
                              .emit(ids, writeRow);
                        });
}
