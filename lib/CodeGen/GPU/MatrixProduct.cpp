//===- MatrixProduct.cpp - Which kernel multiplies ------------------------===//
#include "MatrixProduct.h"
#include "FewRowsProduct.h"
#include "TileProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::effattn;

/// Rows up to which a product is bound by reading its right factor, and of
/// which a thread takes some at a time.
static constexpr int64_t kFewRows = 8, kRowsOfThread = 4;
/// Large tiles that keep most multiprocessors of a large GPU busy.
static constexpr int64_t kEnoughTiles = 100;

static constexpr TileShape kLargeFma{128, 64, 128, 3}, kSmallFma{64, 64, 64, 6};
/// What a thread knows of lines whose numbers are made takes registers, too.
static constexpr TileShape kMadeFma{128, 64, 128, 2};
static constexpr TileShape kLargeTensor{128, 128, 256, 1},
    kSmallTensor{64, 64, 128, 3};
/// What is copied to shared memory at a time, where factors are aligned to it.
static constexpr int64_t kCopyBytes = 16;

//===----------------------------------------------------------------------===//
// Factors
//===----------------------------------------------------------------------===//

Factor::Number Factor::numbersOf(KernelEmitter &e, Value line) const {
  if (enterLine)
    return enterLine(line);
  return [this, &e, line](Value depth) {
    return e.loadFloat(memory, at(line, depth));
  };
}

Factor effattn::rowsOf(LoopEmitter &e, Value memory) {
  auto type = cast<MemRefType>(memory.getType());
  auto at = [&e, memory, rank = type.getRank()](Value row, Value column) {
    SmallVector<Value> place =
        e.split(row, getSizes(e.builder, e.loc, memory, rank - 1));
    place.push_back(column);
    return place;
  };
  return {memory, at, type.getRank() - 1, type.isLastDimUnitStride()};
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

namespace {
/// Chooses on the host, by sizes and alignment.
class ProductLaunches {
public:
  ProductLaunches(OpBuilder &builder, Location loc, StringRef name,
                  const MatrixProduct &product)
      : e(builder, loc), name(name), product(product) {}

  void emit();

private:
  void emitMany();
  void emitFew(int64_t rowsOfThread) {
    emitFewRowsProduct(e.builder, e.loc, (name + "_few").str(), product,
                       rowsOfThread);
  }
  void emitFma(TileShape shape) {
    emitTiles(*makeFmaEngine(shape, product), /*mayDivide=*/true);
  }
  /// Parts of f32 that are copied one by one leave no registers for more.
  void emitTensor(TileShape shape, bool isAligned) {
    emitTiles(*makeTensorEngine(shape, product, isAligned),
              isAligned || !product.left.element().isF32());
  }
  /// Few tiles are small ones.
  void emitTiles(TileEngine &engine, bool mayDivide) {
    if (mayDivide && engine.shape.rows < kLargeTensor.rows)
      emitDividedProduct(e.builder, e.loc, name, product, engine);
    else
      emitTileProduct(e.builder, e.loc, name, product, engine);
  }
  Value isAligned();
  Value hasManyTiles(TileShape shape);

  LoopEmitter e;
  StringRef name;
  const MatrixProduct &product;
};
} // namespace

Value ProductLaunches::hasManyTiles(TileShape shape) {
  // Rows that half of a tile holds go to one that has no more.
  return emit::logicalAnd(
      e.builder, e.loc, e.lessThan(e.index(shape.rows / 2), product.rows),
      e.lessEqual(e.index(kEnoughTiles), countTiles(e, product, shape)));
}

/// Null where it never is.
Value ProductLaunches::isAligned() {
  Value all;
  auto add = [&](const Factor &factor) {
    if (!factor.depthIsAdjacent && !factor.linesAreAdjacent)
      return false;
    Value one = emitIsAligned(e.builder, e.loc, factor, kCopyBytes);
    all = all ? emit::logicalAnd(e.builder, e.loc, all, one) : one;
    return true;
  };
  return add(product.left) && llvm::all_of(product.rights, add) ? all : Value();
}

void ProductLaunches::emitMany() {
  if (product.loader) {
    auto emitTiles = [&](TileShape shape) {
      return [=] { emitTensor(shape, /*isAligned=*/true); };
    };
    // Sums of a tile, of all tiles and parts of f32 take too many registers.
    if (product.left.element().isF32())
      return emitTiles(kSmallTensor)();
    return e.choose(hasManyTiles(kLargeTensor), emitTiles(kLargeTensor),
                    emitTiles(kSmallTensor));
  }
  if (product.rights.front().enterLine)
    return emitFma(kMadeFma);
  if (!canUseTensorCores(product))
    return e.choose(
        hasManyTiles(kLargeFma), [&] { emitFma(kLargeFma); },
        [&] { emitFma(kSmallFma); });
  auto emitAny = [&] { emitTensor(kSmallTensor, /*isAligned=*/false); };
  Value aligned = isAligned();
  if (!aligned)
    return emitAny();
  e.choose(
      aligned,
      [&] {
        e.choose(
            hasManyTiles(kLargeTensor),
            [&] { emitTensor(kLargeTensor, /*isAligned=*/true); },
            [&] { emitTensor(kSmallTensor, /*isAligned=*/true); });
      },
      emitAny);
}

void ProductLaunches::emit() {
  if (product.loader)
    return emitMany();
  auto hasUpTo = [&](int64_t rows) {
    return e.lessEqual(product.rows, e.index(rows));
  };
  e.choose(
      hasUpTo(kFewRows),
      [&] {
        e.choose(
            hasUpTo(1), [&] { emitFew(1); }, [&] { emitFew(kRowsOfThread); });
      },
      [&] { emitMany(); });
}

void effattn::emitMatrixProduct(OpBuilder &builder, Location loc,
                                StringRef name, const MatrixProduct &product) {
  ProductLaunches(builder, loc, name, product).emit();
}
