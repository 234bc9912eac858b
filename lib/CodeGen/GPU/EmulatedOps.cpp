//===- EmulatedOps.cpp - What the emulator has instructions for -----------===//
#include "EmulatedOps.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::effattn;

using Instruction = std::optional<EmulatedInstruction>;

static EmulatedInstruction describe(Operation *op, StringRef function,
                                    int64_t details = 0) {
  return {function, details, llvm::to_vector(op->getOperands())};
}

bool effattn::needsEmulation(Operation *op) {
  if (auto call = dyn_cast<LLVM::CallIntrinsicOp>(op))
    return call.getIntrin().starts_with("llvm.nvvm.");
  return isa<NVVM::NVVMDialect>(op->getDialect()) || isa<LLVM::InlineAsmOp>(op);
}

//===----------------------------------------------------------------------===//
// By name
//===----------------------------------------------------------------------===//

namespace {
/// An instruction of PTX that has an intrinsic of LLVM, too, and becomes this
/// function of the emulator.
struct NamedInstruction {
  StringLiteral name, function;
  int64_t details = 0;
};
} // namespace

// As in lib/Runtime/Emulator/Arithmetic.c.
static constexpr int64_t kFlush = 1, kLeftSigned = 1, kRightSigned = 2;

static constexpr NamedInstruction namedInstructions[] = {
    {"ex2.approx.f32", "effattn_emulated_exp2"},
    {"ex2.approx.ftz.f32", "effattn_emulated_exp2", kFlush},
    {"lg2.approx.f32", "effattn_emulated_log2"},
    {"lg2.approx.ftz.f32", "effattn_emulated_log2", kFlush},
    {"tanh.approx.f32", "effattn_emulated_tanh"},
    {"rcp.rn.f32", "effattn_emulated_reciprocal"},
    {"rcp.approx.ftz.f32", "effattn_emulated_reciprocal", kFlush},
    {"rsqrt.approx.f32", "effattn_emulated_reciprocal_root"},
    {"rsqrt.approx.ftz.f32", "effattn_emulated_reciprocal_root", kFlush},
    {"sqrt.approx.f32", "effattn_emulated_root"},
    {"sqrt.approx.ftz.f32", "effattn_emulated_root", kFlush},
    {"sqrt.rn.f32", "effattn_emulated_root"},
    {"fmax.f32", "effattn_emulated_maximum"},
    {"fmax.ftz.f32", "effattn_emulated_maximum", kFlush},
    {"fmin.f32", "effattn_emulated_minimum"},
    {"fmin.ftz.f32", "effattn_emulated_minimum", kFlush},
    {"fma.rn.f32", "effattn_emulated_multiply_add"},
    {"fma.rn.ftz.f32", "effattn_emulated_multiply_add", kFlush},
    {"f2tf32.rna", "effattn_emulated_round_to_tf32",
     int64_t(NVVM::FPRoundingMode::RNA)},
    {"f2tf32.rn", "effattn_emulated_round_to_tf32",
     int64_t(NVVM::FPRoundingMode::RN)},
    {"f2tf32.rz", "effattn_emulated_round_to_tf32",
     int64_t(NVVM::FPRoundingMode::RZ)},
    {"prmt", "effattn_emulated_permute_bytes"},
    {"idp4a.u.u", "effattn_emulated_multiply_bytes"},
    {"idp4a.s.u", "effattn_emulated_multiply_bytes", kLeftSigned},
    {"idp4a.u.s", "effattn_emulated_multiply_bytes", kRightSigned},
    {"idp4a.s.s", "effattn_emulated_multiply_bytes",
     kLeftSigned | kRightSigned},
    {"cp.async.commit.group", "effattn_emulated_end_copy_group"},
    {"cp.async.wait.all", "effattn_emulated_wait_copies"},
    {"membar.cta", "effattn_emulated_fence"},
    {"membar.gl", "effattn_emulated_fence"},
    {"membar.sys", "effattn_emulated_fence"},
};

static Instruction findByName(Operation *op, StringRef name) {
  for (const NamedInstruction &known : namedInstructions)
    if (known.name == name)
      return describe(op, known.function, known.details);
  return std::nullopt;
}

static Instruction describe(LLVM::CallIntrinsicOp call) {
  StringRef name = call.getIntrin();
  if (!name.consume_front("llvm.nvvm.") || !call.getOpBundleOperands().empty())
    return std::nullopt;
  if (name.ends_with(".f"))
    return findByName(call, (name + "32").str());
  return findByName(call, name);
}

/// Only `name $0, $1;` or `name {$w0}, {$r0};`, with as many operands as there
/// are.
static Instruction describe(NVVM::InlinePtxOp inlined) {
  if (!inlined.getReadWriteArgs().empty() || inlined.getPredicate() ||
      inlined.getNumResults() != 1)
    return std::nullopt;
  auto [name, rest] = inlined.getPtxCode().split(' ');
  std::string numbered = "$0", named = "{$w0}";
  for (size_t i = 0; i < inlined.getReadOnlyArgs().size(); ++i) {
    numbered += ", $" + std::to_string(i + 1);
    named += ", {$r" + std::to_string(i) + "}";
  }
  if (rest.trim() != numbered + ";" && rest.trim() != named + ";")
    return std::nullopt;
  return findByName(inlined, name);
}

//===----------------------------------------------------------------------===//
// By attributes
//===----------------------------------------------------------------------===//

static EmulatedInstruction describeBarrier(Operation *op, Value number) {
  EmulatedInstruction made{"effattn_emulated_barrier", 0, {number}};
  if (!number) {
    OpBuilder builder(op);
    made.operands[0] = LLVM::ConstantOp::create(builder, op->getLoc(),
                                                builder.getI32IntegerAttr(0));
  }
  return made;
}

/// Nothing for one of a part of the block.
static Instruction describe(NVVM::BarrierOp barrier) {
  if (barrier.getNumberOfThreads())
    return std::nullopt;
  EmulatedInstruction made = describeBarrier(barrier, barrier.getBarrierId());
  if (auto reduction = barrier.getReductionOp()) {
    made.details = 1 + int64_t(*reduction);
    made.operands.push_back(barrier.getReductionPredicate());
  }
  return made;
}

/// Only of integers, which GPUs before sm_100 have.
static Instruction describe(NVVM::ReduxOp reduction) {
  if (!reduction.getType().isInteger())
    return std::nullopt;
  return describe(reduction, "effattn_emulated_reduce",
                  int64_t(reduction.getKind()));
}

// As in lib/Runtime/Emulator/Matrices.c.
static constexpr int64_t kTransposed = 256, kSaturates = 1 << 16;
static constexpr int kLeftShift = 8, kRightShift = 12;

/// Only matrices of 8 x 8 elements of 16 bits.
static Instruction describe(NVVM::LdMatrixOp load) {
  if (load.getEltType() != NVVM::LdStMatrixEltType::B16 ||
      load.getShape().getM() != 8 || load.getShape().getN() != 8)
    return std::nullopt;
  bool isTransposed = load.getLayout() == NVVM::MMALayout::col;
  return describe(load, "effattn_emulated_load_matrix",
                  load.getNum() + (isTransposed ? kTransposed : 0));
}

/// Whether the emulator multiplies factors of these types.
static bool isKnownProduct(NVVM::MMATypes left, NVVM::MMATypes right) {
  using NVVM::MMATypes;
  auto isByte = [](MMATypes type) {
    return type == MMATypes::s8 || type == MMATypes::u8;
  };
  return (isByte(left) && isByte(right)) ||
         (left == right && (left == MMATypes::f16 || left == MMATypes::bf16 ||
                            left == MMATypes::tf32));
}

/// Only of 16 x 8 elements with a sum of 32 bits.
static Instruction describe(NVVM::MmaOp product) {
  auto left = product.getMultiplicandAPtxType(),
       right = product.getMultiplicandBPtxType();
  NVVM::MMAShapeAttr shape = product.getShapeAttr();
  auto sum = cast<LLVM::LLVMStructType>(product.getType());
  if (!left || !right || !isKnownProduct(*left, *right) || shape.getM() != 16 ||
      shape.getN() != 8 || sum.getBody().size() != 4 ||
      product.getOperandC().size() != 4)
    return std::nullopt;
  int64_t details = shape.getK() | int64_t(*left) << kLeftShift |
                    int64_t(*right) << kRightShift;
  if (product.getIntOverflowBehavior() == NVVM::MMAIntOverflow::satfinite)
    details |= kSaturates;
  return describe(product, "effattn_emulated_multiply_matrices", details);
}

/// As in lib/Runtime/Emulator/Copies.c.
static EmulatedInstruction describe(NVVM::CpAsyncOp copy) {
  constexpr int64_t hasSize = 256;
  return describe(copy, "effattn_emulated_copy",
                  int64_t(copy.getSize()) + (copy.getCpSize() ? hasSize : 0));
}

static Instruction describe(NVVM::ConvertFloatToTF32Op conversion) {
  NVVM::FPRoundingMode rounding = conversion.getRnd();
  if (conversion.getRelu() || conversion.getSat() != NVVM::SaturationMode::NONE)
    return std::nullopt;
  return describe(conversion, "effattn_emulated_round_to_tf32",
                  int64_t(rounding));
}

static EmulatedInstruction describe(NVVM::DotAccumulate4WayOp product) {
  auto isSigned = [](NVVM::DotAccumulateType type) {
    return type == NVVM::DotAccumulateType::SIGNED;
  };
  return describe(product, "effattn_emulated_multiply_bytes",
                  (isSigned(product.getAType()) ? kLeftSigned : 0) |
                      (isSigned(product.getBType()) ? kRightSigned : 0));
}

static Instruction describe(NVVM::PermuteOp permutation) {
  if (permutation.getMode() != NVVM::PermuteMode::DEFAULT)
    return std::nullopt;
  return EmulatedInstruction{
      "effattn_emulated_permute_bytes",
      0,
      {permutation.getLo(), permutation.getHi(), permutation.getSelector()}};
}

Instruction effattn::getEmulatedInstruction(Operation *op) {
  return llvm::TypeSwitch<Operation *, Instruction>(op)
      .Case([](NVVM::Barrier0Op barrier) {
        return describeBarrier(barrier, /*number=*/nullptr);
      })
      .Case([](NVVM::BarrierOp barrier) { return describe(barrier); })
      .Case([](NVVM::SyncWarpOp sync) {
        return describe(sync, "effattn_emulated_sync_warp");
      })
      .Case([](NVVM::ShflOp shuffle) {
        return describe(shuffle, "effattn_emulated_shuffle",
                        int64_t(shuffle.getKind()));
      })
      .Case([](NVVM::VoteSyncOp vote) {
        return describe(vote, "effattn_emulated_vote", int64_t(vote.getKind()));
      })
      .Case([](NVVM::MatchSyncOp match) {
        return describe(match, "effattn_emulated_match",
                        int64_t(match.getKind()));
      })
      .Case([](NVVM::CpAsyncCommitGroupOp end) {
        return describe(end, "effattn_emulated_end_copy_group");
      })
      .Case([](NVVM::CpAsyncWaitGroupOp wait) {
        return describe(wait, "effattn_emulated_wait_copy_groups", wait.getN());
      })
      .Case([](NVVM::RcpApproxFtzF32Op reciprocal) {
        return describe(reciprocal, "effattn_emulated_reciprocal", kFlush);
      })
      .Case([](NVVM::MembarOp fence) {
        return describe(fence, "effattn_emulated_fence");
      })
      .Case<LLVM::CallIntrinsicOp, NVVM::InlinePtxOp, NVVM::ReduxOp,
            NVVM::LdMatrixOp, NVVM::MmaOp, NVVM::CpAsyncOp,
            NVVM::ConvertFloatToTF32Op, NVVM::DotAccumulate4WayOp,
            NVVM::PermuteOp>([](auto op) { return describe(op); })
      .Default([](Operation *) { return std::nullopt; });
}

std::optional<int64_t> effattn::getEmulatedRegister(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<int64_t>>(op)
      .Case([](NVVM::ThreadIdXOp) { return 0; })
      .Case([](NVVM::ThreadIdYOp) { return 1; })
      .Case([](NVVM::ThreadIdZOp) { return 2; })
      .Case([](NVVM::BlockIdXOp) { return 3; })
      .Case([](NVVM::BlockIdYOp) { return 4; })
      .Case([](NVVM::BlockIdZOp) { return 5; })
      .Case([](NVVM::BlockDimXOp) { return 6; })
      .Case([](NVVM::BlockDimYOp) { return 7; })
      .Case([](NVVM::BlockDimZOp) { return 8; })
      .Case([](NVVM::GridDimXOp) { return 9; })
      .Case([](NVVM::GridDimYOp) { return 10; })
      .Case([](NVVM::GridDimZOp) { return 11; })
      .Case([](NVVM::LaneIdOp) { return 12; })
      .Case([](NVVM::WarpIdOp) { return 13; })
      .Case([](NVVM::WarpDimOp) { return 14; })
      .Case([](NVVM::WarpSizeOp) { return 15; })
      .Case([](NVVM::LaneMaskEqOp) { return 16; })
      .Case([](NVVM::LaneMaskLeOp) { return 17; })
      .Case([](NVVM::LaneMaskLtOp) { return 18; })
      .Case([](NVVM::LaneMaskGeOp) { return 19; })
      .Case([](NVVM::LaneMaskGtOp) { return 20; })
      .Default([](Operation *) { return std::nullopt; });
}
