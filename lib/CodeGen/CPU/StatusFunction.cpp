//===- StatusFunction.cpp - Code moved into a function of its own ---------===//
#include "StatusFunction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::effattn;

/// A constant is part of a function, not given to it.
static bool isConstant(Value value) {
  return matchPattern(value, m_Constant());
}

OwningOpRef<func::FuncOp>
effattn::makeStatusFunction(OpBuilder &builder, ArrayRef<Operation *> ops,
                            function_ref<Type(Type)> typeOf,
                            SmallVector<Value> &arguments) {
  // An operand that ops use more than once is given once: that it is the same
  // memory is part of what the function does.
  llvm::SetVector<Value> used, constants;
  auto note = [&](Value value) {
    (isConstant(value) ? constants : used).insert(value);
  };
  for (Operation *op : ops) {
    llvm::for_each(op->getOperands(), note);
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    llvm::for_each(captured, note);
  }
  arguments = used.takeVector();
  SmallVector<Type> types;
  for (Value argument : arguments)
    types.push_back(typeOf(argument.getType()));

  Location loc = ops.back()->getLoc();
  OwningOpRef<func::FuncOp> function = func::FuncOp::create(
      loc, "effattn_function",
      builder.getFunctionType(types, builder.getI32Type()));
  function->setPrivate();
  (*function)->setAttr(
      "llvm.linkage",
      LLVM::LinkageAttr::get(builder.getContext(), LLVM::Linkage::Internal));
  (*function)->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
  OpBuilder::InsertionGuard guard(builder);
  Block *body = function->addEntryBlock();
  builder.setInsertionPointToStart(body);
  IRMapping mapping;
  mapping.map(arguments, body->getArguments());
  for (Value constant : constants)
    builder.clone(*constant.getDefiningOp(), mapping);
  for (Operation *op : ops)
    builder.clone(*op, mapping);
  func::ReturnOp::create(
      builder, loc,
      arith::ConstantIntOp::create(builder, loc, 0, 32).getResult());
  return function;
}

void effattn::replaceByCall(OpBuilder &builder, ArrayRef<Operation *> ops,
                            func::FuncOp function, ValueRange arguments) {
  Operation *last = ops.back();
  Location loc = last->getLoc();
  builder.setInsertionPoint(last);
  SmallVector<Value> given;
  for (auto [value, type] : llvm::zip(arguments, function.getArgumentTypes()))
    given.push_back(value.getType() == type
                        ? value
                        : memref::CastOp::create(builder, loc, type, value));
  func::CallOp::create(builder, loc, function, given);
  for (Operation *op : llvm::reverse(ops))
    op->erase();
}
