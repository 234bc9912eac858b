//===- BytecodeVersion.h - The version of the dialect in bytecode ---------===//
#ifndef EFFATTN_LIB_DIALECT_BYTECODEVERSION_H
#define EFFATTN_LIB_DIALECT_BYTECODEVERSION_H

#include "effattn/Dialect/EffAttn.h"

namespace mlir::effattn {

/// Bytecode files name the version of the dialect that they were written with,
/// and a file of a newer one is refused.
void addBytecodeVersion(EffAttnDialect &dialect);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_DIALECT_BYTECODEVERSION_H
