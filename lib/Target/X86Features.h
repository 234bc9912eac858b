//===- X86Features.h - How a CPU says what it has -------------------------===//
#ifndef EFFATTN_LIB_TARGET_X86FEATURES_H
#define EFFATTN_LIB_TARGET_X86FEATURES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace mlir::effattn {

/// A field of a cpuid register with the least value that means the feature,
/// and the bits of XCR0 for registers that the system must save.
struct X86Feature {
  llvm::StringLiteral name; ///< LLVM's
  uint32_t leaf, subleaf;
  uint32_t reg; ///< 0..3: eax, ebx, ecx, edx
  uint32_t shift, mask, minimum, state;
};

/// The features whose instructions compiled code can contain and that are not
/// part of x86-64 itself, ordered by leaf.
llvm::ArrayRef<X86Feature> getX86Features();

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TARGET_X86FEATURES_H
