//===- CpuModel.cpp - What tuned code knows of its CPU --------------------===//
#include "effattn/CodeGen/CPU/CpuModel.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir::effattn;

llvm::ArrayRef<Tiling> mlir::effattn::getTilings() {
  constexpr int64_t most = int64_t(1) << 20;
  static const Tiling tilings[] = {
      {"first-cache", "bytes of a core's first-level data cache", 1024,
       int64_t(1) << 30},
      {"second-cache", "bytes of a core's second-level cache", 1024,
       int64_t(1) << 40},
      {"tile-rows", "rows of a product's tile in registers", 1, 32},
      {"tile-vectors", "vectors of a row of that tile", 1, 8},
      {"prefetch-rows", "rows of the second factor asked for ahead of use", 1,
       64},
      {"slab-depth", "columns that are summed before results go to memory", 64,
       most},
      {"task-rows", "rows of a product that a task has at least", 1, most},
      {"task-columns", "columns of a product that a task packs", 1, most},
      {"panel-depth", "columns that are summed at once in small products", 64,
       most},
      {"query-vectors", "vectors of queries of a tile of attention", 1, 8},
      {"query-tiles", "tiles of queries that take turns with a tile of keys", 1,
       64},
      {"key-tile", "keys of a tile of attention", 16, 4096},
  };
  static_assert(std::size(tilings) == Tiling::Count);
  return tilings;
}

//===----------------------------------------------------------------------===//
// The cost model
//===----------------------------------------------------------------------===//

static int64_t roundDown(int64_t value, int64_t unit, int64_t least) {
  return std::max(value / unit * unit, least);
}

int64_t CpuModel::get(Tiling::Kind kind) const {
  if (given[kind])
    return given[kind];
  constexpr int64_t bytes = sizeof(float);
  switch (kind) {
  case Tiling::FirstCache:
    return 32 << 10;
  case Tiling::SecondCache:
    return 1 << 20;
  // Sums fill the registers but for a row of the second factor and an element
  // of the first.
  case Tiling::TileRows:
    return vectorRegisters >= 32 ? 8 : 6;
  case Tiling::TileVectors:
    return vectorRegisters >= 32 ? 3 : 2;
  case Tiling::PrefetchRows:
    return 8;
  // A row tile of the first factor takes a third of the first-level cache.
  // Results are loaded and stored once for a slab, so it should be deep.
  case Tiling::SlabDepth:
    return roundDown(get(Tiling::FirstCache) / 3 / (tileRows() * bytes), 64,
                     64);
  case Tiling::TaskRows:
    return 64;
  // A task's columns of the second factor take half the second-level cache,
  // which the row tiles of a task and the results pass through, too.
  case Tiling::TaskColumns:
    return roundDown(get(Tiling::SecondCache) / 2 / (slabDepth() * bytes),
                     lanes(), tileColumns());
  // A panel takes an eighth of the second-level cache.
  case Tiling::PanelDepth:
    return roundDown(get(Tiling::SecondCache) / 8 / (tileColumns() * bytes), 64,
                     64);
  case Tiling::QueryVectors:
    return vectorRegisters >= 32 ? 3 : 2;
  case Tiling::QueryTiles:
    return 4;
  case Tiling::KeyTile:
    return vectorRegisters >= 32 ? 128 : 64;
  case Tiling::Count:
    break;
  }
  llvm_unreachable("no tiling");
}

CpuModel CpuModel::withTilesDividing(int64_t columns) const {
  CpuModel model = *this;
  for (int64_t vectors = tileVectors(); vectors > 0; --vectors)
    if (columns % (vectors * lanes()) == 0) {
      model.given[Tiling::TileVectors] = vectors;
      return model;
    }
  return model;
}

int64_t CpuModel::taskRowTiles() const {
  return std::max<int64_t>(get(Tiling::TaskRows) / tileRows(), 1);
}

int64_t CpuModel::taskPanels() const {
  return std::max<int64_t>(get(Tiling::TaskColumns) / tileColumns(), 1);
}

//===----------------------------------------------------------------------===//
// Reading and printing
//===----------------------------------------------------------------------===//

CpuModel CpuModel::fromFeatures(llvm::ArrayRef<std::string> features) {
  CpuModel model;
  auto has = [&](llvm::StringRef name) {
    return llvm::is_contained(features, name);
  };
  if (has("avx2"))
    model.vectorBits = 256;
  if (has("avx512f") && has("avx512vl")) {
    model.vectorBits = 512;
    model.vectorRegisters = 32;
    model.byteDots = has("avx512vnni");
    // CPUs of Intel take four times as long for it. Only AMD's have SSE4a.
    model.pairDots = has("avx512bf16") && has("sse4a");
  } else if (has("avx2")) {
    model.byteDots = has("avxvnni");
  }
  model.shortDots = has(model.vectorBits == 512 ? "avx512bw" : "avx2");
  return model;
}

static llvm::Error refuse(const llvm::Twine &sentence) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), sentence);
}

static std::string listNames() {
  std::string names;
  for (const Tiling &tiling : getTilings())
    names += (names.empty() ? "" : ", ") + tiling.name.str();
  return names;
}

llvm::Error CpuModel::setTilings(llvm::ArrayRef<std::string> entries) {
  for (llvm::StringRef entry : entries) {
    auto [name, number] = entry.split(':');
    const auto *tiling =
        llvm::find_if(getTilings(), [name = name](const Tiling &known) {
          return known.name == name;
        });
    if (tiling == getTilings().end())
      return refuse("expected a tiling to be one of " + listNames() +
                    ", but got '" + name + "'");
    int64_t value;
    if (number.getAsInteger(10, value) || value < tiling->unit ||
        value > tiling->most || value % tiling->unit != 0)
      return refuse("expected " + name + " to be a multiple of " +
                    llvm::Twine(tiling->unit) + " from " +
                    llvm::Twine(tiling->unit) + " to " +
                    llvm::Twine(tiling->most) + ", but got '" + number + "'");
    given[tiling - getTilings().begin()] = value;
  }
  return llvm::Error::success();
}

std::string CpuModel::printOptions() const {
  std::string text = "vector-bits=" + std::to_string(vectorBits) +
                     " vector-registers=" + std::to_string(vectorRegisters) +
                     (byteDots ? " byte-dots" : "") +
                     (shortDots ? " short-dots" : "") +
                     (pairDots ? " pair-dots" : "");
  std::string entries;
  for (auto [tiling, value] : llvm::zip(getTilings(), given))
    if (value)
      entries += (entries.empty() ? "" : ",") + tiling.name.str() + ":" +
                 std::to_string(value);
  return entries.empty() ? text : text + " tiling=" + entries;
}

void CpuModel::print(llvm::raw_ostream &stream) const {
  stream << "vectors of " << vectorBits << " bits, " << vectorRegisters
         << " registers" << (byteDots ? ", sums of byte products" : "")
         << (shortDots ? ", sums of byte products in 16 bits" : "")
         << (pairDots ? ", sums of bf16 products" : "") << '\n';
  for (auto [number, tiling] : llvm::enumerate(getTilings()))
    stream << llvm::format("%-14s %8lld  ", tiling.name.data(),
                           get(Tiling::Kind(number)))
           << tiling.meaning << (given[number] ? " (given)" : "") << '\n';
}
