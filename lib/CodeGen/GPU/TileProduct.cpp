//===- TileProduct.cpp - A tile of a product, by a block of threads -------===//
#include "TileProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::effattn;

/// Numbers behind a row of sums in shared memory: 16 bytes, so that vectors
/// stay aligned.
static constexpr int64_t kSumPadding = 4;

namespace {
class TileKernel {
public:
  TileKernel(KernelEmitter &emitter, const MatrixProduct &product,
             TileEngine &engine, const DepthParts *parts)
      : e(emitter), product(product), engine(engine), parts(parts),
        shape(engine.shape) {}

  static int64_t sharedBytes(const TileEngine &engine);
  void emit();

private:
  void emitTile();
  int64_t panels() const { return product.rights.size(); }
  /// Columns of a tile that belong to one of the right factors.
  int64_t panelColumns() const { return shape.columns / panels(); }
  void findTile();
  void beginCopies(Value left, Value right);
  void copy(Value slot, Value tile);
  /// What a loader makes of a tile, if there is one.
  SmallVector<Value> fetch(int64_t pass, Value tile);
  void place(int64_t pass, Value slot, ValueRange fetched);
  SmallVector<Value> multiply(int64_t pass, Value left, Value right,
                              ValueRange before);
  /// The first tile along the depth that the block multiplies, and the one
  /// behind its last.
  std::pair<Value, Value> findPart();
  void write(ValueRange sums);
  /// What writes the sums of a column of a row, to results or as a part.
  MatrixProduct::WriteColumn writePart(Value row);
  Value isAnyNaN(ValueRange sums);
  Value isNaN(Value sum) {
    return arith::CmpFOp::create(e.builder, e.loc, arith::CmpFPredicate::UNO,
                                 sum, sum);
  }
  Value addUp(Value row, int64_t panel, Value column);
  void mend(Value result);
  /// Calls `body` for the rows of the result that the warp has.
  void forEachRow(function_ref<void(Value row)> body);
  /// The same for the columns of a panel that the lane has.
  void forEachColumn(function_ref<void(Value column)> body);

  KernelEmitter &e;
  const MatrixProduct &product;
  TileEngine &engine;
  /// Null where the depth is never divided.
  const DepthParts *parts;
  TileShape shape;
  Value rows, firstRow, firstColumn, batch, part;
  SmallVector<FactorTile> factors;
};
} // namespace

Value effattn::countTiles(LoopEmitter &host, const MatrixProduct &product,
                          TileShape shape) {
  int64_t columns = shape.columns / product.rights.size();
  Value tiles = host.mul(host.ceilDiv(product.rows, shape.rows),
                         host.ceilDiv(product.columns, columns));
  return product.batches ? host.mul(tiles, product.batches) : tiles;
}

static Value sharedTiles(KernelEmitter &e, const TileLayout &layout,
                         int64_t firstByte) {
  int64_t rows = layout.linesAreAdjacent ? layout.depth : layout.lines;
  return e.dynamicShared(firstByte, {layout.slots, rows, layout.rowSize()},
                         layout.element);
}

int64_t TileKernel::sharedBytes(const TileEngine &engine) {
  int64_t tiles = engine.leftLayout().bytes() + engine.rightLayout().bytes();
  int64_t sums = engine.shape.rows * (engine.shape.columns + kSumPadding) *
                 int64_t(sizeof(float));
  return std::max(tiles, sums);
}

/// Neighbouring blocks share columns, which are weights as a rule.
void TileKernel::findTile() {
  Value rowTiles = e.ceilDiv(product.rows, shape.rows);
  Value columnTiles = e.ceilDiv(product.columns, panelColumns());
  SmallVector<Value> sizes{parts ? parts->count : e.index(1),
                           product.batches ? product.batches : e.index(1),
                           columnTiles, rowTiles};
  SmallVector<Value> tile = e.split(e.block(), sizes);
  part = tile[0];
  batch = tile[1];
  if (product.batches)
    product.enterBatch(batch);
  rows = product.countRows ? product.countRows() : product.rows;
  firstRow = e.mul(tile.back(), shape.rows);
  firstColumn = e.mul(tile[tile.size() - 2], panelColumns());
}

void TileKernel::beginCopies(Value left, Value right) {
  factors.emplace_back(e, product.left, engine.leftLayout(), left, 0,
                       shape.rows);
  if (product.loader)
    product.loader->begin(e, engine.rightLayout(), right, firstRow,
                          firstColumn);
  else
    for (auto [panel, factor] : llvm::enumerate(product.rights))
      factors.emplace_back(e, factor, engine.rightLayout(), right,
                           panel * panelColumns(), panelColumns());
  for (auto [number, factor] : llvm::enumerate(factors))
    factor.begin(number == 0 ? firstRow : firstColumn,
                 number == 0 ? rows : product.columns, product.depth);
}

void TileKernel::copy(Value slot, Value tile) {
  Value depth = e.mul(tile, engine.leftLayout().depth);
  for (FactorTile &factor : factors)
    factor.copy(slot, depth);
  NVVM::CpAsyncCommitGroupOp::create(e.builder, e.loc);
}

SmallVector<Value> TileKernel::fetch(int64_t pass, Value tile) {
  if (!product.loader)
    return {};
  return product.loader->fetch(pass, e.mul(tile, engine.leftLayout().depth));
}

void TileKernel::place(int64_t pass, Value slot, ValueRange fetched) {
  if (product.loader)
    product.loader->place(pass, slot, fetched);
}

std::pair<Value, Value> TileKernel::findPart() {
  Value tiles = e.ceilDiv(product.depth, engine.leftLayout().depth);
  if (!parts)
    return {e.index(0), tiles};
  return {e.quotient(e.mul(tiles, part), parts->count),
          e.quotient(e.mul(tiles, e.add(part, 1)), parts->count)};
}

/// LLVM would unroll a loop of few iterations, and ptxas load the numbers of
/// several tiles before it needs them, for which there are no registers.
static void keepRolled(Value result) {
  Operation *loop = result.getDefiningOp();
  MLIRContext *context = loop->getContext();
  auto never = LLVM::LoopUnrollAttr::get(context, BoolAttr::get(context, true),
                                         {}, {}, {}, {}, {}, {});
  loop->setAttr("loop_annotation",
                LLVM::LoopAnnotationAttr::get(
                    context, /*disableNonforced=*/{}, /*vectorize=*/{},
                    /*interleave=*/{}, never, /*unrollAndJam=*/{},
                    /*licm=*/{}, /*distribute=*/{}, /*pipeline=*/{},
                    /*peeled=*/{}, /*unswitch=*/{}, /*mustProgress=*/{},
                    /*isVectorized=*/{}, /*startLoc=*/{}, /*endLoc=*/{},
                    /*parallelAccesses=*/{}));
}

/// A ring of tiles: while one is multiplied, those behind it are copied. The
/// barrier that shows a tile to all threads also says that all have left the
/// slot that is filled next.
SmallVector<Value> TileKernel::multiply(int64_t pass, Value left, Value right,
                                        ValueRange before) {
  int64_t slots = engine.leftLayout().slots;
  Value zero = e.index(0), one = e.index(1);
  auto [first, end] = findPart();
  for (int64_t slot = 0; slot + 1 < slots; ++slot) {
    Value tile = e.add(first, slot);
    copy(e.index(slot), tile);
    place(pass, e.index(slot), fetch(pass, tile));
  }
  SmallVector<Value> carried(before);
  carried.push_back(zero);
  auto step = [&](Value tile, ValueRange values) {
    Value slot = values.back(), last = e.index(slots - 1);
    Value before = e.select(e.equal(slot, zero), last, e.sub(slot, one));
    Value next = e.select(e.equal(slot, last), zero, e.add(slot, one));
    NVVM::CpAsyncWaitGroupOp::create(e.builder, e.loc, slots - 2);
    e.barrier();
    Value ahead = e.add(tile, slots - 1);
    copy(before, ahead);
    SmallVector<Value> fetched = fetch(pass, ahead);
    SmallVector<Value> sums =
        engine.multiply(e, left, right, slot, values.drop_back());
    place(pass, before, fetched);
    sums.push_back(next);
    return sums;
  };
  SmallVector<Value> sums = e.loop(first, end, 1, carried, step);
  keepRolled(sums.front());
  sums.pop_back();
  NVVM::CpAsyncWaitGroupOp::create(e.builder, e.loc, 0);
  return sums;
}

MatrixProduct::WriteColumn TileKernel::writePart(Value row) {
  return [=](Value column, ValueRange sums) {
    for (auto [panel, sum] : llvm::enumerate(sums)) {
      Value place = e.add(column, e.mul(product.columns, panel));
      e.storeFloat(sum, parts->sums, {part, batch, row, place});
    }
  };
}

void TileKernel::forEachRow(function_ref<void(Value)> body) {
  Value count = e.min(e.sub(rows, firstRow), e.index(shape.rows));
  e.loop(e.warp(), count, e.warps(), body);
}

void TileKernel::forEachColumn(function_ref<void(Value)> body) {
  Value columns =
      e.min(e.sub(product.columns, firstColumn), e.index(panelColumns()));
  e.loop(e.lane(), columns, kWarpThreads, body);
}

/// Also if one is infinite, which costs one instruction less for each.
Value TileKernel::isAnyNaN(ValueRange sums) {
  Value zero = emit::f32(e.builder, e.loc, 0), all = zero;
  for (Value sum : sums)
    all = e.mulAdd(sum, zero, all);
  return isNaN(all);
}

/// The block's part of the sum of a row and a column of a panel, number by
/// number.
Value TileKernel::addUp(Value row, int64_t panel, Value column) {
  Factor::Number left = product.left.numbersOf(e, e.add(firstRow, row)),
                 right = product.rights[panel].numbersOf(
                     e, e.add(firstColumn, column));
  auto [first, end] = findPart();
  int64_t depths = engine.leftLayout().depth;
  return e.loop(e.mul(first, depths), e.min(e.mul(end, depths), product.depth),
                1, emit::f32(e.builder, e.loc, 0),
                [&](Value depth, ValueRange before) {
                  return SmallVector<Value>{
                      e.mulAdd(left(depth), right(depth), before[0])};
                })[0];
}

/// Adds up again what is NaN.
void TileKernel::mend(Value result) {
  forEachRow([&](Value row) {
    forEachColumn([&](Value column) {
      for (int64_t panel = 0; panel < panels(); ++panel) {
        SmallVector<Value> at{row, e.add(column, panel * panelColumns())};
        e.choose(isNaN(e.loadFloat(result, at)),
                 [&] { e.storeFloat(addUp(row, panel, column), result, at); });
      }
    });
  });
}

/// Sums go through shared memory, so that a warp writes a row.
void TileKernel::write(ValueRange sums) {
  Value result = e.dynamicShared(0, {shape.rows, shape.columns + kSumPadding},
                                 e.builder.getF32Type());
  e.barrier();
  engine.store(e, sums, result);
  // A thread mends what it writes.
  if (engine.mayMakeNaN())
    e.choose(e.anyThread(isAnyNaN(sums)), [&] { mend(result); });
  else
    e.barrier();
  auto writeRow = [&](Value row, const MatrixProduct::WriteColumn &write) {
    forEachColumn([&](Value column) {
      SmallVector<Value> ofPanels;
      for (int64_t panel = 0; panel < panels(); ++panel)
        ofPanels.push_back(
            e.loadFloat(result, {row, e.add(column, panel * panelColumns())}));
      write(e.add(firstColumn, column), ofPanels);
    });
  };
  forEachRow([&](Value row) {
    Value number = e.add(firstRow, row);
    auto writeResults = [&] { writeRow(row, product.writeRow(e, number)); };
    if (!parts)
      return writeResults();
    e.choose(
        e.lessThan(e.index(1), parts->count),
        [&] { writeRow(row, writePart(number)); }, writeResults);
  });
}

void TileKernel::emit() {
  findTile();
  if (product.countRows)
    e.choose(e.lessThan(firstRow, rows), [&] { emitTile(); });
  else
    emitTile();
}

void TileKernel::emitTile() {
  TileLayout leftLayout = engine.leftLayout();
  Value left = sharedTiles(e, leftLayout, 0);
  Value right = sharedTiles(e, engine.rightLayout(), leftLayout.bytes());
  beginCopies(left, right);
  engine.begin(e);
  SmallVector<Value> sums = engine.zeros(e);
  int64_t passes = product.loader ? product.loader->passes() : 1;
  for (int64_t pass = 0; pass < passes; ++pass) {
    // All threads have left the tiles of the pass before.
    if (pass > 0)
      e.barrier();
    sums = multiply(pass, left, right, sums);
  }
  write(sums);
}

void effattn::emitTileProduct(OpBuilder &builder, Location loc, StringRef name,
                              const MatrixProduct &product, TileEngine &engine,
                              const DepthParts *parts) {
  LoopEmitter host(builder, loc);
  Value blocks = countTiles(host, product, engine.shape);
  if (parts)
    blocks = host.mul(blocks, parts->count);
  gpu::LaunchOp launch = KernelEmitter::launch(
      builder, loc, name, blocks, engine.shape.threads,
      [&](KernelEmitter &e) { TileKernel(e, product, engine, parts).emit(); },
      TileKernel::sharedBytes(engine));
  KernelEmitter::limitRegisters(launch, engine.shape.blocks);
}
