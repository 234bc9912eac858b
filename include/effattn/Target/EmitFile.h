//===- EmitFile.h - Archives, shared libraries, files on disk -------------===//
#ifndef EFFATTN_TARGET_EMITFILE_H
#define EFFATTN_TARGET_EMITFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/TargetParser/Triple.h"
#include <memory>
#include <string>

namespace mlir::effattn {

/// Packs an object into a static library.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
makeArchive(llvm::StringRef object, llvm::StringRef memberName);

struct LinkOptions {
  llvm::Triple triple;
  /// Link LLVM's libomp, found at run time by its path.
  bool openmp = true;
  /// The name that programs linked to the library look for; none when empty.
  std::string soname;
};

/// Links an object into a shared library, with the linker that LLVM 22 or the
/// system has.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
linkSharedLibrary(llvm::StringRef object, const LinkOptions &options);

/// A folder that only this user can read; it goes with its content when the
/// object dies or the program is interrupted.
class PrivateFolder {
public:
  static llvm::Expected<PrivateFolder> create();
  PrivateFolder(PrivateFolder &&other) noexcept
      : folder(std::move(other.folder)) {
    other.folder.clear();
  }
  PrivateFolder &operator=(PrivateFolder &&) = delete;
  ~PrivateFolder();

  /// A path inside the folder.
  std::string file(llvm::StringRef name) const;

private:
  explicit PrivateFolder(std::string folder) : folder(std::move(folder)) {}
  std::string folder;
};

/// Removes what is under temporary names, from a signal handler or before the
/// program ends at once.
void removeTemporaries();

struct OutputFile {
  /// `-` is standard output.
  std::string path;
  llvm::StringRef content;
  bool executable = false;
};

/// Tells in one sentence, before any work is done, that a file could not be
/// written.
llvm::Error checkWritable(llvm::StringRef path);

/// Writes all files or none: readers see the old content or the new, and a
/// failure leaves nothing behind. Devices and pipes are written directly.
llvm::Error writeFiles(llvm::ArrayRef<OutputFile> files);

/// The text of an error code as the end of a sentence: `permission denied`.
std::string describe(std::error_code code);

} // namespace mlir::effattn

#endif // EFFATTN_TARGET_EMITFILE_H
