//===- LargeStack.h - Room for input that nests deeply
//---------------------===//
#ifndef EFFATTN_DRIVER_LARGESTACK_H
#define EFFATTN_DRIVER_LARGESTACK_H

#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir::effattn {

/// Runs `work` to its end on a thread with a stack of a gibibyte, or of less
/// where the system grants less: parsers and passes recurse with the nesting of
/// their input.
void runOnLargeStack(llvm::function_ref<void()> work);

} // namespace mlir::effattn

#endif // EFFATTN_DRIVER_LARGESTACK_H
