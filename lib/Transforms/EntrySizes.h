//===- EntrySizes.h - The sizes of what a function gives ------------------===//
#ifndef EFFATTN_LIB_TRANSFORMS_ENTRYSIZES_H
#define EFFATTN_LIB_TRANSFORMS_ENTRYSIZES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::effattn {

/// The type in which memory of the caller comes.
MemRefType boundaryMemRef(MLIRContext *context, Type type);

/// Builds `@f_sizes`: every size of every result as i64, -1 where data decides.
/// Its return operands are what the result sizes are named by.
func::FuncOp buildSizesFunction(func::FuncOp function);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TRANSFORMS_ENTRYSIZES_H
