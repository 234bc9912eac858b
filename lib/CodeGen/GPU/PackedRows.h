//===- PackedRows.h - Rows that can be copied 16 bytes at a time ----------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_PACKEDROWS_H
#define EFFATTN_LIB_CODEGEN_GPU_PACKEDROWS_H

#include "../LoopEmitter.h"

namespace mlir::effattn {

/// A buffer of rank 4 with rows of numbers of a static width, each of which
/// begins at a multiple of 16 bytes and is followed by zeros up to the next
/// one. This is the buffer itself where it is so already, which may be known at
/// run time only, and else a copy.
class PackedRows {
public:
  PackedRows(LoopEmitter &host, Value source);

  Value get() const { return rows; }
  /// To be called behind the last use.
  void free();

private:
  LoopEmitter &e;
  Value rows, copy;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_PACKEDROWS_H
