//===- MaskLogic.cpp - What follows from a mask ---------------------------===//
#include "MaskLogic.h"

#include "mlir/IR/OperationSupport.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Literals
//===----------------------------------------------------------------------===//

/// The literal without mask_not.
static MaskLiteral strip(MaskLiteral literal) {
  while (auto inverse = literal.mask.getDefiningOp<MaskNotOp>())
    literal = {inverse.getPart(), !literal.negated};
  return literal;
}

/// The parts of a conjunction or disjunction, negated as De Morgan's laws say.
static SmallVector<MaskLiteral> partsOf(MaskLiteral literal) {
  SmallVector<MaskLiteral> parts;
  for (Value part : literal.mask.getDefiningOp()->getOperands())
    parts.push_back({part, literal.negated});
  return parts;
}

static bool isConjunction(MaskLiteral literal) {
  Operation *op = literal.mask.getDefiningOp();
  return literal.negated ? isa<MaskOrOp>(op) : isa<MaskAndOp>(op);
}

static bool isDisjunction(MaskLiteral literal) {
  return isConjunction(!literal);
}

/// Two masks without parts that ask the same of the same tensors.
static bool isSameLeaf(Operation *a, Operation *b) {
  return a == b ||
         OperationEquivalence::isEquivalentTo(
             a, b, OperationEquivalence::exactValueMatch,
             /*markEquivalent=*/nullptr, OperationEquivalence::IgnoreLocations);
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

/// Even the last query reaches the first key.
bool MaskLogic::windowIsFull(int64_t size) const {
  return bounds.highestQuery && bounds.lowestKey &&
         *bounds.highestQuery - *bounds.lowestKey < size;
}

bool MaskLogic::initialIsFull(Value starts, int64_t count) const {
  return !starts && bounds.lowestKey && *bounds.lowestKey >= 0 &&
         bounds.highestKey && *bounds.highestKey < count;
}

bool MaskLogic::leafIsFull(Operation *leaf) const {
  if (isa<CausalMaskOp>(leaf))
    return bounds.queriesAreLast || (bounds.lowestQuery && bounds.highestKey &&
                                     *bounds.highestKey <= *bounds.lowestQuery);
  if (auto window = dyn_cast<WindowMaskOp>(leaf))
    return windowIsFull(window.getSize());
  if (auto initial = dyn_cast<InitialMaskOp>(leaf))
    return initialIsFull(initial.getStarts(), initial.getCount());
  return false;
}

bool MaskLogic::leafIsEmpty(Operation *leaf) const {
  // All queries stand before all keys.
  if (isa<CausalMaskOp, SeparatorMaskOp>(leaf))
    return bounds.highestQuery && bounds.lowestKey &&
           *bounds.highestQuery < *bounds.lowestKey;
  // The first query is already too far from the last key.
  if (auto window = dyn_cast<WindowMaskOp>(leaf))
    return bounds.lowestQuery && bounds.highestKey &&
           *bounds.lowestQuery - *bounds.highestKey >=
               int64_t(window.getSize());
  if (auto initial = dyn_cast<InitialMaskOp>(leaf))
    return initial.getCount() == 0;
  return false;
}

bool MaskLogic::isCausal(SeparatorMaskOp mask) {
  return !mask.getStarts() && (windowIsFull(mask.getWindow()) ||
                               initialIsFull(Value(), mask.getInitial()));
}

/// a keeps no more than b, both masks without parts.
static bool leafImplies(Operation *a, Operation *b) {
  if (isSameLeaf(a, b))
    return true;
  if (auto narrow = dyn_cast<WindowMaskOp>(a))
    if (auto wide = dyn_cast<WindowMaskOp>(b))
      return narrow.getSize() <= wide.getSize();
  if (auto few = dyn_cast<InitialMaskOp>(a))
    if (auto many = dyn_cast<InitialMaskOp>(b))
      return few.getStarts() == many.getStarts() &&
             few.getCount() <= many.getCount();
  auto separator = dyn_cast<SeparatorMaskOp>(a);
  if (!separator)
    return false;
  if (isa<CausalMaskOp>(b))
    return true;
  auto wider = dyn_cast<SeparatorMaskOp>(b);
  return wider && separator.getIsSeparator() == wider.getIsSeparator() &&
         separator.getStarts() == wider.getStarts() &&
         separator.getInitial() <= wider.getInitial() &&
         separator.getWindow() <= wider.getWindow();
}

/// What a does not keep, b keeps: a key after the query is inside every window.
static bool leavesCoverAll(Operation *a, Operation *b) {
  return (isa<CausalMaskOp>(a) && isa<WindowMaskOp>(b)) ||
         (isa<WindowMaskOp>(a) && isa<CausalMaskOp>(b));
}

//===----------------------------------------------------------------------===//
// Combinations
//===----------------------------------------------------------------------===//

bool MaskLogic::isFull(MaskLiteral literal) {
  literal = strip(literal);
  if (isConjunction(literal))
    return llvm::all_of(partsOf(literal),
                        [&](MaskLiteral part) { return isFull(part); });
  if (isDisjunction(literal)) {
    SmallVector<MaskLiteral> parts = partsOf(literal);
    return llvm::any_of(parts, [&](MaskLiteral part) {
      return isFull(part) || llvm::any_of(parts, [&](MaskLiteral other) {
               return implies(!part, other);
             });
    });
  }
  Operation *leaf = literal.mask.getDefiningOp();
  return literal.negated ? leafIsEmpty(leaf) : leafIsFull(leaf);
}

bool MaskLogic::implies(MaskLiteral a, MaskLiteral b) {
  a = strip(a);
  b = strip(b);
  Key key{{a.mask, a.negated}, {b.mask, b.negated}};
  if (auto known = answers.find(key); known != answers.end())
    return known->second;
  bool answer = decide(a, b);
  answers[key] = answer;
  return answer;
}

bool MaskLogic::decide(MaskLiteral a, MaskLiteral b) {
  if (a.mask == b.mask && a.negated == b.negated)
    return true;
  auto partImpliesB = [&](MaskLiteral part) { return implies(part, b); };
  auto aImpliesPart = [&](MaskLiteral part) { return implies(a, part); };
  // Splitting what must hold for every part loses nothing, so it comes first.
  if (isDisjunction(a))
    return llvm::all_of(partsOf(a), partImpliesB);
  if (isConjunction(b))
    return llvm::all_of(partsOf(b), aImpliesPart);
  if (isConjunction(a) && llvm::any_of(partsOf(a), partImpliesB))
    return true;
  if (isDisjunction(b) && llvm::any_of(partsOf(b), aImpliesPart))
    return true;
  if (isConjunction(a) || isDisjunction(b))
    return false;
  Operation *leafA = a.mask.getDefiningOp(), *leafB = b.mask.getDefiningOp();
  if (isEmpty(a) || isFull(b))
    return true;
  if (a.negated && b.negated)
    return leafImplies(leafB, leafA);
  if (a.negated)
    return leavesCoverAll(leafA, leafB);
  return !b.negated && leafImplies(leafA, leafB);
}
