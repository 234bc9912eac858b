//===- @TARGET@.cpp - The dialect @DIALECT@ as a plugin of effattn-opt ----===//
@INCLUDES@

using namespace mlir;
using namespace mlir::effattn;
using namespace @DIALECT@;

#include "@TARGET@OpsDialect.cpp.inc"
#define GET_OP_CLASSES
#include "@TARGET@Ops.cpp.inc"

void @TARGET@Dialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "@TARGET@Ops.cpp.inc"
      >();
}

@CODE@

/// What `--load-dialect-plugin` looks for.
extern "C" LLVM_ATTRIBUTE_WEAK DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "@TARGET@", "0.1",
          [](DialectRegistry *registry) {
            registry->insert<@TARGET@Dialect>();
          }};
}

/// What `--load-pass-plugin` looks for.
extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "@TARGET@", "0.1", [] {@PASSES@}};
}
