//===- Activation.cpp - Functions between two layers ----------------------===//
#include "Activation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Arithmetic on f32 or vectors of it.
class Formula {
public:
  Formula(OpBuilder &builder, Location loc, Type type)
      : builder(builder), loc(loc), type(type) {}

  Value constant(double value) {
    TypedAttr scalar = builder.getF32FloatAttr(float(value));
    if (auto vector = dyn_cast<VectorType>(type))
      scalar = DenseElementsAttr::get(vector, Attribute(scalar));
    return arith::ConstantOp::create(builder, loc, scalar);
  }
  Value add(Value lhs, Value rhs) {
    return arith::AddFOp::create(builder, loc, lhs, rhs);
  }
  Value times(Value lhs, Value rhs) {
    return arith::MulFOp::create(builder, loc, lhs, rhs);
  }

  /// x / (1 + exp(-z)).
  Value sigmoidTimes(Value x, Value z) {
    Value power = math::ExpOp::create(builder, loc,
                                      arith::NegFOp::create(builder, loc, z));
    return arith::DivFOp::create(builder, loc, x, add(constant(1.0), power));
  }
  /// 1 + erf(h) is erfc(-h), which keeps its digits where erf(h) is near -1.
  Value gelu(Value x) {
    Value scaled = times(x, constant(-1.0 / llvm::numbers::sqrt2));
    return times(times(constant(0.5), x),
                 math::ErfcOp::create(builder, loc, scaled));
  }
  /// (1 + tanh(h)) / 2 is 1 / (1 + exp(-2 h)), likewise.
  Value geluTanh(Value x) {
    Value cube = times(times(x, x), x);
    Value twice = times(constant(2.0 * std::sqrt(2.0 / llvm::numbers::pi)),
                        add(x, times(constant(0.044715), cube)));
    return sigmoidTimes(x, twice);
  }
  /// NaN stays NaN.
  Value relu(Value x) {
    return arith::MaximumFOp::create(builder, loc, x, constant(0.0));
  }

private:
  OpBuilder &builder;
  Location loc;
  Type type;
};
} // namespace

Value effattn::emitActivation(OpBuilder &builder, Location loc,
                              Activation activation, Value x) {
  Formula formula(builder, loc, x.getType());
  switch (activation) {
  case Activation::SiLU:
    return formula.sigmoidTimes(x, x);
  case Activation::GELU:
    return formula.gelu(x);
  case Activation::GELUTanh:
    return formula.geluTanh(x);
  case Activation::ReLU:
    return formula.relu(x);
  }
  llvm_unreachable("unknown activation");
}
