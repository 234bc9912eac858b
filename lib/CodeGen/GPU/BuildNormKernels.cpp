//===- BuildNormKernels.cpp - Norms, a warp a row -------------------------===//
#include "../ForEachOnBuffers.h"
#include "KernelEmitter.h"
#include "effattn/CodeGen/GPU/Passes.h"
#include "effattn/Dialect/NormOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_BUILDNORMKERNELSPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// What a warp does with its row. Sums and elements are f64, as on a CPU: no
/// f32 overflows when it is squared.
template <typename Op> class NormKernel {
public:
  NormKernel(KernelEmitter &e, Op op, ArrayRef<Value> row)
      : e(e), op(op), row(row), columns(e.size(op.getWeight(), 0)) {}

  void emit();

private:
  Type f64() { return e.builder.getF64Type(); }
  Value real(double value) {
    return arith::ConstantOp::create(e.builder, e.loc,
                                     e.builder.getF64FloatAttr(value));
  }
  Value load(Value source, ArrayRef<Value> leading, Value column) {
    SmallVector<Value> place(leading);
    place.push_back(column);
    return emit::toFloat(e.builder, e.loc,
                         emit::load(e.builder, e.loc, source, place), f64());
  }
  void overColumns(function_ref<void(Value)> body) {
    e.loop(e.lane(), columns, kWarpThreads, body);
  }
  /// Of what `element` gives for every column.
  Value mean(function_ref<Value(Value)> element);
  Value inverseRms(function_ref<Value(Value)> element);
  void storeAll(function_ref<Value(Value)> element);

  KernelEmitter &e;
  Op op;
  ArrayRef<Value> row;
  Value columns;
};
} // namespace

template <typename Op>
Value NormKernel<Op>::mean(function_ref<Value(Value)> element) {
  Value sum = e.sumOverLanes(
      e.index(0), columns, real(0),
      [&](Value column) -> SmallVector<Value> { return {element(column)}; })[0];
  Value count = arith::SIToFPOp::create(
      e.builder, e.loc, f64(),
      emit::fromIndex(e.builder, e.loc, columns, e.builder.getI64Type()));
  return e.divFloats(sum, count);
}

template <typename Op>
Value NormKernel<Op>::inverseRms(function_ref<Value(Value)> element) {
  Value square = mean([&](Value column) {
    Value value = element(column);
    return e.mulFloats(value, value);
  });
  Value epsilon = real(op.getEpsilon());
  Value root =
      math::SqrtOp::create(e.builder, e.loc, e.addFloats(square, epsilon));
  return e.divFloats(real(1), root);
}

template <typename Op>
void NormKernel<Op>::storeAll(function_ref<Value(Value)> element) {
  overColumns([&](Value column) {
    SmallVector<Value> place(row);
    place.push_back(column);
    Value rounded = emit::toFloat(e.builder, e.loc, element(column),
                                  e.builder.getF32Type());
    e.storeFloat(rounded, op.getOut(), place);
  });
}

template <> void NormKernel<RMSNormOp>::emit() {
  auto element = [&](Value column) { return load(op.getX(), row, column); };
  Value inverse = inverseRms(element);
  storeAll([&](Value column) {
    Value weight = load(op.getWeight(), {}, column);
    if (op.getUnitOffset())
      weight = e.addFloats(real(1), weight);
    return e.mulFloats(e.mulFloats(element(column), inverse), weight);
  });
}

template <> void NormKernel<LayerNormOp>::emit() {
  auto element = [&](Value column) { return load(op.getX(), row, column); };
  Value centre = mean(element);
  auto centred = [&](Value column) {
    return e.subFloats(element(column), centre);
  };
  Value inverse = inverseRms(centred);
  storeAll([&](Value column) {
    Value out = e.mulFloats(e.mulFloats(centred(column), inverse),
                            load(op.getWeight(), {}, column));
    return op.getBias() ? e.addFloats(out, load(op.getBias(), {}, column))
                        : out;
  });
}

template <typename Op> static void build(OpBuilder &builder, Op op) {
  Location loc = op.getLoc();
  int64_t leading = cast<MemRefType>(op.getOut().getType()).getRank() - 1;
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim < leading; ++dim)
    sizes.push_back(emit::size(builder, loc, op.getOut(), dim));
  KernelEmitter::launchWarps(
      builder, loc, Op::getOperationName().drop_front(sizeof("effattn")), sizes,
      [&](KernelEmitter &e, ArrayRef<Value> row) {
        NormKernel<Op>(e, op, row).emit();
      });
  op.erase();
}

namespace {
struct BuildNormKernelsPass
    : effattn::impl::BuildNormKernelsPassBase<BuildNormKernelsPass> {
  void runOnOperation() override {
    forEachOnBuffers<RMSNormOp>(getOperation(), build<RMSNormOp>);
    forEachOnBuffers<LayerNormOp>(getOperation(), build<LayerNormOp>);
  }
};
} // namespace
