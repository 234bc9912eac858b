//===- Machine.cpp - The machine that code is generated for ---------------===//
#include "effattn/Target/Machine.h"
#include "X86Features.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include <mutex>
#include <unistd.h>

using namespace mlir::effattn;

static llvm::Error refuse(const llvm::Twine &sentence) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), sentence);
}

static void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers(); // inline assembly
  });
}

static llvm::Triple getHostTriple() {
  return llvm::Triple(llvm::sys::getDefaultTargetTriple());
}

static llvm::Expected<const llvm::Target *>
lookUpTarget(const llvm::Triple &triple) {
  initializeTargets();
  bool known = triple.getArch() == llvm::Triple::x86_64 ||
               triple.getArch() == llvm::Triple::aarch64;
  if (!known || !triple.isOSBinFormatELF())
    return refuse("cannot compile for the triple '" + triple.str() +
                  "': expected x86_64 or aarch64 and objects in ELF, such as "
                  "x86_64-linux-gnu or aarch64-linux-gnu");
  std::string reason;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, reason);
  if (!target)
    return refuse("this LLVM has no code generator for the triple '" +
                  triple.str() + "'");
  return target;
}

/// An empty name and no features: only what is asked about CPUs in general.
static std::unique_ptr<llvm::MCSubtargetInfo>
createSubtargetInfo(const llvm::Target &target, const llvm::Triple &triple) {
  return std::unique_ptr<llvm::MCSubtargetInfo>(
      target.createMCSubtargetInfo(triple, "", ""));
}

/// The known name nearest to one that was not, or an empty one.
static llvm::StringRef findSimilarCpu(const llvm::MCSubtargetInfo &info,
                                      llvm::StringRef cpu) {
  llvm::StringRef nearest;
  unsigned least = 3; // beyond it, a hint puzzles more than it helps
  for (const llvm::SubtargetSubTypeKV &known :
       info.getAllProcessorDescriptions()) {
    unsigned distance = cpu.edit_distance(known.Key, true, least);
    if (distance >= least)
      continue;
    least = distance;
    nearest = known.Key;
  }
  return nearest;
}

static std::string getHostFeatures() {
  llvm::SubtargetFeatures features;
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    features.AddFeature(feature.first(), feature.second);
  return features.getString();
}

static llvm::Error checkCpu(const llvm::Target &target,
                            const llvm::Triple &triple, llvm::StringRef cpu) {
  auto info = createSubtargetInfo(target, triple);
  if (info->isCPUStringValid(cpu))
    return llvm::Error::success();
  llvm::StringRef similar = findSimilarCpu(*info, cpu);
  return refuse(
      "unknown CPU '" + cpu + "' for " + triple.getArchName() + ": " +
      (similar.empty() ? "" : "did you mean '" + similar.str() + "'? ") +
      "--cpu=help lists the names");
}

/// Every machine of the architecture runs its code.
static llvm::StringRef getBaselineCpu(const llvm::Triple &triple) {
  return triple.getArch() == llvm::Triple::x86_64 ? "x86-64" : "generic";
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
mlir::effattn::createMachine(const MachineOptions &options) {
  llvm::Triple host = getHostTriple(), triple = host;
  if (!options.triple.empty())
    triple = llvm::Triple(llvm::Triple::normalize(options.triple));
  auto target = lookUpTarget(triple);
  if (!target)
    return target.takeError();

  bool sameArchitecture = triple.getArch() == host.getArch();
  std::string cpu = options.cpu, features;
  if (cpu.empty())
    cpu = sameArchitecture ? "native" : getBaselineCpu(triple).str();
  if (cpu == "native") {
    if (!sameArchitecture)
      return refuse("--cpu=native means this machine's " + host.getArchName() +
                    ", but the triple is '" + triple.str() +
                    "': name a CPU of " + triple.getArchName());
    cpu = llvm::sys::getHostCPUName();
    features = getHostFeatures();
  } else if (llvm::Error error = checkCpu(**target, triple, cpu)) {
    return error;
  }

  // Position independent always: the same object serves programs and shared
  // libraries.
  std::unique_ptr<llvm::TargetMachine> machine((*target)->createTargetMachine(
      triple, cpu, features, llvm::TargetOptions(), llvm::Reloc::PIC_,
      std::nullopt, *llvm::CodeGenOpt::getLevel(options.optimization)));
  if (!machine)
    return refuse("this LLVM cannot generate code for the triple '" +
                  triple.str() + "'");
  return machine;
}

bool mlir::effattn::isForHost(const MachineOptions &options) {
  llvm::Triple triple = getHostTriple();
  if (!options.triple.empty())
    triple = llvm::Triple(llvm::Triple::normalize(options.triple));
  return triple.getArch() == getHostTriple().getArch() &&
         (options.cpu.empty() || options.cpu == "native");
}

std::pair<int64_t, int64_t> mlir::effattn::getHostCaches() {
  // glibc's names; other systems get the defaults of the cost model.
#ifdef _SC_LEVEL1_DCACHE_SIZE
  auto ask = [](int name) { return std::max<int64_t>(sysconf(name), 0); };
  return {ask(_SC_LEVEL1_DCACHE_SIZE), ask(_SC_LEVEL2_CACHE_SIZE)};
#else
  return {0, 0};
#endif
}

std::vector<std::string>
mlir::effattn::getRequiredFeatures(const llvm::TargetMachine &machine) {
  llvm::StringSet<> enabled;
  for (const llvm::SubtargetFeatureKV &feature :
       machine.getMCSubtargetInfo()->getEnabledProcessorFeatures())
    enabled.insert(feature.Key);
  std::vector<std::string> names;
  if (machine.getTargetTriple().getArch() == llvm::Triple::x86_64)
    for (const X86Feature &feature : getX86Features())
      if (enabled.contains(feature.name))
        names.push_back(feature.name.str());
  return names;
}

llvm::Expected<std::vector<std::string>>
mlir::effattn::getCpuNames(llvm::StringRef tripleName) {
  llvm::Triple triple = getHostTriple();
  if (!tripleName.empty())
    triple = llvm::Triple(llvm::Triple::normalize(tripleName));
  auto target = lookUpTarget(triple);
  if (!target)
    return target.takeError();
  std::vector<std::string> names;
  auto info = createSubtargetInfo(**target, triple);
  for (const llvm::SubtargetSubTypeKV &known :
       info->getAllProcessorDescriptions())
    names.push_back(known.Key);
  return names;
}
