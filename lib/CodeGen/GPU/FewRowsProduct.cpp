//===- FewRowsProduct.cpp - Products that read weights once ---------------===//
#include "FewRowsProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

/// Warps of a block that share the depths of its columns.
static constexpr int64_t kDepthWarps = 16;
/// Warps of a block that have a column each.
static constexpr int64_t kColumnWarps = 4;

namespace {
class FewRowsKernel {
public:
  FewRowsKernel(KernelEmitter &emitter, const MatrixProduct &product,
                int64_t rowsOfThread)
      : e(emitter), product(product), rowCount(rowsOfThread) {}

  /// A warp multiplies a column.
  void emitColumnOfWarp();
  /// A thread multiplies a column at some of its depths.
  void emitColumnOfThread();

private:
  void findPlace(Value columnBlocks);
  /// Sums of rows for each right factor, over depths from `first` in steps.
  SmallVector<Value> multiply(Value column, Value first, int64_t step);
  void write(Value column, ValueRange sums);

  KernelEmitter &e;
  const MatrixProduct &product;
  int64_t rowCount;
  Value firstRow, columnBlock;
};
} // namespace

void FewRowsKernel::findPlace(Value columnBlocks) {
  SmallVector<Value> sizes{e.ceilDiv(product.rows, rowCount), columnBlocks};
  if (product.batches)
    sizes.insert(sizes.begin(), product.batches);
  SmallVector<Value> place = e.split(e.block(), sizes);
  if (product.batches)
    product.enterBatch(place.front());
  columnBlock = place.back();
  firstRow = e.mul(place[place.size() - 2], rowCount);
}

/// Rows behind the last are the last again, and are not written.
SmallVector<Value> FewRowsKernel::multiply(Value column, Value first,
                                           int64_t step) {
  Value zero = emit::f32(e.builder, e.loc, 0.0);
  Value lastRow = e.sub(product.rows, e.index(1));
  SmallVector<Value> rows;
  for (int64_t row = 0; row < rowCount; ++row)
    rows.push_back(rowCount == 1 ? firstRow
                                 : e.min(e.add(firstRow, row), lastRow));
  SmallVector<Value> zeros(rowCount * product.rights.size(), zero);
  SmallVector<Factor::Number> weights;
  for (const Factor &right : product.rights)
    weights.push_back(right.numbersOf(e, column));
  auto body = [&](Value depth, ValueRange sums) {
    SmallVector<Value> numbers, result;
    for (Value row : rows)
      numbers.push_back(
          e.loadFloat(product.left.memory, product.left.at(row, depth)));
    for (const Factor::Number &weightAt : weights) {
      Value weight = weightAt(depth);
      for (Value number : numbers)
        result.push_back(e.mulAdd(number, weight, sums[result.size()]));
    }
    return result;
  };
  return e.loop(first, product.depth, step, zeros, body);
}

void FewRowsKernel::write(Value column, ValueRange sums) {
  for (int64_t row = 0; row < rowCount; ++row) {
    Value number = e.add(firstRow, row);
    SmallVector<Value> ofFactors;
    for (size_t sum = row; sum < sums.size(); sum += rowCount)
      ofFactors.push_back(sums[sum]);
    auto writeRow = [&] { product.writeRow(e, number)(column, ofFactors); };
    if (rowCount == 1)
      writeRow();
    else
      e.choose(e.lessThan(number, product.rows), writeRow);
  }
}

void FewRowsKernel::emitColumnOfWarp() {
  findPlace(e.ceilDiv(product.columns, kColumnWarps));
  Value column = e.add(e.mul(columnBlock, kColumnWarps), e.warp());
  e.choose(e.lessThan(column, product.columns), [&] {
    SmallVector<Value> sums = multiply(column, e.lane(), kWarpThreads);
    for (Value &sum : sums)
      sum = e.sumWarp(sum);
    e.choose(e.equal(e.lane(), e.index(0)), [&] { write(column, sums); });
  });
}

void FewRowsKernel::emitColumnOfThread() {
  findPlace(e.ceilDiv(product.columns, kWarpThreads));
  Value column = e.add(e.mul(columnBlock, kWarpThreads), e.lane());
  Value exists = e.lessThan(column, product.columns);
  Value lastColumn = e.sub(product.columns, e.index(1));
  SmallVector<Value> sums =
      multiply(e.min(column, lastColumn), e.warp(), kDepthWarps);
  int64_t count = sums.size();
  Value parts =
      e.shared({kDepthWarps, count, kWarpThreads}, e.builder.getF32Type());
  for (auto [number, sum] : llvm::enumerate(sums))
    memref::StoreOp::create(e.builder, e.loc, sum, parts,
                            ValueRange{e.warp(), e.index(number), e.lane()});
  e.barrier();
  Value isWriter =
      emit::logicalAnd(e.builder, e.loc, exists, e.equal(e.warp(), e.index(0)));
  e.choose(isWriter, [&] {
    SmallVector<Value> zeros(count, emit::f32(e.builder, e.loc, 0.0));
    auto addPart = [&](Value part, ValueRange before) {
      SmallVector<Value> result;
      for (int64_t number = 0; number < count; ++number)
        result.push_back(
            e.addFloats(before[number],
                        e.loadFloat(parts, {part, e.index(number), e.lane()})));
      return result;
    };
    write(column, e.loop(e.index(0), e.index(kDepthWarps), 1, zeros, addPart));
  });
}

void effattn::emitFewRowsProduct(OpBuilder &builder, Location loc,
                                 StringRef name, const MatrixProduct &product,
                                 int64_t rowsOfThread) {
  bool byThreads = product.rights.front().linesAreAdjacent;
  auto count = [&](Value size, int64_t step) -> Value {
    return arith::CeilDivUIOp::create(builder, loc, size,
                                      emit::index(builder, loc, step));
  };
  Value blocks = emit::mul(
      builder, loc, count(product.rows, rowsOfThread),
      count(product.columns, byThreads ? kWarpThreads : kColumnWarps));
  if (product.batches)
    blocks = emit::mul(builder, loc, blocks, product.batches);
  int64_t warps = byThreads ? kDepthWarps : kColumnWarps;
  KernelEmitter::launch(builder, loc, name, blocks, warps * kWarpThreads,
                        [&](KernelEmitter &e) {
                          FewRowsKernel kernel(e, product, rowsOfThread);
                          if (byThreads)
                            kernel.emitColumnOfThread();
                          else
                            kernel.emitColumnOfWarp();
                        });
}
