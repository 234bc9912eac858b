//===- GpuModel.cpp - What GPUs can do in a clock -------------------------===//
#include "GpuModel.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <array>

using namespace mlir;
using namespace mlir::effattn;

static constexpr unsigned kWarp = 32;
/// Registers of a multiprocessor, the parts it has, and what a warp gets at
/// once. The same from sm_80 to sm_120.
static constexpr unsigned kRegisters = 65536, kParts = 4, kRegisterUnit = 256;
/// Shared memory that the system keeps for each block, and its unit.
static constexpr unsigned kReservedShared = 1024, kSharedUnit = 128;

Multiprocessor effattn::getMultiprocessor(llvm::StringRef gpu) {
  llvm::StringRef number =
      gpu.drop_while([](char c) { return !llvm::isDigit(c); });
  number = number.take_while([](char c) { return llvm::isDigit(c); });
  // CUDA C++ Programming Guide, "Technical Specifications per Compute
  // Capability".
  constexpr unsigned kKib = 1024;
  return llvm::StringSwitch<Multiprocessor>(number)
      .Case("86", {1536, 16, 100 * kKib})
      .Case("87", {1536, 16, 164 * kKib})
      .Case("89", {1536, 24, 100 * kKib})
      .Cases({"90", "100", "103"}, {2048, 32, 228 * kKib})
      .Cases({"120", "121"}, {1536, 24, 100 * kKib})
      .Default({2048, 32, 164 * kKib});
}

unsigned effattn::countBlocks(const Multiprocessor &machine,
                              const KernelReport &kernel) {
  unsigned warps =
      llvm::divideCeil(std::max<int64_t>(kernel.threads, 1), kWarp);
  uint64_t perWarp =
      llvm::alignTo(std::max(kernel.resources.registers, 1u) * uint64_t(kWarp),
                    kRegisterUnit);
  uint64_t shared = llvm::alignTo(kernel.resources.sharedBytes +
                                      kernel.dynamicBytes + kReservedShared,
                                  kSharedUnit);
  uint64_t warpsByRegisters = kRegisters / kParts / perWarp * kParts;
  return std::min<uint64_t>(
      {warpsByRegisters / warps, machine.sharedBytes / shared,
       machine.threads / (warps * kWarp), machine.blocks});
}

llvm::ArrayRef<GpuRates> effattn::getKnownRates() {
  // A100 (108 multiprocessors; 5120 bytes a clock from its second-level cache)
  // and H100 SXM (132; of its cache the figure of the A100, for want of a
  // published one), dense products.
  static constexpr double kCache = 5120;
  static const GpuRates rates[] = {
      {"A100", {256, 128, 512}, 16, 8, 4, kCache / 108 / kParts},
      {"H100", {512, 256, 1024}, 32, 16, 4, kCache / 132 / kParts},
  };
  return rates;
}

Clocks effattn::predict(const GpuRates &gpu, const InstructionCounts &counts) {
  double tensor = 0;
  for (auto [mulAdds, rate] : llvm::zip(counts.tensorMulAdds, gpu.tensor))
    tensor += mulAdds / rate;
  return {double(counts.all), tensor,
          counts.floats * kWarp / gpu.floats +
              counts.doubles * kWarp / gpu.doubles,
          counts.special * kWarp / gpu.special,
          counts.globalBytes * kWarp / gpu.cacheBytes};
}

static std::array<std::pair<double, const char *>, 5>
getParts(const Clocks &clocks) {
  return {{{clocks.issue, "issue"},
           {clocks.tensor, "tensor"},
           {clocks.arithmetic, "arithmetic"},
           {clocks.special, "special"},
           {clocks.cache, "memory"}}};
}

const char *Clocks::bound() const {
  auto parts = getParts(*this);
  return std::max_element(parts.begin(), parts.end(),
                          [](const auto &left, const auto &right) {
                            return left.first < right.first;
                          })
      ->second;
}
