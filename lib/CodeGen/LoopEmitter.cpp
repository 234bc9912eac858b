//===- LoopEmitter.cpp - Short forms for emitting loops over numbers ------===//
#include "LoopEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::effattn;

Value LoopEmitter::quotient(Value value, Value divisor) {
  return arith::DivUIOp::create(builder, loc, value, divisor);
}

Value LoopEmitter::remainder(Value value, Value divisor) {
  return arith::RemUIOp::create(builder, loc, value, divisor);
}

Value LoopEmitter::ceilDiv(Value value, Value divisor) {
  return arith::CeilDivUIOp::create(builder, loc, value, divisor);
}

SmallVector<Value> LoopEmitter::split(Value number, ValueRange sizes) {
  SmallVector<Value> indices(sizes.size());
  for (size_t d = sizes.size(); d-- > 1;) {
    indices[d] = remainder(number, sizes[d]);
    number = quotient(number, sizes[d]);
  }
  if (!indices.empty())
    indices[0] = number;
  return indices;
}

Value LoopEmitter::roundDown(Value value, int64_t divisor) {
  return mul(quotient(value, divisor), divisor);
}

Value LoopEmitter::positive(double value) {
  double least = std::numeric_limits<float>::denorm_min(),
         most = std::numeric_limits<float>::max();
  return emit::f32(builder, loc, std::clamp(value, least, most));
}

Value LoopEmitter::mulAdd(Value a, Value b, Value c) {
  // vector.fma would call a function for every lane where a CPU has no such
  // instruction.
  auto contract = arith::FastMathFlags::contract;
  Value product = arith::MulFOp::create(builder, loc, a, b, contract);
  return arith::AddFOp::create(builder, loc, product, c, contract);
}

Value LoopEmitter::addFloats(Value lhs, Value rhs) {
  return arith::AddFOp::create(builder, loc, lhs, rhs);
}

Value LoopEmitter::subFloats(Value lhs, Value rhs) {
  return arith::SubFOp::create(builder, loc, lhs, rhs);
}

Value LoopEmitter::mulFloats(Value lhs, Value rhs) {
  return arith::MulFOp::create(builder, loc, lhs, rhs);
}

Value LoopEmitter::divFloats(Value lhs, Value rhs) {
  return arith::DivFOp::create(builder, loc, lhs, rhs);
}

Value LoopEmitter::lessFloats(Value lhs, Value rhs) {
  return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, lhs,
                               rhs);
}

Value LoopEmitter::equalFloats(Value lhs, Value rhs) {
  return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, lhs,
                               rhs);
}

/// One instruction on x86, unlike arith.maximumf.
Value LoopEmitter::maxFloats(Value lhs, Value rhs) {
  return select(lessFloats(rhs, lhs), lhs, rhs);
}

void LoopEmitter::loop(Value low, Value high, int64_t step,
                       function_ref<void(Value)> body) {
  loop(low, high, step, {}, [&](Value counter, ValueRange) {
    body(counter);
    return SmallVector<Value>();
  });
}

SmallVector<Value>
LoopEmitter::loop(Value low, Value high, int64_t step, ValueRange carried,
                  function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(
      builder, loc, low, high, index(step), carried,
      [&](OpBuilder &, Location, Value counter, ValueRange values) {
        scf::YieldOp::create(builder, loc, body(counter, values));
      });
  return loop.getResults();
}

void LoopEmitter::choose(Value condition, function_ref<void()> then,
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
LoopEmitter::choose(Value condition, TypeRange /*types*/,
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
