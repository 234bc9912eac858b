//===- MemoryOps.cpp - Constraints of sparse addresses --------------------===//
#include "effattn/Dialect/MemoryOps.h"
#include "KeptChecks.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/MemoryOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Counting slots
//===----------------------------------------------------------------------===//

/// A slot is an i32, and so is the number of slots.
static constexpr int64_t kMaxSlots = kMaxIndices;

/// base^digits, or kMaxSlots + 1 for whatever is more.
static int64_t countSlots(int64_t digits, int64_t base) {
  if (base <= 1)
    return digits == 0 ? 1 : base;
  int64_t slots = 1;
  for (int64_t digit = 0; digit < digits; ++digit) {
    if (slots > kMaxSlots / base)
      return kMaxSlots + 1;
    slots *= base;
  }
  return slots;
}

/// The same at run time.
static Value emitSlotCount(OpBuilder &builder, Location loc, Value digits,
                           Value base) {
  Value zero = emit::index(builder, loc, 0), one = emit::index(builder, loc, 1);
  Value limit = emit::index(builder, loc, kMaxSlots + 1);
  Value factor = emit::min(builder, loc, base, limit);
  // 32 factors decide: from 2 on they pass the limit, 0 and 1 change no more.
  Value factors =
      emit::min(builder, loc, digits, emit::index(builder, loc, 32));
  auto power = scf::ForOp::create(
      builder, loc, zero, factors, one, one,
      [&](OpBuilder &nested, Location nestedLoc, Value, ValueRange carried) {
        Value product = emit::mul(nested, nestedLoc, carried[0], factor);
        scf::YieldOp::create(nested, nestedLoc,
                             emit::min(nested, nestedLoc, product, limit));
      });
  return power.getResult(0);
}

static int64_t sizeFromEnd(Value value, int64_t fromEnd) {
  auto type = cast<ShapedType>(value.getType());
  return type.getDimSize(type.getRank() - fromEnd);
}

static int64_t lastDim(Value value) {
  return cast<ShapedType>(value.getType()).getRank() - 1;
}

//===----------------------------------------------------------------------===//
// Constraints that several ops have
//===----------------------------------------------------------------------===//

static LogicalResult verifyTemperature(Operation *op, double temperature) {
  if (temperature > 0 && std::isfinite(temperature))
    return success();
  return op->emitOpError("expected temperature to be positive and finite, but "
                         "got ")
         << temperature;
}

static KeptInits keptSlots(Value values, Value indices,
                           StringRef valuesSize = "values kept slots") {
  return {values, indices, valuesSize, "indices kept slots"};
}

/// At most kMaxSlots slots, of which at least k. Dynamic sizes pass.
static LogicalResult verifySlots(Operation *op, int64_t digits, int64_t base,
                                 int64_t k) {
  if (ShapedType::isDynamic(digits) || ShapedType::isDynamic(base))
    return success();
  int64_t slots = countSlots(digits, base);
  if (slots > kMaxSlots)
    return op->emitOpError("expected at most ")
           << kMaxSlots << " slots, but got " << base << "^" << digits;
  if (k > slots)
    return op->emitOpError("expected k to be at most the number of slots, but "
                           "got ")
           << k << " and " << slots;
  return success();
}

/// `periods` or `steps`: one integer a digit.
static LogicalResult verifyDigitList(Operation *op, StringRef name,
                                     std::optional<ArrayRef<int64_t>> list,
                                     int64_t digits) {
  if (!list || int64_t(list->size()) == digits)
    return success();
  return op->emitOpError("expected ")
         << name << " to hold " << digits << " integers, one a digit, but got "
         << list->size();
}

static LogicalResult verifyPeriods(Operation *op,
                                   std::optional<ArrayRef<int64_t>> periods,
                                   int64_t digits) {
  if (failed(verifyDigitList(op, "periods", periods, digits)))
    return failure();
  if (!periods)
    return success();
  for (auto [digit, period] : llvm::enumerate(*periods))
    if (period < 1)
      return op->emitOpError("expected periods[")
             << digit << "] to be at least 1, but got " << period;
  return success();
}

/// At most kMaxSlots slots; gives their number.
static Value checkSlotCount(OpBuilder &builder, Location loc, Value digits,
                            Value base) {
  Value slots = emitSlotCount(builder, loc, digits, base);
  Value limit = emit::index(builder, loc, kMaxSlots);
  CheckOp::create(builder, loc, emit::lessEqual(builder, loc, slots, limit),
                  "expected at most {0} slots, but got {1}^{2}",
                  ValueRange{limit, base, digits});
  return slots;
}

//===----------------------------------------------------------------------===//
// product_softmax
//===----------------------------------------------------------------------===//

LogicalResult ProductSoftmaxOp::verify() {
  // C1: the temperature divides the logits.
  if (failed(verifyTemperature(*this, getTemperature())))
    return failure();
  // C2: a slot is an i32.
  int64_t digits = sizeFromEnd(getX(), 2), base = sizeFromEnd(getX(), 1);
  if (failed(verifySlots(*this, digits, base, /*k=*/0)))
    return failure();
  // C3: one element of out a slot.
  int64_t size = sizeFromEnd(getOut(), 1);
  if (ShapedType::isDynamic(digits) || ShapedType::isDynamic(base) ||
      ShapedType::isDynamic(size) || size == countSlots(digits, base))
    return success();
  return emitOpError("expected out slots (dim ")
         << lastDim(getOut()) << ") to equal the values per digit to the power "
         << "of the digits of x, " << base << "^" << digits << ", but got "
         << size;
}

void ProductSoftmaxOp::emitPreconditions(OpBuilder &builder) {
  int64_t digits = sizeFromEnd(getX(), 2), base = sizeFromEnd(getX(), 1);
  if (ShapedType::isStatic(digits) && ShapedType::isStatic(base) &&
      ShapedType::isStatic(sizeFromEnd(getOut(), 1)))
    return;
  Location loc = getLoc();
  Value digitCount = emit::size(builder, loc, getX(), lastDim(getX()) - 1);
  Value valueCount = emit::size(builder, loc, getX(), lastDim(getX()));
  Value slots = checkSlotCount(builder, loc, digitCount, valueCount);
  Value size = emit::size(builder, loc, getOut(), lastDim(getOut()));
  CheckOp::create(builder, loc, emit::equal(builder, loc, size, slots),
                  ("expected out slots (dim " + Twine(lastDim(getOut())) +
                   ") to equal the values per digit to the power of the "
                   "digits of x, {0}^{1}, but got {2}")
                      .str(),
                  ValueRange{valueCount, digitCount, size});
}

//===----------------------------------------------------------------------===//
// top_k
//===----------------------------------------------------------------------===//

LogicalResult TopKOp::verify() {
  int64_t k = getK(), size = sizeFromEnd(getX(), 1);
  // C1: there is no negative number of values.
  if (failed(verifyKept(*this, k)))
    return failure();
  // C2: the inits hold what is kept.
  if (failed(verifyRoom(*this, k, keptSlots(getValues(), getIndices()))))
    return failure();
  if (ShapedType::isDynamic(size))
    return success();
  // C3: no more is kept than there is.
  if (k > size)
    return emitOpError("expected k to be at most the size of x (dim ")
           << lastDim(getX()) << "), but got " << k << " and " << size;
  // C4: an index is an i32.
  if (size > kMaxSlots)
    return emitOpError("expected x (dim ")
           << lastDim(getX()) << ") to be at most " << kMaxSlots << ", but got "
           << size;
  return success();
}

void TopKOp::emitPreconditions(OpBuilder &builder) {
  Location loc = getLoc();
  int64_t dim = lastDim(getX());
  checkRoom(builder, loc, getK(), keptSlots(getValues(), getIndices()));
  if (ShapedType::isStatic(sizeFromEnd(getX(), 1)))
    return;
  Value size = emit::size(builder, loc, getX(), dim);
  Value kept = emit::index(builder, loc, getK());
  Value limit = emit::index(builder, loc, kMaxSlots);
  CheckOp::create(builder, loc, emit::lessEqual(builder, loc, kept, size),
                  ("expected k to be at most the size of x (dim " + Twine(dim) +
                   "), but got {0} and {1}")
                      .str(),
                  ValueRange{kept, size});
  CheckOp::create(
      builder, loc, emit::lessEqual(builder, loc, size, limit),
      ("expected x (dim " + Twine(dim) + ") to be at most {0}, but got {1}")
          .str(),
      ValueRange{limit, size});
}

//===----------------------------------------------------------------------===//
// product_softmax_top_k
//===----------------------------------------------------------------------===//

LogicalResult ProductSoftmaxTopKOp::verify() {
  // C1: the temperature divides the logits.
  if (failed(verifyTemperature(*this, getTemperature())))
    return failure();
  // C2: there is no negative number of slots.
  if (failed(verifyKept(*this, getK())))
    return failure();
  // C3: the inits hold what is kept.
  if (failed(verifyRoom(*this, getK(), keptSlots(getValues(), getIndices()))))
    return failure();
  // C4: a slot is an i32. C5: no more is kept than there is.
  return verifySlots(*this, sizeFromEnd(getX(), 2), sizeFromEnd(getX(), 1),
                     getK());
}

void ProductSoftmaxTopKOp::emitPreconditions(OpBuilder &builder) {
  Location loc = getLoc();
  checkRoom(builder, loc, getK(), keptSlots(getValues(), getIndices()));
  if (ShapedType::isStatic(sizeFromEnd(getX(), 2)) &&
      ShapedType::isStatic(sizeFromEnd(getX(), 1)))
    return;
  Value slots = checkSlotCount(
      builder, loc, emit::size(builder, loc, getX(), lastDim(getX()) - 1),
      emit::size(builder, loc, getX(), lastDim(getX())));
  checkKept(builder, loc, getK(), slots, "slots");
}

//===----------------------------------------------------------------------===//
// cyclic_shift
//===----------------------------------------------------------------------===//

LogicalResult CyclicShiftOp::verify() {
  int64_t digits = getDigits(), base = getBase();
  // C1: a slot has digits.
  if (digits < 1)
    return emitOpError("expected digits to be at least 1, but got ") << digits;
  // C2: a digit has values.
  if (base < 1)
    return emitOpError("expected base to be at least 1, but got ") << base;
  // C3: a slot is an i32.
  if (failed(verifySlots(*this, digits, base, /*k=*/0)))
    return failure();
  // C4: periods divide the position, one a digit.
  if (failed(verifyPeriods(*this, getPeriods(), digits)))
    return failure();
  // C5: steps, one a digit.
  return verifyDigitList(*this, "steps", getSteps(), digits);
}

static bool areZero(Value positions) {
  return matchPattern(positions, m_Zero());
}

/// Whether every slot lies in [0, slots), so that turning it by 0 keeps it.
static bool areSlotsOf(Value indices, int64_t slots) {
  if (auto shift = indices.getDefiningOp<CyclicShiftOp>())
    return countSlots(shift.getDigits(), shift.getBase()) == slots;
  auto topK = indices.getDefiningOp<ProductSoftmaxTopKOp>();
  if (!topK || indices != topK->getResult(1))
    return false;
  int64_t digits = sizeFromEnd(topK.getX(), 2);
  int64_t base = sizeFromEnd(topK.getX(), 1);
  return ShapedType::isStatic(digits) && ShapedType::isStatic(base) &&
         countSlots(digits, base) == slots;
}

/// A shift by position 0 everywhere keeps the slots.
LogicalResult CyclicShiftOp::canonicalize(CyclicShiftOp op,
                                          PatternRewriter &rewriter) {
  if (!areZero(op.getPositions()))
    return rewriter.notifyMatchFailure(op, "positions are not all 0");
  if (!areSlotsOf(op.getIndices(), countSlots(op.getDigits(), op.getBase())))
    return rewriter.notifyMatchFailure(
        op, "indices may lie outside of the slots, and the shift wraps them");
  if (op.getIndices().getType() != op->getResult(0).getType())
    return rewriter.notifyMatchFailure(op, "sizes are known to the shift only");
  rewriter.replaceOp(op, op.getIndices());
  return success();
}

//===----------------------------------------------------------------------===//
// address_decode
//===----------------------------------------------------------------------===//

LogicalResult AddressDecodeOp::verify() {
  int64_t digits = getDigits(), width = sizeFromEnd(getX(), 1);
  // C1: the temperature divides the logits.
  if (failed(verifyTemperature(*this, getTemperature())))
    return failure();
  // C2: there is no negative number of slots.
  if (failed(verifyKept(*this, getK())))
    return failure();
  // C3: the inits hold what is kept.
  if (failed(verifyRoom(
          *this, getK(),
          keptSlots(getWeights(), getIndices(), "weights kept slots"))))
    return failure();
  // C4: a slot has digits.
  if (digits < 1)
    return emitOpError("expected digits to be at least 1, but got ") << digits;
  // C8: periods divide the position, one a digit.
  if (failed(verifyPeriods(*this, getPeriods(), digits)))
    return failure();
  // C9: steps, one a digit.
  if (failed(verifyDigitList(*this, "steps", getSteps(), digits)))
    return failure();
  if (ShapedType::isDynamic(width))
    return success();
  // C5: every digit has equally many values.
  if (width % digits != 0)
    return emitOpError("expected digits to divide the width of x (dim 2), but "
                       "got ")
           << digits << " and " << width;
  // C10: there is a digit to turn.
  if (getPositions() && width == 0)
    return emitOpError("expected x (dim 2) to hold at least one value per "
                       "digit, because there are positions, but got 0");
  // C6: a slot is an i32. C7: no more is kept than there is.
  return verifySlots(*this, digits, width / digits, getK());
}

void AddressDecodeOp::emitPreconditions(OpBuilder &builder) {
  Location loc = getLoc();
  checkRoom(builder, loc, getK(),
            keptSlots(getWeights(), getIndices(), "weights kept slots"));
  if (ShapedType::isStatic(sizeFromEnd(getX(), 1)))
    return;
  Value digits = emit::index(builder, loc, getDigits());
  Value width = emit::size(builder, loc, getX(), 2);
  Value rest = arith::RemSIOp::create(builder, loc, width, digits);
  Value zero = emit::index(builder, loc, 0);
  CheckOp::create(
      builder, loc, emit::equal(builder, loc, rest, zero),
      "expected digits to divide the width of x (dim 2), but got {0} and {1}",
      ValueRange{digits, width});
  if (getPositions())
    CheckOp::create(builder, loc, emit::lessThan(builder, loc, zero, width),
                    "expected x (dim 2) to hold at least one value per digit, "
                    "because there are positions, but got 0",
                    ValueRange());
  Value base = arith::DivSIOp::create(builder, loc, width, digits);
  checkKept(builder, loc, getK(), checkSlotCount(builder, loc, digits, base),
            "slots");
}

/// Position 0 everywhere turns no slot.
LogicalResult AddressDecodeOp::canonicalize(AddressDecodeOp op,
                                            PatternRewriter &rewriter) {
  if (!op.getPositions())
    return rewriter.notifyMatchFailure(op, "there are no positions");
  if (!areZero(op.getPositions()))
    return rewriter.notifyMatchFailure(op, "positions are not all 0");
  rewriter.modifyOpInPlace(op, [&] { op.getPositionsMutable().clear(); });
  return success();
}
