//===- GatedProduct.cpp - act(gate) * up, however it is written -----------===//
#include "GatedProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::effattn;

/// `op` as an op that computes one tensor place by place.
static linalg::LinalgOp getElementwise(Operation *op) {
  auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(op);
  if (!linalgOp || linalgOp->getNumResults() != 1 ||
      linalgOp.getNumLoops() != linalgOp.getNumParallelLoops() ||
      !llvm::all_of(linalgOp.getIndexingMapsArray(),
                    [](AffineMap map) { return map.isIdentity(); }))
    return {};
  return linalgOp;
}

/// The value that an element is computed by: what a linalg op yields in place
/// of its result, what an op is given in place of its block argument.
static Value trace(Value value) {
  while (true) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      linalg::LinalgOp op = getElementwise(argument.getOwner()->getParentOp());
      if (!op)
        return value;
      value = op.getMatchingOpOperand(argument)->get();
      continue;
    }
    linalg::LinalgOp op = getElementwise(value.getDefiningOp());
    if (!op || isa<linalg::FillOp>(op))
      return value;
    value = op.getBlock()->getTerminator()->getOperand(0);
  }
}

static bool isConstant(Value value, double wanted) {
  value = trace(value);
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    value = fill.getInputs()[0];
  APFloat constant(0.0);
  if (!matchPattern(value, m_ConstantFloat(&constant)))
    return false;
  // Rounding of the constant itself, not more.
  return std::abs(constant.convertToDouble() - wanted) <=
         1e-6 * std::abs(wanted);
}

/// The operands of a commutative op, or nothing.
template <typename Op>
static std::optional<std::pair<Value, Value>> getOperands(Value value) {
  auto op = trace(value).getDefiningOp<Op>();
  if (!op)
    return std::nullopt;
  return std::pair(trace(op.getLhs()), trace(op.getRhs()));
}

/// x where `value` is x op constant, either way round.
template <typename Op> static Value withConstant(Value value, double constant) {
  auto operands = getOperands<Op>(value);
  if (!operands)
    return {};
  auto [lhs, rhs] = *operands;
  if (isConstant(rhs, constant))
    return lhs;
  return isConstant(lhs, constant) ? rhs : Value();
}

/// x where `value` is function(x).
template <typename Op> static Value argumentOf(Value value) {
  auto op = value ? trace(value).getDefiningOp<Op>() : Op();
  return op ? trace(op.getOperand()) : Value();
}

/// g where `value` is 1 + exp(-g).
static Value matchDivisor(Value value) {
  Value power = withConstant<arith::AddFOp>(value, 1.0);
  Value exponent = argumentOf<math::ExpOp>(power);
  if (!exponent)
    return {};
  if (Value g = argumentOf<arith::NegFOp>(exponent))
    return g;
  auto difference = getOperands<arith::SubFOp>(exponent);
  return difference && isConstant(difference->first, 0.0) ? difference->second
                                                          : Value();
}

/// The factors of a product, however it is nested.
static void collectFactors(Value value, SmallVectorImpl<Value> &factors) {
  auto operands = getOperands<arith::MulFOp>(value);
  if (!operands) {
    factors.push_back(trace(value));
    return;
  }
  collectFactors(operands->first, factors);
  collectFactors(operands->second, factors);
}

/// Whether `value` is 1 / (1 + exp(-g)).
static bool isSigmoidOf(Value value, Value g) {
  auto quotient = getOperands<arith::DivFOp>(value);
  return quotient && isConstant(quotient->first, 1.0) &&
         matchDivisor(quotient->second) == g;
}

/// Whether `value` is 1 + erf(g / sqrt 2).
static bool isErfOf(Value value, Value g) {
  Value argument =
      argumentOf<math::ErfOp>(withConstant<arith::AddFOp>(value, 1.0));
  if (!argument)
    return false;
  if (withConstant<arith::MulFOp>(argument, M_SQRT1_2) == g)
    return true;
  auto quotient = getOperands<arith::DivFOp>(argument);
  return quotient && quotient->first == g &&
         isConstant(quotient->second, M_SQRT2);
}

/// Whether `value` is g + 0.044715 g g g.
static bool isCubicOf(Value value, Value g) {
  auto sum = getOperands<arith::AddFOp>(value);
  if (!sum)
    return false;
  auto [linear, cube] =
      sum->first == g ? *sum : std::pair(sum->second, sum->first);
  SmallVector<Value> factors;
  collectFactors(cube, factors);
  bool hasConstant = llvm::any_of(
      factors, [](Value factor) { return isConstant(factor, 0.044715); });
  return linear == g && factors.size() == 4 && hasConstant &&
         llvm::count(factors, g) == 3;
}

/// Whether `value` is 1 + tanh(sqrt(2 / pi) (g + 0.044715 g^3)).
static bool isTanhOf(Value value, Value g) {
  Value argument =
      argumentOf<math::TanhOp>(withConstant<arith::AddFOp>(value, 1.0));
  Value cubic =
      argument ? withConstant<arith::MulFOp>(argument, std::sqrt(2.0 / M_PI))
               : Value();
  return cubic && isCubicOf(cubic, g);
}

/// g where `value` is a maximum of g and 0.
static Value matchReLU(Value value) {
  if (Value g = withConstant<arith::MaximumFOp>(value, 0.0))
    return g;
  return withConstant<arith::MaxNumFOp>(value, 0.0);
}

/// What is left of a product of two without one of its factors.
static Value without(ArrayRef<Value> factors, ArrayRef<Value> taken) {
  SmallVector<Value> rest(factors);
  for (Value value : taken)
    if (auto *place = llvm::find(rest, value); place != rest.end())
      rest.erase(place);
  bool isOne = rest.size() == 1 && factors.size() == taken.size() + 1;
  return isOne ? rest.front() : Value();
}

/// The gate of an activation that is a factor by itself.
static std::optional<std::pair<Value, Activation>> matchWhole(Value factor) {
  if (Value g = matchReLU(factor))
    return std::pair(g, Activation::ReLU);
  auto quotient = getOperands<arith::DivFOp>(factor);
  if (quotient && matchDivisor(quotient->second) == quotient->first)
    return std::pair(quotient->first, Activation::SiLU);
  return std::nullopt;
}

std::optional<GatedProduct> effattn::matchGatedProduct(Value hidden) {
  SmallVector<Value> factors;
  collectFactors(hidden, factors);
  auto *half = llvm::find_if(
      factors, [](Value factor) { return isConstant(factor, 0.5); });
  for (Value factor : factors) {
    if (auto whole = matchWhole(factor))
      if (Value up = without(factors, factor))
        return GatedProduct{whole->first, up, whole->second};
    for (Value g : factors) {
      if (isSigmoidOf(factor, g))
        if (Value up = without(factors, {factor, g}))
          return GatedProduct{g, up, Activation::SiLU};
      bool isErf = isErfOf(factor, g);
      if (half == factors.end() || (!isErf && !isTanhOf(factor, g)))
        continue;
      if (Value up = without(factors, {factor, g, *half}))
        return GatedProduct{g, up,
                            isErf ? Activation::GELU : Activation::GELUTanh};
    }
  }
  return std::nullopt;
}
