//===- CpuModel.h - What tuned code knows of its CPU ----------------------===//
#ifndef EFFATTN_CODEGEN_CPU_CPUMODEL_H
#define EFFATTN_CODEGEN_CPU_CPUMODEL_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <string>

namespace mlir::effattn {

/// What tuned code knows of its CPU, and the block sizes that follow from it.
/// Code for one model is correct on every CPU, and fast on those like it.
struct CpuModel {
  int64_t vectorBits = 128;
  int64_t vectorRegisters = 16;
  /// Whether one instruction sums products of bytes (VNNI), on vectors of 256
  /// bits and of the full width.
  bool byteDots = false;

  /// From names of LLVM's features; those of aarch64 are not looked at.
  static CpuModel fromFeatures(llvm::ArrayRef<std::string> features);
  /// As options of an expansion pass.
  std::string printOptions() const;

  /// f32 numbers of a vector.
  int64_t lanes() const { return vectorBits / 32; }

  /// A tile of results in registers: rows by vectors. It leaves registers for
  /// a row of the second factor and an element of the first.
  int64_t tileRows() const { return vectorRegisters >= 32 ? 8 : 6; }
  int64_t tileVectors() const { return vectorRegisters >= 32 ? 3 : 2; }
  int64_t tileColumns() const { return tileVectors() * lanes(); }

  /// The same for products of bytes, whose integer sums are scaled and added to
  /// as many f32 sums group by group.
  int64_t byteTileRows() const { return vectorRegisters >= 32 ? 6 : 3; }
  int64_t byteTileVectors() const { return 2; }

  /// How many rows of the second factor are asked for ahead of their use.
  int64_t prefetchRows() const { return 8; }
  /// How much is summed before results go to memory: a row tile of the first
  /// factor (12 KiB) stays in the first-level cache, a task's columns of the
  /// second (384 KiB) in the second.
  int64_t slabDepth() const { return 384; }
  /// Rows and columns of a task; tasks are shared out among threads.
  int64_t taskRowTiles() const { return 64 / tileRows(); }
  int64_t taskPanels() const { return 256 / tileColumns(); }
};

} // namespace mlir::effattn

#endif // EFFATTN_CODEGEN_CPU_CPUMODEL_H
