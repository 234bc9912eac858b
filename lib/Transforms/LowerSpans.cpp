//===- LowerSpans.cpp - Spans as calls of the support code ----------------===//
#include "RuntimeCalls.h"
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/Place.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_LOWERSPANSPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

// Functions of lib/Runtime/Support/Spans.c.
static constexpr llvm::StringLiteral kNowFunction = "effattn_now";
static constexpr llvm::StringLiteral kRecordFunction = "effattn_record_span";

namespace {
struct LowerSpansPass : effattn::impl::LowerSpansPassBase<LowerSpansPass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<BeginSpanOp> begins;
    SmallVector<EndSpanOp> ends;
    module.walk([&](Operation *op) {
      if (auto begin = dyn_cast<BeginSpanOp>(op))
        begins.push_back(begin);
      if (auto end = dyn_cast<EndSpanOp>(op))
        ends.push_back(end);
    });
    SymbolTable symbols(module);
    OpBuilder builder(&getContext());
    for (EndSpanOp end : ends) {
      if (!discard)
        lower(builder, symbols, end);
      end.erase();
    }
    for (BeginSpanOp begin : begins) {
      builder.setInsertionPoint(begin);
      Value time =
          discard ? arith::ConstantIntOp::create(builder, begin.getLoc(), 0, 64)
                  : lower(builder, symbols, begin);
      begin.getTime().replaceAllUsesWith(time);
      begin.erase();
    }
  }

  Value lower(OpBuilder &builder, SymbolTable &symbols, BeginSpanOp begin) {
    auto type = LLVM::LLVMFunctionType::get(builder.getI64Type(), {});
    auto now =
        declareRuntime(builder, getOperation(), symbols, kNowFunction, type);
    return LLVM::CallOp::create(builder, begin.getLoc(), now, ValueRange())
        .getResult();
  }

  void lower(OpBuilder &builder, SymbolTable &symbols, EndSpanOp end) {
    Location loc = end.getLoc();
    Type i64 = builder.getI64Type();
    Type pointer = LLVM::LLVMPointerType::get(&getContext());
    auto type =
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(&getContext()),
                                    {i64, pointer, pointer, i64, i64});
    auto record =
        declareRuntime(builder, getOperation(), symbols, kRecordFunction, type);
    builder.setInsertionPoint(end);
    auto emitText = [&](StringRef name, StringRef text) {
      return emitString(builder, getOperation(), symbols, loc, name, text);
    };
    auto emitCount = [&](Value count) -> Value {
      if (!count)
        return arith::ConstantIntOp::create(builder, loc, -1, 64);
      return arith::IndexCastOp::create(builder, loc, i64, count);
    };
    LLVM::CallOp::create(
        builder, loc, record,
        ValueRange{end.getTime(), emitText("effattn_span", end.getName()),
                   emitText("effattn_place", describePlace(loc)),
                   emitCount(end.getFlops()), emitCount(end.getBytes())});
  }
};
} // namespace
