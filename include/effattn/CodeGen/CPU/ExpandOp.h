//===- ExpandOp.h - The tuned expansion of one op -------------------------===//
#ifndef EFFATTN_CODEGEN_CPU_EXPANDOP_H
#define EFFATTN_CODEGEN_CPU_EXPANDOP_H

#include "effattn/CodeGen/CPU/CpuModel.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Operation.h"

namespace mlir::effattn {

/// `cpu`, as the options of a pass describe it, with the tilings "name:number".
/// An error at `root` where no code could be made for it.
FailureOr<CpuModel> readCpuModel(Operation *root, CpuModel cpu,
                                 ArrayRef<std::string> tilings);

/// Replaces an op on memrefs, of the dialect or a linalg op that is a product
/// of matrices, as the passes `effattn-expand-*` do with all of them. `erasing`
/// is told of ops that are erased with it, before they are. Otherwise the op
/// stays, and the error says why.
llvm::Error expandOp(OpBuilder &builder, Operation *op, const CpuModel &cpu,
                     llvm::function_ref<void(Operation *)> erasing);

} // namespace mlir::effattn

#endif // EFFATTN_CODEGEN_CPU_EXPANDOP_H
