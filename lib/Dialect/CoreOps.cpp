//===- CoreOps.cpp --------------------------------------------------------===//
#include "effattn/Dialect/EffAttn.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/CoreOps.cpp.inc"

namespace {
/// Where errors go: keeps checks in order and alive, apart from memory.
struct ErrorResource : SideEffects::Resource::Base<ErrorResource> {
  StringRef getName() final { return "EffAttnError"; }
};
} // namespace

void CheckOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), ErrorResource::get());
}

// C1: every placeholder has an argument.
LogicalResult CheckOp::verify() {
  StringRef rest = getMessage();
  for (size_t open = rest.find('{'); open != StringRef::npos;
       open = rest.find('{')) {
    rest = rest.drop_front(open + 1);
    size_t number;
    if (rest.consumeInteger(10, number) || !rest.starts_with("}") ||
        number >= getArguments().size())
      return emitOpError("expected placeholders {0} to {n-1} for n = ")
             << getArguments().size() << " arguments, but got '" << getMessage()
             << "'";
  }
  return success();
}

/// A check that holds says nothing.
LogicalResult CheckOp::canonicalize(CheckOp op, PatternRewriter &rewriter) {
  if (!matchPattern(op.getCondition(), m_One()))
    return rewriter.notifyMatchFailure(op, "condition is not constant true");
  rewriter.eraseOp(op);
  return success();
}

/// A span ends when everything in it is done and before anything behind it
/// begins: to passes, both ends may read and write any memory.
static void
touchEverything(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  effects.emplace_back(MemoryEffects::Read::get());
  effects.emplace_back(MemoryEffects::Write::get());
}

void BeginSpanOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  touchEverything(effects);
}

void EndSpanOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  touchEverything(effects);
}

// C1: it ends a region that is evaluated by the op around it.
LogicalResult YieldOp::verify() {
  if (isa_and_nonnull<MaskUserOpInterface>((*this)->getParentOp()))
    return success();
  return emitOpError("expected to end a mask region or a score region of an op "
                     "such as effattn.attention");
}
