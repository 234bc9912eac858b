//===- SupportBitcode.cpp - Code that every compiled module contains ------===//
#include "effattn/Runtime/SupportBitcode.h"

#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"
#include "llvm/TargetParser/Triple.h"

#include <cstddef>

namespace mlir::effattn {

namespace support {
extern const unsigned char x86_64[], aarch64[], x86_64_cuda[], aarch64_cuda[],
    x86_64_emulator[], aarch64_emulator[], x86_64_spans[], aarch64_spans[],
    x86_64_soft_half[], nvptx_math[];
extern const std::size_t x86_64_size, aarch64_size, x86_64_cuda_size,
    aarch64_cuda_size, x86_64_emulator_size, aarch64_emulator_size,
    x86_64_spans_size, aarch64_spans_size, x86_64_soft_half_size,
    nvptx_math_size;
} // namespace support

static llvm::StringRef asText(const unsigned char *bytes, std::size_t size) {
  return {reinterpret_cast<const char *>(bytes), size};
}

// The support code relies on ELF: weak definitions and thread-local variables.
static bool isSupported(const llvm::Triple &triple,
                        llvm::Triple::ArchType arch) {
  return triple.getArch() == arch && triple.isOSBinFormatELF() &&
         triple.isArch64Bit();
}

llvm::StringRef getSupportBitcode(const llvm::Triple &triple) {
  if (isSupported(triple, llvm::Triple::x86_64))
    return asText(support::x86_64, support::x86_64_size);
  if (isSupported(triple, llvm::Triple::aarch64))
    return asText(support::aarch64, support::aarch64_size);
  return {};
}

llvm::StringRef getSoftHalfBitcode(const llvm::Triple &triple) {
  if (isSupported(triple, llvm::Triple::x86_64))
    return asText(support::x86_64_soft_half, support::x86_64_soft_half_size);
  return {};
}

static bool declares(const llvm::Module &module, llvm::StringRef name) {
  const llvm::GlobalValue *value = module.getNamedValue(name);
  return value && value->isDeclaration();
}

/// The list of spans, empty for a module that is not traced.
static llvm::StringRef getSpansBitcode(const llvm::Module &module) {
  if (!declares(module, "effattn_record_span"))
    return {};
  return isSupported(module.getTargetTriple(), llvm::Triple::x86_64)
             ? asText(support::x86_64_spans, support::x86_64_spans_size)
             : asText(support::aarch64_spans, support::aarch64_spans_size);
}

/// The code of the device that the module's functions compute on, empty for the
/// host.
static llvm::StringRef getDeviceBitcode(const llvm::Module &module) {
  bool isX86 = isSupported(module.getTargetTriple(), llvm::Triple::x86_64);
  if (declares(module, "effattn_cuda"))
    return isX86 ? asText(support::x86_64_cuda, support::x86_64_cuda_size)
                 : asText(support::aarch64_cuda, support::aarch64_cuda_size);
  if (declares(module, "effattn_emulator"))
    return isX86
               ? asText(support::x86_64_emulator, support::x86_64_emulator_size)
               : asText(support::aarch64_emulator,
                        support::aarch64_emulator_size);
  return {};
}

/// Links the bitcode into the module and adds the names that it defines for
/// others to `names`.
static llvm::Error link(llvm::Module &module, llvm::StringRef bitcode,
                        llvm::SmallVectorImpl<std::string> &names) {
  auto parsed = llvm::parseBitcodeFile(
      llvm::MemoryBufferRef(bitcode, "effattn support code"),
      module.getContext());
  if (!parsed)
    return parsed.takeError();
  // The same target under another spelling would draw a warning.
  (*parsed)->setTargetTriple(module.getTargetTriple());
  (*parsed)->setDataLayout(module.getDataLayout());
  for (llvm::GlobalValue &value : (*parsed)->global_values())
    if (!value.isDeclaration() && value.hasExternalLinkage())
      names.push_back(value.getName().str());
  if (llvm::Linker::linkModules(module, std::move(*parsed)))
    return llvm::createStringError("cannot link the support code");
  return llvm::Error::success();
}

static void makeInternal(llvm::Module &module,
                         llvm::ArrayRef<std::string> names) {
  for (const std::string &name : names) {
    llvm::GlobalValue *value = module.getNamedValue(name);
    value->setVisibility(llvm::GlobalValue::DefaultVisibility);
    value->setLinkage(llvm::GlobalValue::InternalLinkage);
  }
}

static bool isHalf(llvm::Type *type) {
  return type->getScalarType()->isHalfTy() ||
         type->getScalarType()->isBFloatTy();
}

static bool usesHalf(const llvm::Module &module) {
  for (const llvm::Function &function : module)
    for (const llvm::Instruction &instruction : llvm::instructions(function)) {
      if (isHalf(instruction.getType()))
        return true;
      for (const llvm::Use &operand : instruction.operands())
        if (isHalf(operand->getType()))
          return true;
    }
  return false;
}

llvm::Error linkSupportCode(llvm::Module &module) {
  const llvm::Triple &triple = module.getTargetTriple();
  llvm::StringRef support = getSupportBitcode(triple);
  if (support.empty())
    return llvm::createStringError("objects for " + triple.str() +
                                   " are not supported: x86-64 and AArch64 "
                                   "with ELF are");
  llvm::StringRef softHalf = getSoftHalfBitcode(triple);
  // The names of the conversions belong to the code generator: not internal.
  llvm::SmallVector<std::string> shared, own;
  if (!softHalf.empty() && usesHalf(module))
    if (llvm::Error error = link(module, softHalf, shared))
      return error;
  if (llvm::StringRef device = getDeviceBitcode(module); !device.empty())
    if (llvm::Error error = link(module, device, own))
      return error;
  if (llvm::StringRef spans = getSpansBitcode(module); !spans.empty())
    if (llvm::Error error = link(module, spans, own))
      return error;
  if (llvm::Error error = link(module, support, own))
    return error;
  makeInternal(module, own);
  return llvm::Error::success();
}

llvm::Error linkDeviceMath(llvm::Module &module) {
  llvm::SmallVector<std::string> names;
  if (llvm::Error error = link(
          module, asText(support::nvptx_math, support::nvptx_math_size), names))
    return error;
  makeInternal(module, names);
  return llvm::Error::success();
}

} // namespace mlir::effattn
