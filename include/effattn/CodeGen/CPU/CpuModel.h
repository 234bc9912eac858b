//===- CpuModel.h - What tuned code knows of its CPU ----------------------===//
#ifndef EFFATTN_CODEGEN_CPU_CPUMODEL_H
#define EFFATTN_CODEGEN_CPU_CPUMODEL_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <array>
#include <cstdint>
#include <string>

namespace mlir::effattn {

/// A number that tuned code is made by: the size of a cache or of a block.
struct Tiling {
  enum Kind : unsigned {
    FirstCache,
    SecondCache,
    TileRows,
    TileVectors,
    PrefetchRows,
    SlabDepth,
    TaskRows,
    TaskColumns,
    PanelDepth,
    QueryVectors,
    QueryTiles,
    KeyTile,
    Count
  };
  llvm::StringRef name, meaning;
  /// Values are multiples of `unit` up to `most`.
  int64_t unit, most;
};

/// All of them, by Tiling::Kind.
llvm::ArrayRef<Tiling> getTilings();

/// What tuned code knows of its CPU, and the block sizes that follow from it.
/// Code for one model is correct on every CPU, and fast on those like it.
struct CpuModel {
  int64_t vectorBits = 128;
  int64_t vectorRegisters = 16;
  /// Whether one instruction sums products of bytes (VNNI), on vectors of 256
  /// bits and of the full width.
  bool byteDots = false;
  /// Whether one instruction sums products of two pairs of bytes in 16 bits,
  /// and one of two pairs of 16-bit integers, on vectors of 128 bits up to the
  /// full width.
  bool shortDots = false;
  /// Whether one instruction sums products of pairs of bf16 numbers, on vectors
  /// of the full width, at the speed of one that multiplies f32 numbers.
  bool pairDots = false;
  /// What was given; 0 where the cost model is to choose.
  std::array<int64_t, Tiling::Count> given{};

  /// From names of LLVM's features; those of aarch64 are not looked at.
  static CpuModel fromFeatures(llvm::ArrayRef<std::string> features);
  /// Sets tilings from "name:number" each. The error names the entry.
  llvm::Error setTilings(llvm::ArrayRef<std::string> entries);
  /// As options of an expansion pass.
  std::string printOptions() const;
  /// Every tiling with its value and meaning, line by line.
  void print(llvm::raw_ostream &stream) const;

  /// The tiling that was given, or what the cost model says.
  int64_t get(Tiling::Kind kind) const;

  /// Bytes of a core's second-level cache.
  int64_t secondCache() const { return get(Tiling::SecondCache); }
  /// Bytes from which on memory outside of all caches is to be expected.
  int64_t farBytes() const { return 32 * secondCache(); }

  /// f32 numbers of a vector.
  int64_t lanes() const { return vectorBits / 32; }

  /// A tile of results in registers: rows by vectors.
  int64_t tileRows() const { return get(Tiling::TileRows); }
  int64_t tileVectors() const { return get(Tiling::TileVectors); }
  int64_t tileColumns() const { return tileVectors() * lanes(); }

  /// With the widest tiles, no wider than these, that divide so many columns;
  /// the same model where vectors do not.
  CpuModel withTilesDividing(int64_t columns) const;

  /// The same for products of bytes, whose integer sums are scaled and added to
  /// as many f32 sums group by group.
  int64_t byteTileRows() const { return vectorRegisters >= 32 ? 6 : 3; }
  int64_t byteTileVectors() const { return 2; }

  /// How many rows of the second factor are asked for ahead of their use.
  int64_t prefetchRows() const { return get(Tiling::PrefetchRows); }
  /// How much is summed before results go to memory.
  int64_t slabDepth() const { return get(Tiling::SlabDepth); }
  /// Row tiles that a task has at least, and panels of a tile's columns that it
  /// has at most; tasks are shared out among threads.
  int64_t taskRowTiles() const;
  int64_t taskPanels() const;

  /// How much is summed at once in small products.
  int64_t panelDepth() const { return get(Tiling::PanelDepth); }

  /// A tile of attention: keys, and vectors of queries. How many tiles of
  /// queries take turns with a tile of keys.
  int64_t keyTile() const { return get(Tiling::KeyTile); }
  int64_t queryVectors() const { return get(Tiling::QueryVectors); }
  /// Keys, or columns of values, that are multiplied with these vectors at
  /// once: the sums stand in registers, beside the vectors and one number.
  int64_t keyRows() const { return vectorRegisters >= 32 ? 8 : 4; }
  int64_t queryTiles() const { return get(Tiling::QueryTiles); }
};

} // namespace mlir::effattn

#endif // EFFATTN_CODEGEN_CPU_CPUMODEL_H
