//===- EmitFile.cpp - Files on disk, all or nothing -----------------------===//
#include "effattn/Target/EmitFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <csignal>
#include <cstring>
#include <unistd.h>

using namespace llvm;
using namespace mlir::effattn;

std::string mlir::effattn::describe(std::error_code code) {
  std::string text = code.message();
  if (!text.empty())
    text[0] = toLower(text[0]);
  return text;
}

static Error cannotWrite(StringRef path, const Twine &reason) {
  return createStringError(inconvertibleErrorCode(),
                           "cannot write " +
                               (path == "-" ? "standard output" : path) + ": " +
                               reason + "; nothing was written");
}

static std::error_code lastError() {
  return std::error_code(errno, std::generic_category());
}

/// Follows links, so that writing replaces what a link points to.
static std::string resolve(StringRef path) {
  SmallString<128> real;
  if (sys::fs::is_symlink_file(path) && !sys::fs::real_path(path, real))
    return real.str().str();
  return path.str();
}

static bool isSpecial(const sys::fs::file_status &status) {
  return sys::fs::exists(status) && !sys::fs::is_regular_file(status) &&
         !sys::fs::is_directory(status);
}

Error mlir::effattn::checkWritable(StringRef path) {
  if (path == "-")
    return Error::success();
  std::string target = resolve(path);
  sys::fs::file_status status;
  std::error_code code = sys::fs::status(target, status);
  if (code && code != std::errc::no_such_file_or_directory)
    return cannotWrite(path, describe(code));
  if (sys::fs::is_directory(status))
    return cannotWrite(path, "it is a folder");
  if (sys::fs::exists(status))
    if (std::error_code denied =
            sys::fs::access(target, sys::fs::AccessMode::Write))
      return cannotWrite(path, describe(denied));
  if (isSpecial(status))
    return Error::success();
  StringRef folder = sys::path::parent_path(target);
  if (folder.empty())
    folder = ".";
  if (!sys::fs::exists(folder))
    return cannotWrite(path, "the folder " + folder + " does not exist");
  if (!sys::fs::is_directory(folder))
    return cannotWrite(path, folder + " is not a folder");
  if (::access(folder.str().c_str(), W_OK | X_OK))
    return cannotWrite(path, describe(lastError()));
  return Error::success();
}

static std::error_code writeAll(int descriptor, StringRef content) {
  while (!content.empty()) {
    ssize_t written = ::write(descriptor, content.data(),
                              std::min<size_t>(content.size(), 1 << 30));
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return lastError();
    content = content.drop_front(written);
  }
  return {};
}

/// Devices, pipes and standard output have no old content to protect.
static Error writeDirectly(const OutputFile &file) {
  if (file.path == "-") {
    if (std::error_code code = writeAll(STDOUT_FILENO, file.content))
      return cannotWrite(file.path, describe(code));
    return Error::success();
  }
  int descriptor;
  std::error_code code = sys::fs::openFileForWrite(
      file.path, descriptor, sys::fs::CD_OpenExisting, sys::fs::OF_None);
  if (code)
    return cannotWrite(file.path, describe(code));
  code = writeAll(descriptor, file.content);
  if (std::error_code closing =
          sys::Process::SafelyCloseFileDescriptor(descriptor);
      closing && !code)
    code = closing;
  if (code)
    return cannotWrite(file.path, describe(code));
  return Error::success();
}

namespace {
/// A complete file under a temporary name, beside the one it will replace.
struct PendingFile {
  sys::fs::TempFile file;
  std::string target;
  StringRef path;
};
} // namespace

static Expected<PendingFile> writeBeside(const OutputFile &file) {
  std::string target = resolve(file.path);
  SmallString<128> model(sys::path::parent_path(target));
  sys::path::append(model, "." + sys::path::filename(target) + ".%%%%%%%%");
  unsigned mode = sys::fs::all_read | sys::fs::all_write;
  if (file.executable)
    mode |= sys::fs::all_exe;
  auto temporary = sys::fs::TempFile::create(model, mode);
  if (!temporary)
    return cannotWrite(file.path,
                       describe(errorToErrorCode(temporary.takeError())));
  if (std::error_code code = writeAll(temporary->FD, file.content)) {
    consumeError(temporary->discard());
    return cannotWrite(file.path, describe(code));
  }
  return PendingFile{std::move(*temporary), target, file.path};
}

static void discardAll(MutableArrayRef<PendingFile> pending) {
  for (PendingFile &file : pending)
    consumeError(file.file.discard());
}

Error mlir::effattn::writeFiles(ArrayRef<OutputFile> files) {
  for (const OutputFile &file : files)
    if (Error error = checkWritable(file.path))
      return error;

  std::vector<PendingFile> pending;
  SmallVector<const OutputFile *> direct;
  for (const OutputFile &file : files) {
    sys::fs::file_status status;
    if (file.path == "-" ||
        (!sys::fs::status(file.path, status) && isSpecial(status))) {
      direct.push_back(&file);
      continue;
    }
    Expected<PendingFile> written = writeBeside(file);
    if (!written) {
      discardAll(pending);
      return written.takeError();
    }
    pending.push_back(std::move(*written));
  }
  for (const OutputFile *file : direct)
    if (Error error = writeDirectly(*file)) {
      discardAll(pending);
      return error;
    }
  for (size_t i = 0; i < pending.size(); ++i)
    if (Error error = pending[i].file.keep(pending[i].target)) {
      discardAll(MutableArrayRef(pending).drop_front(i + 1));
      return cannotWrite(pending[i].path,
                         describe(errorToErrorCode(std::move(error))));
    }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Private folders
//===----------------------------------------------------------------------===//

/// The folder to remove when the program is interrupted: one at a time is
/// enough here, and a signal handler can read no more than a pointer.
static std::atomic<char *> interruptedFolder{nullptr};

void mlir::effattn::removeTemporaries() {
  sys::RunInterruptHandlers();
  // A linker that was interrupted with us may still be removing its files.
  if (const char *folder = interruptedFolder)
    for (int i = 0; i < 100 && ::rmdir(folder) && errno == ENOTEMPTY; ++i)
      ::usleep(10000);
}

/// Runs in the signal handler.
static void endByInterrupt() {
  removeTemporaries();
  ::signal(SIGINT, SIG_DFL);
  ::raise(SIGINT);
}

Expected<PrivateFolder> PrivateFolder::create() {
  SmallString<128> path;
  sys::path::system_temp_directory(/*ErasedOnReboot=*/true, path);
  StringRef parent = path;
  std::string parentText = parent.str();
  sys::path::append(path, "effattn-XXXXXX");
  if (!::mkdtemp(path.data() ? const_cast<char *>(path.c_str()) : nullptr))
    return createStringError(inconvertibleErrorCode(),
                             "cannot make a temporary folder in " + parentText +
                                 ": " + describe(lastError()));
  std::string folder(path.c_str());
  if (char *previous = interruptedFolder.exchange(::strdup(folder.c_str())))
    ::free(previous);
  sys::SetInterruptFunction(endByInterrupt);
  return PrivateFolder(std::move(folder));
}

std::string PrivateFolder::file(StringRef name) const {
  SmallString<128> path(folder);
  sys::path::append(path, name);
  sys::RemoveFileOnSignal(path);
  return path.str().str();
}

PrivateFolder::~PrivateFolder() {
  if (folder.empty())
    return;
  (void)sys::fs::remove_directories(folder); // nobody is left to be told
  if (char *previous = interruptedFolder.exchange(nullptr))
    ::free(previous);
  sys::SetInterruptFunction(nullptr);
}
