//===- BytecodeVersion.cpp - The version of the dialect in bytecode -------===//
#include "BytecodeVersion.h"

#include "mlir/Bytecode/BytecodeImplementation.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Grows when files of the version before no longer mean the same. That change
/// also adds `upgradeFromVersion` to the interface, and a file of the new
/// version to test/Dialect/Inputs.
constexpr uint64_t kVersion = 1;

struct VersionInterface : BytecodeDialectInterface {
  explicit VersionInterface(Dialect *dialect)
      : BytecodeDialectInterface(dialect) {}

  void writeVersion(DialectBytecodeWriter &writer) const override {
    writer.writeVarInt(kVersion);
  }

  std::unique_ptr<DialectVersion>
  readVersion(DialectBytecodeReader &reader) const override {
    uint64_t number;
    if (failed(reader.readVarInt(number)))
      return nullptr;
    if (number <= kVersion)
      return std::make_unique<DialectVersion>();
    reader.emitError("expected at most version ")
        << kVersion << " of the dialect effattn, but got " << number
        << ": the file was written by a newer effattn";
    return nullptr;
  }
};
} // namespace

void effattn::addBytecodeVersion(EffAttnDialect &dialect) {
  dialect.addInterfaces<VersionInterface>();
}
