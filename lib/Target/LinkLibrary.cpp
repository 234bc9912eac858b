//===- LinkLibrary.cpp - Archives and shared libraries --------------------===//
#include "effattn/Target/EmitFile.h"
#include "effattn/Target/RunProgram.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Host.h"

#include <dlfcn.h>
#include <link.h>

using namespace llvm;
using namespace mlir::effattn;

static Error refuse(const Twine &sentence) {
  return createStringError(inconvertibleErrorCode(), sentence);
}

Expected<std::unique_ptr<MemoryBuffer>>
mlir::effattn::makeArchive(StringRef object, StringRef memberName) {
  NewArchiveMember member(MemoryBufferRef(object, memberName));
  return writeArchiveToBuffer(member, SymtabWritingMode::NormalSymtab,
                              object::Archive::K_GNU, /*Deterministic=*/true,
                              /*Thin=*/false);
}

/// The path under which a library is loaded into this program, if it is there.
static std::string findLoadedLibrary(const char *soname) {
  void *handle = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
  if (!handle)
    return {};
  link_map *map = nullptr;
  std::string path;
  if (!dlinfo(handle, RTLD_DI_LINKMAP, static_cast<void *>(&map)) && map)
    path = map->l_name;
  dlclose(handle);
  return path;
}

/// Where LLVM's own libraries are: the folder of the build, else the one that
/// this program's libLLVM came from.
static SmallVector<std::string> findLlvmLibraryFolders() {
  SmallVector<std::string> folders = {EFFATTN_LLVM_LIBRARY_DIR};
  Dl_info info;
  if (dladdr(reinterpret_cast<void *>(&sys::getDefaultTargetTriple), &info) &&
      info.dli_fname)
    folders.push_back(sys::path::parent_path(info.dli_fname).str());
  return folders;
}

static Expected<std::string> findOpenMP() {
  for (const std::string &folder : findLlvmLibraryFolders())
    for (StringRef name : {"libomp.so.5", "libomp.so"}) {
      SmallString<128> path(folder);
      sys::path::append(path, name);
      if (sys::fs::exists(path))
        return path.str().str();
    }
  return refuse("cannot link a shared library with threads: libomp of LLVM 22 "
                "was not found: install libomp-22-dev, or compile with "
                "--threads=none");
}

static std::string findProgram(StringRef name) {
  if (auto path = sys::findProgramByName(name, {EFFATTN_LLVM_TOOLS_DIR}))
    return *path;
  if (auto path = sys::findProgramByName(name))
    return *path;
  return {};
}

namespace {
/// A linker, or a compiler that calls one and knows where its C library is.
struct Linker {
  std::string program;
  bool isCompiler = false;
  SmallVector<std::string> arguments;
};
} // namespace

static Expected<Linker> findLinker(const Triple &triple, bool native) {
  if (native)
    for (StringRef name : {"ld.lld", "ld.lld-22"})
      if (std::string path = findProgram(name); !path.empty())
        return Linker{path, false, {}};
  SmallVector<std::string> compilers = {"clang", "cc", "gcc"};
  if (!native)
    compilers = {(triple.getArchName() + "-linux-gnu-gcc").str(), "clang"};
  for (const std::string &name : compilers) {
    std::string path = findProgram(name);
    if (path.empty())
      continue;
    Linker linker{path, true, {}};
    if (!native && name == "clang")
      linker.arguments = {"--target=" + triple.str(), "-fuse-ld=lld"};
    return linker;
  }
  return refuse(
      "no linker was found: install lld-22, or emit an object and link it "
      "where a linker is");
}

/// `-Wl,x,y` for a compiler, `x y` for a linker.
static void addLinkerOption(const Linker &linker,
                            SmallVectorImpl<std::string> &command,
                            ArrayRef<std::string> words) {
  if (linker.isCompiler)
    command.push_back("-Wl," + join(words, ","));
  else
    command.append(words.begin(), words.end());
}

static Error addLibraries(const Linker &linker, const LinkOptions &options,
                          bool native, SmallVectorImpl<std::string> &command) {
  if (options.openmp && native) {
    Expected<std::string> openmp = findOpenMP();
    if (!openmp)
      return openmp.takeError();
    command.push_back(*openmp);
    addLinkerOption(linker, command,
                    {"-rpath", sys::path::parent_path(*openmp).str()});
  } else if (options.openmp) {
    command.push_back("-lomp");
  }
  if (linker.isCompiler) {
    command.push_back("-lm");
    return Error::success();
  }
  // A bare linker has no search path. The libraries this program itself uses
  // are the ones that the compiled code will meet.
  for (const char *library : {"libm.so.6", "libc.so.6"})
    if (std::string path = findLoadedLibrary(library); !path.empty())
      command.push_back(path);
  return Error::success();
}

/// The first thing the linker complained about.
static std::string readLog(StringRef path) {
  auto log = MemoryBuffer::getFile(path);
  StringRef text = log ? (*log)->getBuffer().trim() : "";
  return text.split('\n').first.str();
}

static Error run(ArrayRef<std::string> command, StringRef log, bool native) {
  SmallVector<StringRef> words(command.begin(), command.end());
  std::string reason;
  int code = runProgram(words, log, log, reason);
  if (!code)
    return Error::success();
  if (reason.empty())
    reason = readLog(log);
  if (reason.empty())
    reason = "exit code " + std::to_string(code);
  return refuse("linking with " + words[0] + " failed: " + reason +
                (native ? ""
                        : "; a shared library for another machine needs its C "
                          "library here: emit an object, and link it there"));
}

Expected<std::unique_ptr<MemoryBuffer>>
mlir::effattn::linkSharedLibrary(StringRef object, const LinkOptions &options) {
  Triple host(sys::getDefaultTargetTriple());
  bool native = host.getArch() == options.triple.getArch() &&
                host.getOS() == options.triple.getOS();
  Expected<Linker> linker = findLinker(options.triple, native);
  if (!linker)
    return linker.takeError();
  Expected<PrivateFolder> folder = PrivateFolder::create();
  if (!folder)
    return folder.takeError();
  std::string input = folder->file("input.o"),
              output = folder->file("output.so"), log = folder->file("log");
  if (Error error = writeFiles(OutputFile{input, object}))
    return error;

  SmallVector<std::string> command = {linker->program};
  llvm::append_range(command, linker->arguments);
  command.append({"-shared", "-o", output, input});
  if (!options.soname.empty())
    addLinkerOption(*linker, command, {"-soname", options.soname});
  addLinkerOption(*linker, command, {"-z", "noexecstack"});
  addLinkerOption(*linker, command, {"-z", "relro"});
  addLinkerOption(*linker, command, {"--eh-frame-hdr"});
  addLinkerOption(*linker, command, {"--as-needed"});
  if (Error error = addLibraries(*linker, options, native, command))
    return error;
  if (Error error = run(command, log, native))
    return error;
  auto library = MemoryBuffer::getFile(output, /*IsText=*/false,
                                       /*RequiresNullTerminator=*/false,
                                       /*IsVolatile=*/true);
  if (!library)
    return refuse("the linker wrote nothing: " + describe(library.getError()));
  return std::move(*library);
}
