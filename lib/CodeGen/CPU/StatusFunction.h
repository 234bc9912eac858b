//===- StatusFunction.h - Code moved into a function of its own -----------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_STATUSFUNCTION_H
#define EFFATTN_LIB_CODEGEN_CPU_STATUSFUNCTION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mlir::effattn {

/// A private function that is never inlined and returns a status, as
/// effattn-lower-checks expects: 0 behind copies of `ops`, which are neighbours
/// without results. What they use is given to it, in the types that `typeOf`
/// gives; constants are copied.
OwningOpRef<func::FuncOp> makeStatusFunction(OpBuilder &builder,
                                             ArrayRef<Operation *> ops,
                                             function_ref<Type(Type)> typeOf,
                                             SmallVector<Value> &arguments);

/// Erases the ops and calls the function in their place.
void replaceByCall(OpBuilder &builder, ArrayRef<Operation *> ops,
                   func::FuncOp function, ValueRange arguments);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_STATUSFUNCTION_H
