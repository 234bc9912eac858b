//===- KernelReport.cpp - What can be said of a kernel without a GPU ------===//
#include "effattn/Target/KernelReport.h"
#include "GpuModel.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

llvm::StringMap<LaunchShape> effattn::collectLaunchShapes(ModuleOp module) {
  auto read = [](Value value) {
    return value ? getConstantIntValue(value).value_or(0) : 0;
  };
  llvm::StringMap<LaunchShape> shapes;
  module.walk([&](gpu::LaunchFuncOp launch) {
    gpu::KernelDim3 block = launch.getBlockSizeOperandValues();
    shapes[launch.getKernelName().getValue()] = {
        read(block.x) * read(block.y) * read(block.z),
        read(launch.getDynamicSharedMemorySize())};
  });
  return shapes;
}

//===----------------------------------------------------------------------===//
// Listings
//===----------------------------------------------------------------------===//

namespace {
/// A listing of one kernel: its instructions, and the loops among them.
struct Listing {
  std::string name;
  struct Instruction {
    std::string text;
    /// The label it may jump to.
    std::string target;
  };
  std::vector<Instruction> instructions;
  llvm::StringMap<size_t> labels;

  /// Pairs of the first and the last instruction: every jump back.
  std::vector<std::pair<size_t, size_t>> loops() const;
};
} // namespace

std::vector<std::pair<size_t, size_t>> Listing::loops() const {
  std::vector<std::pair<size_t, size_t>> found;
  for (auto [number, instruction] : llvm::enumerate(instructions)) {
    auto label = labels.find(instruction.target);
    // A kernel ends in a jump to itself.
    if (label != labels.end() && label->second < number)
      found.push_back({label->second, number});
  }
  return found;
}

/// An instruction of PTX, `@%p bra $L1;`, which may be several lines.
static Listing::Instruction readPtxInstruction(llvm::StringRef text) {
  auto isSpace = [](char c) { return c == ' ' || c == '\t'; };
  if (text.starts_with("@"))
    text = text.drop_until(isSpace).trim();
  text = text.trim(" ;");
  bool isJump = text.starts_with("bra");
  llvm::StringRef target =
      isJump ? text.drop_until(isSpace).trim() : llvm::StringRef();
  return {text.str(), target.str()};
}

/// Kernels of PTX: labels `$L1:`, instructions that end with a semicolon.
static std::vector<Listing> readPtx(llvm::StringRef text) {
  std::vector<Listing> kernels;
  bool isInside = false;
  std::string instruction;
  llvm::SmallVector<llvm::StringRef> lines;
  text.split(lines, '\n');
  for (llvm::StringRef line : lines) {
    line = line.trim();
    if (line.consume_front(".visible .entry ")) {
      kernels.emplace_back().name =
          line.take_until([](char c) { return c == '('; });
      continue;
    }
    if (line == "{" && instruction.empty())
      isInside = !kernels.empty();
    if (line == "}")
      isInside = false;
    bool isInstruction =
        !instruction.empty() ||
        !(line.empty() || llvm::is_contained(".{}/$", line.front()));
    if (isInside && line.starts_with("$") && line.ends_with(":"))
      kernels.back().labels[line.drop_back()] =
          kernels.back().instructions.size();
    if (!isInside || !isInstruction)
      continue;
    instruction += line.str() + " ";
    if (!line.ends_with(";"))
      continue;
    kernels.back().instructions.push_back(readPtxInstruction(instruction));
    instruction.clear();
  }
  return kernels;
}

/// Kernels as nvdisasm prints them: labels `.L_x_1:`, instructions
/// `/*0010*/ @P0 BRA `(.L_x_1) ;`.
static std::vector<Listing> readDisassembly(llvm::StringRef text) {
  std::vector<Listing> kernels;
  llvm::Regex label("^(\\.L_x_[0-9]+):"),
      instruction("^/\\*[0-9a-f]+\\*/ +(@!?U?P[0-9T]+ +)?(.*[^ ]) *;"),
      jump("BRA.*`\\((\\.L_x_[0-9]+)\\)");
  llvm::SmallVector<llvm::StringRef> lines, found;
  text.split(lines, '\n');
  for (llvm::StringRef line : lines) {
    line = line.trim();
    if (line.consume_front(".text.")) {
      kernels.emplace_back().name = line.rtrim(':');
      continue;
    }
    if (kernels.empty())
      continue;
    Listing &kernel = kernels.back();
    if (label.match(line, &found))
      kernel.labels[found[1]] = kernel.instructions.size();
    if (!instruction.match(line, &found))
      continue;
    std::string body = found[2].str();
    llvm::StringRef target = jump.match(body, &found) ? found[1] : "";
    kernel.instructions.push_back({body, target.str()});
  }
  return kernels;
}

//===----------------------------------------------------------------------===//
// Counting
//===----------------------------------------------------------------------===//

/// m, n and k of a product of matrices, and where its multiply-adds count.
static void countTensor(InstructionCounts &counts, llvm::StringRef shape,
                        unsigned kind) {
  llvm::SmallVector<llvm::StringRef> found;
  uint64_t product = 1;
  static const llvm::Regex ptx("m([0-9]+)n([0-9]+)k([0-9]+)");
  if (ptx.match(shape, &found)) {
    for (llvm::StringRef size : llvm::drop_begin(found))
      product *= std::stoull(size.str());
  } else if (llvm::Regex("\\.(16)(8)([0-9]+)").match(shape, &found)) {
    // HMMA.16816, IMMA.16832: m, n and k in one number.
    product = uint64_t(16) * 8 * std::stoull(found[3].str());
  }
  ++counts.tensor;
  counts.tensorMulAdds[kind] += product;
}

/// Bytes of an access: as many values as .v2 or .v4 says, of the type's bits.
static unsigned getPtxBytes(llvm::StringRef opcode) {
  unsigned count = opcode.contains(".v4")   ? 4
                   : opcode.contains(".v2") ? 2
                   : opcode.contains(".v8") ? 8
                                            : 1;
  llvm::StringRef type = opcode.rsplit('.').second;
  unsigned bits = 0;
  if (type.drop_front().getAsInteger(10, bits))
    return 0;
  return count * bits / 8;
}

static void countPtx(InstructionCounts &counts, llvm::StringRef text) {
  llvm::StringRef opcode =
      text.take_until([](char c) { return c == ' ' || c == '\t'; });
  auto starts = [&](llvm::StringRef prefix) {
    return opcode.starts_with(prefix);
  };
  ++counts.all;
  if (starts("mma.")) {
    unsigned kind = opcode.contains(".tf32") ? 1
                    : opcode.contains(".s8") ? 2
                                             : 0;
    countTensor(counts, opcode, kind);
  } else if (starts("ldmatrix")) {
    ++counts.matrixLoads;
  } else if (starts("cp.async.ca") || starts("cp.async.cg")) {
    ++counts.asyncCopies;
    // cp.async.cg.shared.global [to], [from], bytes, given;
    llvm::SmallVector<llvm::StringRef> operands;
    text.split(operands, ',');
    unsigned bytes = 0;
    if (operands.size() > 2)
      operands[2].trim().getAsInteger(10, bytes);
    counts.globalBytes += bytes;
  } else if (starts("ld.global") || starts("ld.b") || starts("ld.v")) {
    ++counts.globalLoads;
    counts.globalBytes += getPtxBytes(opcode);
  } else if (starts("st.global")) {
    ++counts.globalStores;
  } else if (starts("ld.shared") || starts("st.shared")) {
    ++counts.shared;
  } else if (starts("bar") || starts("barrier")) {
    ++counts.barriers;
  } else if (starts("ex2") || starts("lg2") || starts("rcp.approx") ||
             starts("rsqrt") || starts("sin") || starts("cos")) {
    ++counts.special;
  } else if (opcode.ends_with(".f64")) {
    ++counts.doubles;
  } else if (opcode.ends_with(".f32") && !starts("mov")) {
    ++counts.floats;
  }
}

static void countSass(InstructionCounts &counts, llvm::StringRef text) {
  llvm::StringRef opcode = text.take_until([](char c) { return c == ' '; });
  llvm::StringRef name = opcode.split('.').first;
  ++counts.all;
  // Without a width, 32 bits.
  unsigned bytes = opcode.contains(".128")                              ? 16
                   : opcode.contains(".64")                             ? 8
                   : opcode.contains(".U16") || opcode.contains(".S16") ? 2
                   : opcode.contains(".U8") || opcode.contains(".S8")   ? 1
                                                                        : 4;
  if (name == "HMMA" || name == "IMMA") {
    unsigned kind = name == "IMMA" ? 2 : opcode.contains("TF32") ? 1 : 0;
    countTensor(counts, opcode, kind);
  } else if (name == "LDSM") {
    ++counts.matrixLoads;
  } else if (name == "LDGSTS") {
    ++counts.asyncCopies;
    counts.globalBytes += bytes;
  } else if (name == "LDG") {
    ++counts.globalLoads;
    counts.globalBytes += bytes;
  } else if (name == "STG") {
    ++counts.globalStores;
  } else if (name == "LDS" || name == "STS") {
    ++counts.shared;
  } else if (name == "BAR") {
    ++counts.barriers;
  } else if (name == "MUFU") {
    ++counts.special;
  } else if (name == "DFMA" || name == "DADD" || name == "DMUL" ||
             name == "DSETP") {
    ++counts.doubles;
  } else if (name == "FFMA" || name == "FADD" || name == "FMUL" ||
             name == "FMNMX" || name == "FSETP" || name == "FSEL") {
    ++counts.floats;
  }
}

using Count = void(InstructionCounts &, llvm::StringRef);

static InstructionCounts count(const Listing &kernel, size_t first, size_t last,
                               Count *countOne) {
  InstructionCounts counts;
  for (size_t i = first; i < last; ++i)
    countOne(counts, kernel.instructions[i].text);
  return counts;
}

static void describe(KernelReport &report, const Listing &kernel,
                     Count *countOne) {
  report.whole = count(kernel, 0, kernel.instructions.size(), countOne);
  report.loop = InstructionCounts();
  auto loops = kernel.loops();
  auto isInner = [&](std::pair<size_t, size_t> loop) {
    return llvm::none_of(loops, [&](std::pair<size_t, size_t> other) {
      return other != loop && other.first >= loop.first &&
             other.second <= loop.second;
    });
  };
  for (auto loop : loops) {
    InstructionCounts counts =
        count(kernel, loop.first, loop.second + 1, countOne);
    auto rank = [](const InstructionCounts &counts) {
      return std::make_pair(counts.tensor, counts.all);
    };
    // Of loops with as many products, the smallest: it is inside the others.
    bool hasMore = counts.tensor > report.loop.tensor;
    bool isSmaller = counts.tensor > 0 && counts.tensor == report.loop.tensor &&
                     counts.all < report.loop.all;
    bool isLarger = counts.tensor == 0 && report.loop.tensor == 0 &&
                    isInner(loop) && rank(counts) > rank(report.loop);
    if (hasMore || isSmaller || isLarger)
      report.loop = counts;
  }
}

std::vector<KernelReport>
effattn::describeKernels(llvm::StringRef ptx,
                         const llvm::StringMap<LaunchShape> &launches) {
  std::vector<KernelReport> reports;
  for (const Listing &kernel : readPtx(ptx)) {
    KernelReport &report = reports.emplace_back();
    report.resources.name = kernel.name;
    LaunchShape launch = launches.lookup(kernel.name);
    report.threads = launch.threads;
    report.dynamicBytes = launch.dynamicBytes;
    describe(report, kernel, countPtx);
  }
  return reports;
}

void effattn::describeMachineCode(std::vector<KernelReport> &kernels,
                                  llvm::ArrayRef<KernelResources> resources,
                                  llvm::StringRef disassembly) {
  std::vector<Listing> listings = readDisassembly(disassembly);
  for (KernelReport &report : kernels) {
    for (const KernelResources &known : resources)
      if (known.name == report.resources.name) {
        report.resources = known;
        report.isAssembled = true;
      }
    for (const Listing &kernel : listings)
      if (kernel.name == report.resources.name) {
        describe(report, kernel, countSass);
        report.isMachineCode = true;
      }
  }
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

static void printResources(llvm::raw_ostream &os,
                           llvm::ArrayRef<KernelReport> kernels, size_t width,
                           llvm::StringRef gpu) {
  Multiprocessor machine = getMultiprocessor(gpu);
  os << llvm::left_justify("kernel", width)
     << "  registers  spilled  stack  shared  dynamic  threads  blocks"
        "  occupancy (bytes; on a multiprocessor of "
     << gpu << ")\n";
  for (const KernelReport &kernel : kernels) {
    unsigned blocks = countBlocks(machine, kernel);
    double occupancy = 100.0 * blocks * kernel.threads / machine.threads;
    const KernelResources &known = kernel.resources;
    os << llvm::left_justify(known.name, width)
       << llvm::format("  %9u  %7u  %5u  %6u  %7lld  %7lld  %6u  %8.0f%%\n",
                       known.registers, known.spillBytes, known.stackBytes,
                       known.sharedBytes, (long long)kernel.dynamicBytes,
                       (long long)kernel.threads, blocks, occupancy);
  }
}

static void printLoops(llvm::raw_ostream &os,
                       llvm::ArrayRef<KernelReport> kernels, size_t width) {
  os << llvm::left_justify("main loop", width)
     << "  instructions  mma  ldmatrix  cp.async  loads  stores  shared"
        "  barriers  floats  special  kernel  in\n";
  for (const KernelReport &kernel : kernels) {
    const InstructionCounts &loop = kernel.loop;
    os << llvm::left_justify(kernel.resources.name, width)
       << llvm::format(
              "  %12u  %3u  %8u  %8u  %5u  %6u  %6u  %8u  %6u  %7u  %6u  %s\n",
              loop.all, loop.tensor, loop.matrixLoads, loop.asyncCopies,
              loop.globalLoads, loop.globalStores, loop.shared, loop.barriers,
              loop.floats + loop.doubles, loop.special, kernel.whole.all,
              kernel.isMachineCode ? "SASS" : "PTX");
  }
}

/// Clocks of a warp in one iteration of the main loop, were nothing else in its
/// way, and which of them bounds it.
static void printBounds(llvm::raw_ostream &os,
                        llvm::ArrayRef<KernelReport> kernels, size_t width) {
  os << llvm::left_justify("clocks of an iteration", width)
     << "  GPU   issue  tensor  arithmetic  special  memory  bound\n";
  for (const KernelReport &kernel : kernels) {
    if (kernel.loop.all == 0)
      continue;
    for (const GpuRates &gpu : getKnownRates()) {
      Clocks clocks = predict(gpu, kernel.loop);
      os << llvm::left_justify(kernel.resources.name, width)
         << llvm::format("  %s  %5.0f  %6.0f  %10.0f  %7.0f  %6.0f  %s\n",
                         gpu.name, clocks.issue, clocks.tensor,
                         clocks.arithmetic, clocks.special, clocks.cache,
                         clocks.bound());
    }
  }
}

void effattn::printKernels(llvm::raw_ostream &os,
                           llvm::ArrayRef<KernelReport> kernels,
                           llvm::StringRef gpu) {
  if (kernels.empty())
    return;
  size_t width = llvm::StringRef("clocks of an iteration").size();
  for (const KernelReport &kernel : kernels)
    width = std::max(width, kernel.resources.name.size());
  if (llvm::any_of(kernels, [](auto &kernel) { return kernel.isAssembled; }))
    printResources(os, kernels, width, gpu);
  printLoops(os, kernels, width);
  printBounds(os, kernels, width);
}
