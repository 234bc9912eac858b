//===- AddressToLinalg.cpp - Turned slots, and addresses from logits ------===//
#include "MemoryLowering.h"
#include "OpLowering.h"
#include "effattn/Conversion/EffAttnToLinalg.h"
#include "effattn/Dialect/MemoryOps.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// cyclic_shift
//===----------------------------------------------------------------------===//

/// Digits that can differ from 0: 2^31 - 1 slots of two values a digit. With
/// more digits a digit has one value at most, and slot 0 is the only one.
static constexpr int64_t kMaxDigits = 31;

namespace {
/// How slots turn, in i64. Digit u has weight base^(digits - 1 - u); its turn
/// is (t / period_u) * step_u, modulo the base.
class Shift {
public:
  /// `base` is an index value of at least 1.
  Shift(OpBuilder &builder, Location loc, ShiftMode mode, int64_t digits,
        Value base, std::optional<ArrayRef<int64_t>> periods,
        std::optional<ArrayRef<int64_t>> steps);

  /// The slots of `indices`, turned by position, in `out`.
  Value apply(Value indices, Value positions, Value out);

private:
  Value turnFlat(OpBuilder &builder, Location loc, Value slot, Value position);
  Value turnDigits(OpBuilder &builder, Location loc, Value slot,
                   Value position);
  Value turnOfDigit(OpBuilder &builder, Location loc, int64_t digit,
                    Value position);

  OpBuilder &builder;
  Location loc;
  ShiftMode mode;
  Value base;
  SmallVector<Value> weights;
  SmallVector<int64_t> periods, steps;
};
} // namespace

static Value integer(OpBuilder &builder, Location loc, int64_t value) {
  return arith::ConstantIntOp::create(builder, loc, value, 64);
}

/// Remainder and quotient that floor, for a positive divisor.
static Value floorMod(OpBuilder &builder, Location loc, Value lhs, Value rhs) {
  Value remainder = arith::RemSIOp::create(builder, loc, lhs, rhs);
  Value isNegative =
      emit::lessThan(builder, loc, remainder, integer(builder, loc, 0));
  return emit::select(builder, loc, isNegative,
                      emit::add(builder, loc, remainder, rhs), remainder);
}

static Value floorDiv(OpBuilder &builder, Location loc, Value lhs, Value rhs) {
  Value quotient = arith::DivSIOp::create(builder, loc, lhs, rhs);
  Value remainder = arith::RemSIOp::create(builder, loc, lhs, rhs);
  Value isNegative =
      emit::lessThan(builder, loc, remainder, integer(builder, loc, 0));
  Value below = emit::sub(builder, loc, quotient, integer(builder, loc, 1));
  return emit::select(builder, loc, isNegative, below, quotient);
}

Shift::Shift(OpBuilder &builder, Location loc, ShiftMode mode, int64_t digits,
             Value base, std::optional<ArrayRef<int64_t>> periods,
             std::optional<ArrayRef<int64_t>> steps)
    : builder(builder), loc(loc), mode(mode) {
  Type i64 = builder.getI64Type();
  this->base = emit::fromIndex(builder, loc, base, i64);
  this->periods =
      periods ? llvm::to_vector(*periods) : SmallVector<int64_t>(digits, 1);
  this->steps =
      steps ? llvm::to_vector(*steps) : SmallVector<int64_t>(digits, 1);
  // One weight more than there are digits: the number of slots.
  if (digits > kMaxDigits)
    return;
  weights.push_back(integer(builder, loc, 1));
  for (int64_t digit = 0; digit < digits; ++digit)
    weights.push_back(emit::mul(builder, loc, weights.back(), this->base));
  std::reverse(weights.begin(), weights.end());
}

Value Shift::turnFlat(OpBuilder &builder, Location loc, Value slot,
                      Value position) {
  Value slots = weights.front();
  Value sum = emit::add(builder, loc, floorMod(builder, loc, slot, slots),
                        floorMod(builder, loc, position, slots));
  return floorMod(builder, loc, sum, slots);
}

Value Shift::turnOfDigit(OpBuilder &builder, Location loc, int64_t digit,
                         Value position) {
  if (mode == ShiftMode::Radix)
    return floorMod(builder, loc,
                    floorDiv(builder, loc, position, weights[digit + 1]), base);
  Value period = integer(builder, loc, periods[digit]);
  Value rounds =
      floorMod(builder, loc, floorDiv(builder, loc, position, period), base);
  // Both factors are below 2^31.
  Value step =
      floorMod(builder, loc, integer(builder, loc, steps[digit]), base);
  return emit::mul(builder, loc, rounds, step);
}

Value Shift::turnDigits(OpBuilder &builder, Location loc, Value slot,
                        Value position) {
  Value turned = integer(builder, loc, 0);
  for (size_t digit = 0; digit + 1 < weights.size(); ++digit) {
    Value weight = weights[digit + 1];
    Value value =
        floorMod(builder, loc, floorDiv(builder, loc, slot, weight), base);
    Value sum = emit::add(builder, loc, value,
                          turnOfDigit(builder, loc, digit, position));
    turned = emit::add(
        builder, loc, turned,
        emit::mul(builder, loc, floorMod(builder, loc, sum, base), weight));
  }
  return turned;
}

Value Shift::apply(Value indices, Value positions, Value out) {
  AffineMap perSlot = builder.getMultiDimIdentityMap(3);
  AffineMap perToken = perSlot.getSubMap({0, 1});
  SmallVector<utils::IteratorType> iterators(3, utils::IteratorType::parallel);
  auto body = [&](OpBuilder &nested, Location nestedLoc, ValueRange elements) {
    Type i64 = nested.getI64Type();
    Value slot = arith::ExtSIOp::create(nested, nestedLoc, i64, elements[0]);
    Value position = elements[1];
    if (position.getType() != i64)
      position = arith::ExtSIOp::create(nested, nestedLoc, i64, position);
    Value turned = weights.empty() ? integer(nested, nestedLoc, 0)
                   : mode == ShiftMode::Flat
                       ? turnFlat(nested, nestedLoc, slot, position)
                       : turnDigits(nested, nestedLoc, slot, position);
    linalg::YieldOp::create(
        nested, nestedLoc,
        arith::TruncIOp::create(nested, nestedLoc, nested.getI32Type(), turned)
            .getResult());
  };
  return linalg::GenericOp::create(
             builder, loc, out.getType(), ValueRange{indices, positions}, out,
             {perSlot, perToken, perSlot}, iterators, body)
      .getResult(0);
}

namespace {
class CyclicShiftLowering : OpLowering<CyclicShiftOp> {
public:
  CyclicShiftLowering(OpBuilder &builder, CyclicShiftOp op)
      : OpLowering(builder, op) {}

  Value run() {
    Shift shift(builder, loc, op.getMode(), op.getDigits(), index(op.getBase()),
                op.getPeriods(), op.getSteps());
    return shift.apply(op.getIndices(), op.getPositions(), op.getOut());
  }
};

//===----------------------------------------------------------------------===//
// address_decode
//===----------------------------------------------------------------------===//

/// product_softmax_top_k on the logits seen as digits, then the shift on its
/// indices in place.
class AddressDecodeLowering : OpLowering<AddressDecodeOp> {
public:
  AddressDecodeLowering(OpBuilder &builder, AddressDecodeOp op)
      : OpLowering(builder, op) {}

  SmallVector<Value> run() {
    Value width = emit::size(builder, loc, op.getX(), 2);
    Value base =
        arith::DivUIOp::create(builder, loc, width, index(op.getDigits()));
    auto search = ProductSoftmaxTopKOp::create(
        builder, loc,
        TypeRange{op.getWeights().getType(), op.getIndices().getType()},
        splitDigits(base), op.getWeights(), op.getIndices(), op.getKAttr(),
        op.getTemperatureAttr(), op.getNormalizeAttr());
    SmallVector<Value> found(search->getResults());
    if (op.getPositions()) {
      // Checked to be at least 1; said again for the divisions.
      Value atLeastOne = emit::max(builder, loc, base, index(1));
      Shift shift(builder, loc, op.getMode(), op.getDigits(), atLeastOne,
                  op.getPeriods(), op.getSteps());
      found[1] = shift.apply(found[1], op.getPositions(), found[1]);
    }
    return found;
  }

private:
  /// x as `B x T x digits x base`.
  Value splitDigits(Value base) {
    auto type = cast<RankedTensorType>(op.getX().getType());
    int64_t digits = op.getDigits(), width = type.getDimSize(2);
    int64_t baseSize =
        ShapedType::isDynamic(width) ? ShapedType::kDynamic : width / digits;
    auto split = RankedTensorType::get(
        {type.getDimSize(0), type.getDimSize(1), digits, baseSize},
        type.getElementType());
    SmallVector<OpFoldResult> sizes = emitter.sizes(op.getX());
    sizes.back() = builder.getIndexAttr(digits);
    sizes.push_back(ShapedType::isDynamic(baseSize)
                        ? OpFoldResult(base)
                        : builder.getIndexAttr(baseSize));
    return tensor::ExpandShapeOp::create(
        builder, loc, split, op.getX(),
        ArrayRef<ReassociationIndices>{{0}, {1}, {2, 3}}, sizes);
  }
};
} // namespace

void effattn::populateAddressToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerOp<CyclicShiftOp, CyclicShiftLowering>>(
      patterns.getContext());
}

void effattn::populateAddressDecodePatterns(RewritePatternSet &patterns) {
  patterns.add<LowerOp<AddressDecodeOp, AddressDecodeLowering>>(
      patterns.getContext());
}
