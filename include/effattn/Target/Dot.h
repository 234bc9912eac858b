//===- Dot.h - Functions as graphs for Graphviz ---------------------------===//
#ifndef EFFATTN_TARGET_DOT_H
#define EFFATTN_TARGET_DOT_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::effattn {

/// Writes how data flows through the functions of `module`, in the language of
/// Graphviz: a cluster for each function and each loop, a node for each op that
/// computes, input, weight, state and result.
void writeDot(llvm::raw_ostream &os, ModuleOp module);

} // namespace mlir::effattn

#endif // EFFATTN_TARGET_DOT_H
