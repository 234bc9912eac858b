//===- Machine.h - The machine that code is generated for -----------------===//
#ifndef EFFATTN_TARGET_MACHINE_H
#define EFFATTN_TARGET_MACHINE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>
#include <string>
#include <vector>

namespace mlir::effattn {

struct MachineOptions {
  /// The machine this program runs on when empty.
  std::string triple;
  /// `native`, a name LLVM knows, or empty: native when the triple's
  /// architecture is the one of this machine, else its baseline.
  std::string cpu;
  /// 0 to 3.
  unsigned optimization = 3;
};

/// Fails with one sentence when the triple or the CPU is unknown.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createMachine(const MachineOptions &options);

/// The features of the machine that code may use and the entries check before
/// they run it, by LLVM's names.
std::vector<std::string>
getRequiredFeatures(const llvm::TargetMachine &machine);

/// Bytes of the first- and the second-level cache of a core of this machine; 0
/// where the system does not say.
std::pair<int64_t, int64_t> getHostCaches();

/// Whether `options` ask for code for this very machine.
bool isForHost(const MachineOptions &options);

/// The names that `cpu` may have for a triple.
llvm::Expected<std::vector<std::string>> getCpuNames(llvm::StringRef triple);

} // namespace mlir::effattn

#endif // EFFATTN_TARGET_MACHINE_H
