//===- TensorEngine.cpp - Tiles multiplied by tensor cores ----------------===//
#include "TensorCores.h"
#include "TileProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

static constexpr int64_t kSlots = 3;
/// Warps along the rows of a tile, and columns of a warp.
static constexpr int64_t kRowWarps = 2, kWarpColumns = 32;
static constexpr int64_t kColumnTiles = kWarpColumns / TensorCores::kColumns;
/// Sums of a thread in a product of tensor cores.
static constexpr int64_t kSums = 4;

/// Numbers behind rows of shared memory, which keep rows off the same banks,
/// and those behind rows of 16 depths of f32.
static constexpr int64_t kPadding = 8, kDepthPadding = 4;
static_assert(TensorCores::spreadsMatrices(4 * (16 + kDepthPadding)) &&
                  TensorCores::spreadsNumbers(1, 4 * (64 + kPadding)) &&
                  TensorCores::spreadsNumbers(1, 4 * (128 + kPadding)),
              "loads of f32 from shared memory must not collide");

namespace {
/// Beside a left factor of f32, numbers are sums of bf16 numbers: each rounds
/// what those before it have left. The products that matter are added. Two
/// factors of f32 are rounded to tf32.
///
/// Where a loader makes the right factor, the sums of a tile, which are i32 for
/// bytes, are scaled before they are added to those of other tiles.
class TensorEngine : public TileEngine {
public:
  TensorEngine(TileShape shape, const MatrixProduct &product, bool isAligned)
      : TileEngine(shape), product(product), isAligned(isAligned) {}

  TileLayout leftLayout() const override {
    return layoutOf(product.left, shape.rows);
  }
  TileLayout rightLayout() const override {
    return layoutOf(product.rights.front(), shape.columns);
  }
  void begin(KernelEmitter &emitter) override;
  SmallVector<Value> zeros(KernelEmitter &emitter) override;
  SmallVector<Value> multiply(KernelEmitter &emitter, Value left, Value right,
                              Value slot, ValueRange sums) override;
  /// Most parts of numbers are 0 where one is infinite, and 0 times an infinity
  /// is NaN. Codes are finite.
  bool mayMakeNaN() const override { return splits() && !product.loader; }
  void store(KernelEmitter &emitter, ValueRange sums, Value result) override;

private:
  using Fragment = SmallVector<Value>;

  TileLayout layoutOf(const Factor &factor, int64_t lines) const;
  /// Depths of a tile are 32 numbers or bytes, or 16 of tf32.
  int64_t depth() const { return isOfBytes() || isRounded() ? 16 : 32; }
  bool isOfBytes() const { return rightType().isInteger(); }
  bool isRounded() const { return rightType().isF32(); }
  Type rightType() const { return product.rights.front().element(); }
  bool splits() const { return product.left.element() != rightType(); }
  /// What is multiplied.
  Type element() const {
    return splits() ? BFloat16Type::get(rightType().getContext()) : rightType();
  }
  int64_t rowTiles() const {
    return shape.rows / kRowWarps / TensorCores::kRows;
  }
  /// The row and the column of a sum, from this lane's first.
  static std::pair<int64_t, int64_t> offsetOf(int64_t sum);
  SmallVector<Value> multiplyTile(KernelEmitter &e, Value left, Value slot,
                                  ValueRange sums);
  /// Sums of 0 for one tile, and what they have become as f32.
  SmallVector<Value> tileZeros(KernelEmitter &e);
  Value asFloat(KernelEmitter &e, Value sum);
  SmallVector<Value> addScaled(KernelEmitter &e, Value slot, ValueRange ofTile,
                               ValueRange sums);
  /// Addresses in slot 0 where this lane loads 16 x 16 numbers of its warp's
  /// first line and depth.
  Value leftAddress(KernelEmitter &e);
  Value rightAddress(KernelEmitter &e);
  Value numberAddress(KernelEmitter &e, Value first, const TileLayout &layout);
  /// The bytes from there to another line and depth.
  int64_t bytesTo(const TileLayout &layout, int64_t line, int64_t depth) const;
  static int64_t rowBytes(const TileLayout &layout) {
    return layout.rowSize() * TensorCores::bytesOf(layout.element);
  }
  static Value enterSlot(KernelEmitter &e, TensorCores &cores, Value address,
                         const TileLayout &layout, Value slot);
  /// The words of a factor in all their parts.
  SmallVector<Fragment> loadLeft(KernelEmitter &e, Value left, Value slot,
                                 int64_t line, int64_t depth);
  SmallVector<Fragment> splitLeft(KernelEmitter &e, Value left, Value slot,
                                  int64_t line, int64_t depth);
  SmallVector<Fragment> splitRight(KernelEmitter &e, ArrayRef<Value> words);
  /// The words of two right factors side by side.
  Fragment loadRights(KernelEmitter &e, int64_t column, int64_t depth);
  /// The same of f32 whose lines are adjacent, which the lane has at `address`.
  Fragment loadNumbers(KernelEmitter &e, Value address,
                       const TileLayout &layout);
  /// Adds the parts of a pair of numbers to fragments.
  void splitPair(KernelEmitter &e, Value pair, MutableArrayRef<Fragment> parts);

  const MatrixProduct &product;
  bool isAligned;
  Value warpRow, warpColumn, laneRow, laneColumn;
  Value leftStart, rightStart;
  Value leftHere, rightHere;
};
} // namespace

TileLayout TensorEngine::layoutOf(const Factor &factor, int64_t lines) const {
  Type stored = factor.element();
  int64_t elementBytes = stored.getIntOrFloatBitWidth() / 8;
  bool isWord = stored.isF32() && splits();
  bool linesAreAdjacent = factor.linesAreAdjacent && !isWord;
  int64_t padding = isRounded() && !linesAreAdjacent ? kDepthPadding : kPadding;
  bool turns = isWord && !factor.depthIsAdjacent;
  return {lines,
          depth(),
          kSlots,
          stored,
          linesAreAdjacent,
          padding,
          /*step=*/isAligned && !turns ? TensorCores::kCopyBytes / elementBytes
                                       : 1};
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

int64_t TensorEngine::bytesTo(const TileLayout &layout, int64_t line,
                              int64_t depth) const {
  int64_t number = layout.linesAreAdjacent ? depth * layout.rowSize() + line
                                           : line * layout.rowSize() + depth;
  return number * TensorCores::bytesOf(element());
}

/// A pattern of addresses serves rows of either matrix: what is transposed on
/// the way lies the other way round.
Value TensorEngine::leftAddress(KernelEmitter &e) {
  TensorCores cores(e, element());
  TileLayout layout = leftLayout();
  Value start = cores.sharedAddress(0);
  auto moved = [&](int64_t perLine) {
    return cores.advance(start, emit::fromIndex(e.builder, e.loc,
                                                e.mul(warpRow, perLine),
                                                e.builder.getI64Type()));
  };
  Value first = moved(bytesTo(layout, 1, 0));
  if (!layout.linesAreAdjacent)
    return cores.leftAddress(first, rowBytes(layout));
  return isRounded() ? numberAddress(e, first, layout)
                     : cores.rightAddress(first, rowBytes(layout));
}

Value TensorEngine::rightAddress(KernelEmitter &e) {
  TensorCores cores(e, element());
  TileLayout layout = rightLayout();
  Value start = cores.sharedAddress(leftLayout().bytes());
  Value bytes = e.mul(warpColumn, bytesTo(layout, 1, 0));
  start = cores.advance(
      start, emit::fromIndex(e.builder, e.loc, bytes, e.builder.getI64Type()));
  if (!layout.linesAreAdjacent)
    return cores.rightAddress(start, rowBytes(layout));
  return isRounded() ? numberAddress(e, start, layout)
                     : cores.leftAddress(start, rowBytes(layout));
}

Value TensorEngine::numberAddress(KernelEmitter &e, Value first,
                                  const TileLayout &layout) {
  return TensorCores(e, element())
      .numberAddress(first, e.remainder(e.lane(), 4), e.quotient(e.lane(), 4),
                     rowBytes(layout));
}

void TensorEngine::begin(KernelEmitter &e) {
  warpRow = e.mul(e.remainder(e.warp(), kRowWarps), shape.rows / kRowWarps);
  warpColumn = e.mul(e.quotient(e.warp(), kRowWarps), kWarpColumns);
  laneRow = e.quotient(e.lane(), 4);
  laneColumn = e.mul(e.remainder(e.lane(), 4), 2);
  if (!splits())
    leftStart = leftAddress(e);
  rightStart = rightAddress(e);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

SmallVector<Value> TensorEngine::zeros(KernelEmitter &e) {
  return SmallVector<Value>(rowTiles() * kColumnTiles * kSums,
                            emit::f32(e.builder, e.loc, 0.0));
}

Value TensorEngine::enterSlot(KernelEmitter &e, TensorCores &cores,
                              Value address, const TileLayout &layout,
                              Value slot) {
  Value bytes = e.mul(slot, layout.bytes() / layout.slots);
  return cores.advance(address, emit::fromIndex(e.builder, e.loc, bytes,
                                                e.builder.getI64Type()));
}

SmallVector<TensorEngine::Fragment>
TensorEngine::loadLeft(KernelEmitter &e, Value left, Value slot, int64_t line,
                       int64_t depth) {
  if (splits())
    return splitLeft(e, left, slot, line, depth);
  TensorCores cores(e, element());
  TileLayout layout = leftLayout();
  Value address = cores.advance(leftHere, bytesTo(layout, line, depth));
  if (!layout.linesAreAdjacent)
    return {cores.load(address)};
  if (!isRounded())
    return {cores.loadTransposed(address)};
  // Words are in the order of a left factor: rows first, then depths.
  Fragment words = loadNumbers(e, address, layout);
  return {{words[0], words[2], words[1], words[3]}};
}

TensorEngine::Fragment TensorEngine::loadRights(KernelEmitter &e,
                                                int64_t column, int64_t depth) {
  TensorCores cores(e, element());
  TileLayout layout = rightLayout();
  Value address = cores.advance(rightHere, bytesTo(layout, column, depth));
  if (!layout.linesAreAdjacent)
    return cores.load(address);
  return isRounded() ? loadNumbers(e, address, layout)
                     : cores.loadTransposed(address);
}

TensorEngine::Fragment TensorEngine::loadNumbers(KernelEmitter &e,
                                                 Value address,
                                                 const TileLayout &layout) {
  TensorCores cores(e, element());
  Fragment words;
  for (int64_t line : {0, 8})
    for (int64_t depth : {0, 4})
      words.push_back(cores.loadNumber(
          cores.advance(address, bytesTo(layout, line, depth))));
  return words;
}

/// Where a part is infinite, nothing is left.
void TensorEngine::splitPair(KernelEmitter &e, Value numbers,
                             MutableArrayRef<Fragment> parts) {
  TensorCores cores(e, element());
  auto pair = cast<VectorType>(numbers.getType());
  Value zeros =
      arith::ConstantOp::create(e.builder, e.loc, e.builder.getZeroAttr(pair));
  for (Fragment &part : parts) {
    Value rounded = arith::TruncFOp::create(
        e.builder, e.loc, VectorType::get(2, element()), numbers);
    part.push_back(cores.asWord(rounded));
    if (&part == &parts.back())
      return;
    Value back = arith::ExtFOp::create(e.builder, e.loc, pair, rounded);
    numbers = e.select(e.equalFloats(numbers, back), zeros,
                       e.subFloats(numbers, back));
  }
}

SmallVector<TensorEngine::Fragment>
TensorEngine::splitLeft(KernelEmitter &e, Value left, Value slot, int64_t line,
                        int64_t depth) {
  auto pair = VectorType::get(2, e.builder.getF32Type());
  SmallVector<Fragment> parts(product.leftParts);
  for (int64_t word = 0; word < 4; ++word) {
    Value row = e.add(e.add(warpRow, laneRow), line + word % 2 * 8);
    Value column = e.add(laneColumn, depth + word / 2 * 8);
    Value numbers = vector::LoadOp::create(
        e.builder, e.loc, pair, left, ValueRange{slot, row, column},
        /*nontemporal=*/false, llvm::MaybeAlign(8));
    splitPair(e, numbers, parts);
  }
  return parts;
}

/// Two parts of bf16 are all of f16.
SmallVector<TensorEngine::Fragment>
TensorEngine::splitRight(KernelEmitter &e, ArrayRef<Value> words) {
  if (element() == rightType())
    return {Fragment(words)};
  TensorCores cores(e, rightType());
  SmallVector<Fragment> parts(2);
  auto pair = VectorType::get(2, e.builder.getF32Type());
  for (Value word : words)
    splitPair(e,
              arith::ExtFOp::create(e.builder, e.loc, pair, cores.asPair(word)),
              parts);
  return parts;
}

SmallVector<Value> TensorEngine::multiply(KernelEmitter &e, Value left,
                                          Value /*right*/, Value slot,
                                          ValueRange sums) {
  if (!product.loader)
    return multiplyTile(e, left, slot, sums);
  return addScaled(e, slot, multiplyTile(e, left, slot, tileZeros(e)), sums);
}

SmallVector<Value> TensorEngine::multiplyTile(KernelEmitter &e, Value left,
                                              Value slot, ValueRange sums) {
  TensorCores cores(e, element());
  if (!splits())
    leftHere = enterSlot(e, cores, leftStart, leftLayout(), slot);
  rightHere = enterSlot(e, cores, rightStart, rightLayout(), slot);
  SmallVector<Value> result(sums);
  for (int64_t depth = 0; depth < this->depth();
       depth += TensorCores::depthOf(element())) {
    SmallVector<SmallVector<Fragment>> columns;
    for (int64_t column = 0; column < kWarpColumns;
         column += 2 * TensorCores::kColumns) {
      Fragment both = loadRights(e, column, depth);
      columns.push_back(splitRight(e, ArrayRef(both).take_front(2)));
      columns.push_back(splitRight(e, ArrayRef(both).drop_front(2)));
    }
    Value *sum = result.begin();
    for (int64_t tile = 0; tile < rowTiles(); ++tile) {
      SmallVector<Fragment> rows =
          loadLeft(e, left, slot, tile * TensorCores::kRows, depth);
      for (ArrayRef<Fragment> column : columns) {
        MutableArrayRef<Value> place(sum, kSums);
        for (auto [i, rowPart] : llvm::enumerate(rows))
          for (auto [j, columnPart] : llvm::enumerate(column))
            if (i + j < rows.size())
              llvm::copy(cores.multiply(rowPart, columnPart, place),
                         place.begin());
        sum += kSums;
      }
    }
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// 1.5 x 2^23 as f32, whose lowest bits count ones: an i32 that starts from its
/// bits becomes a float by a subtraction. Sums of 32 products of bytes stay
/// below 2^22.
static constexpr int64_t kCounting = 0x4B400000;

SmallVector<Value> TensorEngine::tileZeros(KernelEmitter &e) {
  if (!isOfBytes())
    return zeros(e);
  Value start = arith::ConstantIntOp::create(e.builder, e.loc, kCounting, 32);
  return SmallVector<Value>(rowTiles() * kColumnTiles * kSums, start);
}

Value TensorEngine::asFloat(KernelEmitter &e, Value sum) {
  if (!isOfBytes())
    return sum;
  Value raised =
      arith::BitcastOp::create(e.builder, e.loc, e.builder.getF32Type(), sum);
  return e.subFloats(raised, emit::f32(e.builder, e.loc, 1.5 * (1 << 23)));
}

std::pair<int64_t, int64_t> TensorEngine::offsetOf(int64_t sum) {
  int64_t tile = sum / kSums;
  return {tile / kColumnTiles * TensorCores::kRows +
              sum % kSums / 2 * (TensorCores::kRows / 2),
          tile % kColumnTiles * TensorCores::kColumns + sum % 2};
}

SmallVector<Value> TensorEngine::addScaled(KernelEmitter &e, Value slot,
                                           ValueRange ofTile, ValueRange sums) {
  llvm::DenseMap<int64_t, Value> ofRows, ofColumns;
  auto scale = [&](llvm::DenseMap<int64_t, Value> &known, bool isOfRow,
                   Value first, int64_t offset) {
    Value &loaded = known[offset];
    if (!loaded)
      loaded = e.loadFloat(product.loader->scales,
                           {slot, e.index(isOfRow), e.add(first, offset)});
    return loaded;
  };
  Value firstRow = e.add(warpRow, laneRow);
  Value firstColumn = e.add(warpColumn, laneColumn);
  SmallVector<Value> result;
  for (auto [number, sum] : llvm::enumerate(sums)) {
    auto [row, column] = offsetOf(number);
    Value made = asFloat(e, ofTile[number]);
    if (product.loader->scalesRows)
      made = e.mulFloats(made, scale(ofRows, true, firstRow, row));
    result.push_back(
        e.mulAdd(made, scale(ofColumns, false, firstColumn, column), sum));
  }
  return result;
}

void TensorEngine::store(KernelEmitter &e, ValueRange sums, Value result) {
  auto pair = VectorType::get(2, e.builder.getF32Type());
  for (int64_t number = 0; number < int64_t(sums.size()); number += 2) {
    auto [row, column] = offsetOf(number);
    Value both = vector::FromElementsOp::create(e.builder, e.loc, pair,
                                                sums.slice(number, 2));
    vector::StoreOp::create(
        e.builder, e.loc, both, result,
        ValueRange{e.add(e.add(warpRow, laneRow), row),
                   e.add(e.add(warpColumn, laneColumn), column)},
        /*nontemporal=*/false, llvm::MaybeAlign(8));
  }
}

bool effattn::canUseTensorCores(const MatrixProduct &product) {
  Type right = product.rights.front().element();
  Type left = product.left.element();
  return TensorCores::supports(right, product.tf32) &&
         (left == right || left.isF32()) &&
         llvm::all_of(product.rights, [&](const Factor &factor) {
           return factor.element() == right;
         });
}

std::unique_ptr<TileEngine>
effattn::makeTensorEngine(TileShape shape, const MatrixProduct &product,
                          bool isAligned) {
  return std::make_unique<TensorEngine>(shape, product, isAligned);
}
