//===- EntryPoint.h - Compiled functions in a shared library --------------===//
#ifndef EFFATTN_DRIVER_ENTRYPOINT_H
#define EFFATTN_DRIVER_ENTRYPOINT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"

#include <cstdint>
#include <dlpack/dlpack.h>
#include <string>
#include <vector>

namespace mlir::effattn {

/// An op that ran in a traced function: EffattnSpan of lib/Runtime/Support.
struct Span {
  const char *name;
  /// file:line:column, or empty.
  const char *place;
  /// Nanoseconds of the monotonic clock.
  int64_t begin, end;
  /// -1 where they are not known.
  int64_t flops, bytes;
};

/// Those of a thread, in the order in which they ended.
struct SpanList {
  Span *list;
  int64_t count, capacity, lost;
};

/// The functions of C that belong to one compiled function.
struct EntryPoint {
  int (*call)(const DLTensor *const *inputs, DLTensor *const *outputs);
  int (*outputShapes)(const DLTensor *const *inputs, int64_t *const *shapes);
  const char *(*lastError)();
  /// JSON.
  const char *signature;
  /// Null where no function of the library is traced.
  SpanList *(*spans)();

  /// Calls nothing.
  static llvm::Expected<EntryPoint> find(void *library, llvm::StringRef name);
};

/// Loads a shared library; it stays loaded.
llvm::Expected<void *> loadLibrary(llvm::StringRef path);

/// The names of all compiled functions in a shared library.
llvm::Expected<std::vector<std::string>>
listFunctions(llvm::MemoryBufferRef library);

} // namespace mlir::effattn

#endif // EFFATTN_DRIVER_ENTRYPOINT_H
