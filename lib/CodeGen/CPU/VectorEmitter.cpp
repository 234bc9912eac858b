//===- VectorEmitter.cpp - Short forms for emitting loops over vectors ----===//
#include "VectorEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

Value VectorEmitter::ceilDiv(Value value, int64_t divisor) {
  return arith::CeilDivUIOp::create(builder, loc, value, index(divisor));
}

Value VectorEmitter::roundDown(Value value, int64_t divisor) {
  Value count = arith::DivUIOp::create(builder, loc, value, index(divisor));
  return mul(count, divisor);
}

Value VectorEmitter::splat(Value scalar) {
  return vector::BroadcastOp::create(builder, loc, vectorType(), scalar);
}

Value VectorEmitter::mulAdd(Value a, Value b, Value c) {
  // vector.fma would call a function for every lane where a CPU has no such
  // instruction.
  auto contract = arith::FastMathFlags::contract;
  Value product = arith::MulFOp::create(builder, loc, a, b, contract);
  return arith::AddFOp::create(builder, loc, product, c, contract);
}

Value VectorEmitter::addFloats(Value lhs, Value rhs) {
  return arith::AddFOp::create(builder, loc, lhs, rhs);
}

Value VectorEmitter::sum(Value vector) {
  return vector::ReductionOp::create(builder, loc, vector::CombiningKind::ADD,
                                     vector, arith::FastMathFlags::reassoc);
}

Value VectorEmitter::firstLanes(Value count) {
  auto type = VectorType::get(lanes(), builder.getI1Type());
  return vector::CreateMaskOp::create(builder, loc, type, count);
}

static VectorType memoryType(Value memory, int64_t lanes) {
  return VectorType::get(lanes,
                         cast<MemRefType>(memory.getType()).getElementType());
}

Value VectorEmitter::loadScalar(Value source, ValueRange indices) {
  Value number = memref::LoadOp::create(builder, loc, source, indices);
  return emit::toFloat(builder, loc, number, builder.getF32Type());
}

Value VectorEmitter::load(Value source, ValueRange indices, Value mask) {
  VectorType type = memoryType(source, lanes());
  Value numbers;
  if (!mask) {
    numbers = vector::LoadOp::create(builder, loc, type, source, indices);
  } else {
    Value zero =
        arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
    numbers = vector::MaskedLoadOp::create(builder, loc, type, source, indices,
                                           mask, zero);
  }
  if (type == vectorType())
    return numbers;
  return arith::ExtFOp::create(builder, loc, vectorType(), numbers);
}

void VectorEmitter::store(Value vector, Value destination, ValueRange indices,
                          Value mask) {
  VectorType type = memoryType(destination, lanes());
  if (type != vectorType())
    vector = arith::TruncFOp::create(builder, loc, type, vector);
  if (mask)
    vector::MaskedStoreOp::create(builder, loc, destination, indices, mask,
                                  vector);
  else
    vector::StoreOp::create(builder, loc, vector, destination, indices);
}

void VectorEmitter::prefetch(Value memory, ValueRange indices, bool isWrite) {
  memref::PrefetchOp::create(builder, loc, memory, indices, isWrite,
                             /*localityHint=*/3, /*isDataCache=*/true);
}

void VectorEmitter::storeScalar(Value scalar, Value destination,
                                ValueRange indices) {
  Type element = cast<MemRefType>(destination.getType()).getElementType();
  scalar = emit::toFloat(builder, loc, scalar, element);
  memref::StoreOp::create(builder, loc, scalar, destination, indices);
}

void VectorEmitter::withScratch(ArrayRef<OpFoldResult> sizes, Type element,
                                function_ref<void(Value)> body) {
  SmallVector<int64_t> shape;
  SmallVector<Value> dynamic;
  dispatchIndexOpFoldResults(sizes, dynamic, shape);
  Value scratch = memref::AllocOp::create(
      builder, loc, MemRefType::get(shape, element), dynamic,
      builder.getI64IntegerAttr(kVectorAlignment));
  body(scratch);
  memref::DeallocOp::create(builder, loc, scratch);
}

void VectorEmitter::loop(Value low, Value high, int64_t step,
                         function_ref<void(Value)> body) {
  loop(low, high, step, {}, [&](Value counter, ValueRange) {
    body(counter);
    return SmallVector<Value>();
  });
}

SmallVector<Value>
VectorEmitter::loop(Value low, Value high, int64_t step, ValueRange carried,
                    function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(
      builder, loc, low, high, index(step), carried,
      [&](OpBuilder &, Location, Value counter, ValueRange values) {
        scf::YieldOp::create(builder, loc, body(counter, values));
      });
  return loop.getResults();
}

void VectorEmitter::overColumns(
    Value first, Value end, function_ref<void(Value column, Value mask)> body) {
  Value whole = add(first, roundDown(sub(end, first), lanes()));
  loop(first, whole, lanes(), [&](Value column) { body(column, {}); });
  choose(lessThan(whole, end),
         [&] { body(whole, firstLanes(sub(end, whole))); });
}

void VectorEmitter::parallel(ValueRange counts,
                             function_ref<void(ValueRange)> body) {
  SmallVector<Value> low(counts.size(), index(0)),
      step(counts.size(), index(1));
  scf::ParallelOp::create(
      builder, loc, low, counts, step,
      [&](OpBuilder &, Location, ValueRange at) { body(at); });
}

void VectorEmitter::choose(Value condition, function_ref<void()> then,
                           function_ref<void()> otherwise) {
  auto emit = [&](function_ref<void()> branch) {
    return [&, branch](OpBuilder &, Location) {
      branch();
      scf::YieldOp::create(builder, loc);
    };
  };
  if (otherwise)
    scf::IfOp::create(builder, loc, condition, emit(then), emit(otherwise));
  else
    scf::IfOp::create(builder, loc, condition, emit(then));
}

SmallVector<Value>
VectorEmitter::choose(Value condition, TypeRange types,
                      function_ref<SmallVector<Value>()> then,
                      function_ref<SmallVector<Value>()> otherwise) {
  auto emit = [&](function_ref<SmallVector<Value>()> branch) {
    return [&, branch](OpBuilder &, Location) {
      scf::YieldOp::create(builder, loc, branch());
    };
  };
  return scf::IfOp::create(builder, loc, condition, emit(then), emit(otherwise))
      .getResults();
}
