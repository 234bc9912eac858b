//===- EmittedOrder.h - Functions whose instructions stay in order --------===//
#ifndef EFFATTN_LIB_TARGET_EMITTEDORDER_H
#define EFFATTN_LIB_TARGET_EMITTEDORDER_H

#include "llvm/ADT/StringSet.h"
#include "llvm/IR/OptBisect.h"

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace mlir::effattn {

/// Keeps LLVM from scheduling functions with tiles of registers: loops that
/// carry three quarters of the vector registers or more, or that need as many
/// at once and no more than there are. LLVM loads all factors of such a loop
/// before it uses the first one, and then spills sums: attention takes 12 to
/// 15 % longer, a product of 8 rows with a packed factor 35 %, and one with a
/// quantised table 5 to 24 %.
///
/// Only for 32 registers: with 16, what tiles need at once is too close to them
/// for the order that they are emitted in.
class EmittedOrder : public llvm::OptPassGate {
public:
  EmittedOrder(llvm::Module &module, llvm::TargetMachine &machine);
  ~EmittedOrder() override;

  bool isEnabled() const override { return !kept.empty(); }
  bool shouldRunPass(llvm::StringRef pass,
                     llvm::StringRef description) const override;

private:
  llvm::Module &module;
  /// As passes are told about them.
  llvm::StringSet<> kept;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TARGET_EMITTEDORDER_H
