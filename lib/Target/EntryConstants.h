//===- EntryConstants.h - The tables that the support code reads ----------===//
#ifndef EFFATTN_LIB_TARGET_ENTRYCONSTANTS_H
#define EFFATTN_LIB_TARGET_ENTRYCONSTANTS_H

#include "effattn/Target/Signature.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::effattn {

/// The device of lib/Runtime/Cuda.
inline constexpr llvm::StringLiteral kCudaDevice = "effattn_cuda";

/// Emits constants with the layouts of lib/Runtime/Support/Support.h: what one
/// says the other must say.
class EntryConstants {
public:
  explicit EntryConstants(ModuleOp module);

  /// `struct EffattnCpuFeature[]` for those of the names that are features.
  void setCpuFeatures(llvm::ArrayRef<std::string> names);
  bool hasCpuFeatures() const { return featureCount != 0; }
  /// Functions compute in the memory of a device, `struct EffattnDevice`.
  void setDevice(llvm::StringRef name);
  /// Whether that device queues work on streams.
  bool hasStreams() { return device && device.getName() == kCudaDevice; }

  /// `struct EffattnFunction`; `sizes` may be null.
  LLVM::GlobalOp emitFunction(const Signature &signature,
                              LLVM::LLVMFuncOp compute, LLVM::LLVMFuncOp sizes);
  /// An exported string.
  void emitText(llvm::StringRef name, llvm::StringRef text);

private:
  using Body = llvm::function_ref<Value(OpBuilder &)>;
  LLVM::GlobalOp emitConstant(llvm::StringRef name, Type type, Body body);
  LLVM::GlobalOp getText(llvm::StringRef text);
  LLVM::GlobalOp emitArguments(llvm::StringRef name,
                               llvm::ArrayRef<SignatureArgument> arguments);
  LLVM::GlobalOp emitSizes(llvm::StringRef name,
                           const SignatureArgument &argument);
  LLVM::GlobalOp emitSymbols(const Signature &signature);
  Value integer(OpBuilder &b, Type type, int64_t value);
  Value address(OpBuilder &b, Operation *global);
  Value record(OpBuilder &b, LLVM::LLVMStructType type, ValueRange fields);
  Value list(OpBuilder &b, Type type, ValueRange elements);

  ModuleOp module;
  Location loc;
  OpBuilder builder;
  Type pointer, i8, i32, i64;
  llvm::StringMap<LLVM::GlobalOp> texts;
  LLVM::GlobalOp features, device;
  int64_t featureCount = 0;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TARGET_ENTRYCONSTANTS_H
