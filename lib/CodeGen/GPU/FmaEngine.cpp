//===- FmaEngine.cpp - Tiles multiplied in f32 ----------------------------===//
#include "TileProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

/// A thread has two groups of rows and of columns, a half tile apart: so the
/// vectors that neighbouring threads read lie side by side.
static constexpr int64_t kGroup = 4, kGroups = 2;
static constexpr int64_t kDepth = 8, kSlots = 4;

namespace {
class FmaEngine : public TileEngine {
public:
  FmaEngine(TileShape shape, const MatrixProduct &product)
      : TileEngine(shape), product(product) {}

  TileLayout leftLayout() const override {
    return layoutOf(product.left, shape.rows);
  }
  TileLayout rightLayout() const override {
    return layoutOf(product.rights.front(), shape.columns);
  }
  void begin(KernelEmitter &emitter) override;
  SmallVector<Value> zeros(KernelEmitter &emitter) override;
  SmallVector<Value> multiply(KernelEmitter &emitter, Value left, Value right,
                              Value slot, ValueRange sums) override;
  void store(KernelEmitter &emitter, ValueRange sums, Value result) override;

private:
  TileLayout layoutOf(const Factor &factor, int64_t lines) const;
  VectorType vectorType(KernelEmitter &e) const {
    return VectorType::get(kGroup, e.builder.getF32Type());
  }

  const MatrixProduct &product;
  /// The first of each group of this thread.
  Value rows[kGroups], columns[kGroups];
};
} // namespace

TileLayout FmaEngine::layoutOf(const Factor &factor, int64_t lines) const {
  return {lines,
          kDepth,
          kSlots,
          Float32Type::get(factor.element().getContext()),
          /*linesAreAdjacent=*/true,
          /*padding=*/kGroup};
}

void FmaEngine::begin(KernelEmitter &e) {
  int64_t perRow = shape.columns / (kGroup * kGroups);
  Value row = e.quotient(e.thread(), perRow);
  Value column = e.remainder(e.thread(), perRow);
  for (int64_t group = 0; group < kGroups; ++group) {
    rows[group] =
        e.add(e.mul(row, e.index(kGroup)), group * shape.rows / kGroups);
    columns[group] =
        e.add(e.mul(column, e.index(kGroup)), group * shape.columns / kGroups);
  }
}

SmallVector<Value> FmaEngine::zeros(KernelEmitter &e) {
  Value zero = arith::ConstantOp::create(e.builder, e.loc,
                                         e.builder.getZeroAttr(vectorType(e)));
  return SmallVector<Value>(kGroups * kGroup * kGroups, zero);
}

SmallVector<Value> FmaEngine::multiply(KernelEmitter &e, Value left,
                                       Value right, Value slot,
                                       ValueRange sums) {
  SmallVector<Value> result(sums);
  auto load = [&](Value tile, int64_t depth, Value place) -> Value {
    return vector::LoadOp::create(e.builder, e.loc, vectorType(e), tile,
                                  ValueRange{slot, e.index(depth), place},
                                  /*nontemporal=*/false,
                                  llvm::MaybeAlign(kGroup * sizeof(float)));
  };
  for (int64_t depth = 0; depth < kDepth; ++depth) {
    Value ofColumns[kGroups];
    for (int64_t group = 0; group < kGroups; ++group)
      ofColumns[group] = load(right, depth, columns[group]);
    int64_t sum = 0;
    for (Value place : rows) {
      Value ofRows = load(left, depth, place);
      for (int64_t row = 0; row < kGroup; ++row) {
        Value number = vector::ExtractOp::create(e.builder, e.loc, ofRows, row);
        Value factor = vector::BroadcastOp::create(e.builder, e.loc,
                                                   vectorType(e), number);
        for (Value columnNumbers : ofColumns) {
          result[sum] = e.mulAdd(factor, columnNumbers, result[sum]);
          ++sum;
        }
      }
    }
  }
  return result;
}

void FmaEngine::store(KernelEmitter &e, ValueRange sums, Value result) {
  int64_t sum = 0;
  for (Value first : rows)
    for (int64_t row = 0; row < kGroup; ++row)
      for (Value column : columns)
        vector::StoreOp::create(e.builder, e.loc, sums[sum++], result,
                                ValueRange{e.add(first, row), column},
                                /*nontemporal=*/false,
                                llvm::MaybeAlign(kGroup * sizeof(float)));
}

std::unique_ptr<TileEngine>
effattn::makeFmaEngine(TileShape shape, const MatrixProduct &product) {
  return std::make_unique<FmaEngine>(shape, product);
}
