//===- Plugin.cpp - The dialect and its passes for mlir-opt ---------------===//
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Pipelines/Pipelines.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

using namespace mlir;

// A tool of effattn has a copy of everything: the plugin's would be another
// dialect of the same name.

/// What `--load-dialect-plugin` looks for.
extern "C" LLVM_ATTRIBUTE_WEAK DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "EffAttn", EFFATTN_VERSION,
          [](DialectRegistry *registry) {
            StringRef name = effattn::EffAttnDialect::getDialectNamespace();
            if (!registry->getDialectAllocator(name))
              effattn::registerDialect(*registry);
          }};
}

/// What `--load-pass-plugin` looks for.
extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "EffAttn", EFFATTN_VERSION, [] {
            if (!PassPipelineInfo::lookup("effattn-cpu-pipeline"))
              effattn::registerPasses();
          }};
}
