//===- EntryPoint.cpp - Compiled functions in a shared library ------------===//
#include "effattn/Driver/EntryPoint.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Object/ELFObjectFile.h"

#include <dlfcn.h>

using namespace llvm;
using namespace mlir::effattn;

static Error refuse(const Twine &sentence) {
  return createStringError(inconvertibleErrorCode(), sentence);
}

static constexpr StringLiteral signatureSuffix("_signature");

Expected<void *> mlir::effattn::loadLibrary(StringRef path) {
  if (void *library = dlopen(path.str().c_str(), RTLD_NOW | RTLD_LOCAL))
    return library;
  return refuse(Twine("cannot load ") + dlerror());
}

Expected<std::vector<std::string>>
mlir::effattn::listFunctions(MemoryBufferRef library) {
  auto object = object::ObjectFile::createELFObjectFile(library);
  if (!object)
    return refuse(library.getBufferIdentifier() +
                  " is no shared library: " + toString(object.takeError()));
  std::vector<std::string> names;
  const auto &elf = cast<object::ELFObjectFileBase>(**object);
  for (const object::ELFSymbolRef &symbol : elf.getDynamicSymbolIterators()) {
    Expected<StringRef> name = symbol.getName();
    Expected<uint32_t> flags = symbol.getFlags();
    if (!name || !flags) {
      consumeError(name.takeError());
      consumeError(flags.takeError());
      continue;
    }
    bool defined = !(*flags & object::SymbolRef::SF_Undefined);
    if (defined && name->ends_with(signatureSuffix))
      names.push_back(name->drop_back(signatureSuffix.size()).str());
  }
  llvm::sort(names);
  return names;
}

template <typename Function>
static void lookUp(void *library, const Twine &name, Function *&function) {
  function = reinterpret_cast<Function *>(dlsym(library, name.str().c_str()));
}

Expected<EntryPoint> EntryPoint::find(void *library, StringRef name) {
  EntryPoint entry = {};
  lookUp(library, name, entry.call);
  lookUp(library, name + "_output_shapes", entry.outputShapes);
  lookUp(library, "effattn_last_error", entry.lastError);
  lookUp(library, name + signatureSuffix, entry.signature);
  lookUp(library, "effattn_spans", entry.spans);
  if (!entry.call || !entry.outputShapes || !entry.lastError ||
      !entry.signature)
    return refuse("the library has no complete entry point '" + name + "'");
  return entry;
}
