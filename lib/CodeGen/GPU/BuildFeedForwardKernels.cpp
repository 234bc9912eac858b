//===- BuildFeedForwardKernels.cpp - Feed-forward layers as products ------===//
#include "../Activation.h"
#include "../ForEachOnBuffers.h"
#include "FeedForwardKernels.h"
#include "effattn/CodeGen/GPU/Passes.h"
#include "effattn/Dialect/NormOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_BUILDFEEDFORWARDKERNELSPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// What layers share. A row is one of x, whatever the leading dimensions.
template <typename Op> class FeedForwardKernels {
public:
  FeedForwardKernels(OpBuilder &builder, Op op, bool tf32);
  virtual ~FeedForwardKernels() = default;

protected:
  using Place = SmallVector<Value>;
  using WriteColumn = std::function<void(Value column, Value sum)>;

  /// (act(input gate) * (input up)) down; `writeRow` gives what writes a row of
  /// it.
  void emitLayer(const Factor &input,
                 function_ref<WriteColumn(KernelEmitter &, Value)> writeRow);
  /// Those of scratch, which is f32 [rows, columns].
  Factor scratchRows(Value memory) const;
  /// What a row of a product is in scratch.
  virtual Value scratchRow(Value row) const { return row; }
  Value allocate(Value columns);
  void free(Value scratch) {
    memref::DeallocOp::create(e.builder, e.loc, scratch);
  }
  /// The indices of a row of x, without its column.
  Place rowPlace(LoopEmitter &emitter, Value row);

  LoopEmitter e;
  Op op;
  Value width, hiddenWidth, rows;
  /// Scratch for the hidden layer.
  Value hidden;
  /// The rows of both products, and their batches.
  MatrixProduct layer;
  /// Where the weights are that they are multiplied by.
  Place weights;
};
} // namespace

//===----------------------------------------------------------------------===//
// Rows and columns
//===----------------------------------------------------------------------===//

static int64_t rankOf(Value memory) {
  return cast<MemRefType>(memory.getType()).getRank();
}

static bool isContiguous(Value memory) {
  return cast<MemRefType>(memory.getType()).isLastDimUnitStride();
}

template <typename Op>
FeedForwardKernels<Op>::FeedForwardKernels(OpBuilder &builder, Op op, bool tf32)
    : e(builder, op.getLoc()), op(op) {
  Value out = op.getOut(), down = op.getDown();
  width = e.size(out, rankOf(out) - 1);
  hiddenWidth = e.size(down, rankOf(down) - 2);
  rows = e.index(1);
  for (int64_t dim = 0; dim + 1 < rankOf(out); ++dim)
    rows = e.mul(rows, e.size(out, dim));
  layer.rows = rows;
  layer.tf32 = tf32;
}

template <typename Op> Value FeedForwardKernels<Op>::allocate(Value columns) {
  int64_t any = ShapedType::kDynamic;
  return memref::AllocOp::create(
      e.builder, e.loc, MemRefType::get({any, any}, e.builder.getF32Type()),
      ValueRange{rows, columns});
}

template <typename Op>
SmallVector<Value> FeedForwardKernels<Op>::rowPlace(LoopEmitter &emitter,
                                                    Value row) {
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim + 1 < rankOf(op.getOut()); ++dim)
    sizes.push_back(emitter.size(op.getOut(), dim));
  return emitter.split(row, sizes);
}

template <typename Op>
Factor FeedForwardKernels<Op>::scratchRows(Value memory) const {
  auto at = [this](Value row, Value column) {
    return Place{scratchRow(row), column};
  };
  return {memory, at, /*depthDim=*/1, /*depthIsAdjacent=*/true};
}

Factor
effattn::columnsOf(Value weight,
                   const std::function<SmallVector<Value>()> &findMatrix) {
  auto at = [findMatrix](Value column, Value depth) {
    SmallVector<Value> place = findMatrix();
    place.append({depth, column});
    return place;
  };
  return {weight, at, rankOf(weight) - 2, /*depthIsAdjacent=*/false,
          isContiguous(weight)};
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

template <typename Op>
void FeedForwardKernels<Op>::emitLayer(
    const Factor &input,
    function_ref<WriteColumn(KernelEmitter &, Value)> writeRow) {
  bool isF32 = cast<MemRefType>(op.getOut().getType()).getElementType().isF32();
  auto columnsIn = [&](Value weight) {
    return columnsOf(weight, [this] { return weights; });
  };
  MatrixProduct up = layer;
  up.columns = hiddenWidth;
  up.depth = width;
  up.left = input;
  up.rights = {columnsIn(op.getGate()), columnsIn(op.getUp())};
  up.leftParts = isF32 ? 3 : 2;
  up.writeRow = [&](KernelEmitter &kernel, Value row) {
    return [&, row = scratchRow(row)](Value column, ValueRange sums) {
      Value gate = emitActivation(kernel.builder, kernel.loc,
                                  op.getActivation(), sums[0]);
      kernel.storeFloat(kernel.mulFloats(gate, sums[1]), hidden, {row, column});
    };
  };
  StringRef name = Op::getOperationName().drop_front(sizeof("effattn"));
  emitMatrixProduct(e.builder, e.loc, (name + "_up").str(), up);

  MatrixProduct down = layer;
  down.columns = width;
  down.depth = hiddenWidth;
  down.left = scratchRows(hidden);
  down.rights = {columnsIn(op.getDown())};
  down.leftParts = up.leftParts;
  down.writeRow = [&](KernelEmitter &kernel, Value row) {
    return [write = writeRow(kernel, row)](Value column, ValueRange sums) {
      write(column, sums.front());
    };
  };
  emitMatrixProduct(e.builder, e.loc, (name + "_down").str(), down);
}

namespace {
class GatedKernels : FeedForwardKernels<GatedFFNOp> {
public:
  using FeedForwardKernels::FeedForwardKernels;

  void build() {
    hidden = allocate(hiddenWidth);
    emitLayer(rowsOf(e, op.getX()), [&](KernelEmitter &kernel, Value row) {
      return [&, place = rowPlace(kernel, row)](Value column, Value sum) {
        Place at(place);
        at.push_back(column);
        kernel.storeFloat(sum, op.getOut(), at);
      };
    });
    free(hidden);
    op.erase();
  }
};

/// The rows between blocks are carried apart from what a norm makes of them.
class HourglassKernels : FeedForwardKernels<HourglassFFNOp> {
public:
  using FeedForwardKernels::FeedForwardKernels;

  void build();

private:
  /// From rows of x or out to scratch, or back.
  void copyRows(Value memory, bool toScratch);
  void normalize(Value block);

  Value carried, input;
};
} // namespace

void HourglassKernels::copyRows(Value memory, bool toScratch) {
  KernelEmitter::launchWarps(
      e.builder, e.loc, "hourglass_ffn_copy", rows,
      [&](KernelEmitter &kernel, ArrayRef<Value> row) {
        Place place = rowPlace(kernel, row[0]);
        kernel.loop(kernel.lane(), width, kWarpThreads, [&](Value column) {
          Place at(place), inScratch{row[0], column};
          at.push_back(column);
          if (toScratch)
            kernel.storeFloat(kernel.loadFloat(memory, at), carried, inScratch);
          else
            kernel.storeFloat(kernel.loadFloat(carried, inScratch), memory, at);
        });
      });
}

void HourglassKernels::normalize(Value block) {
  OpFoldResult one = e.builder.getIndexAttr(1),
               zero = e.builder.getIndexAttr(0);
  auto type = cast<MemRefType>(op.getNorm().getType());
  SmallVector<OpFoldResult> offsets{block, zero}, strides{one, one};
  SmallVector<OpFoldResult> sizes{
      one, type.isDynamicDim(1) ? OpFoldResult(e.size(op.getNorm(), 1))
                                : e.builder.getIndexAttr(type.getDimSize(1))};
  MemRefType rowType = memref::SubViewOp::inferRankReducedResultType(
      {type.getDimSize(1)}, type, offsets, sizes, strides);
  Value weight = memref::SubViewOp::create(
      e.builder, e.loc, rowType, op.getNorm(), offsets, sizes, strides);
  RMSNormOp::create(e.builder, e.loc, TypeRange(), carried, weight, input,
                    op.getEpsilonAttr(), e.builder.getBoolAttr(false));
}

void HourglassKernels::build() {
  // Rows without columns: a slice of the norm would be out of bounds.
  if (cast<MemRefType>(op.getNorm().getType()).getDimSize(1) == 0)
    return op.erase();
  carried = allocate(width);
  input = allocate(width);
  hidden = allocate(hiddenWidth);
  copyRows(op.getX(), /*toScratch=*/true);
  e.loop(e.index(0), e.size(op.getNorm(), 0), 1, [&](Value block) {
    normalize(block);
    weights = {block};
    emitLayer(scratchRows(input), [&](KernelEmitter &kernel, Value row) {
      return [&, row](Value column, Value sum) {
        Value before = kernel.loadFloat(carried, {row, column});
        kernel.storeFloat(kernel.addFloats(before, sum), carried,
                          {row, column});
      };
    });
  });
  copyRows(op.getOut(), /*toScratch=*/false);
  for (Value scratch : {hidden, input, carried})
    free(scratch);
  op.erase();
}

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

namespace {
/// Choices are sorted by expert, in any order within one, and those of each
/// expert are cut into tiles, which are the batches of both products. What a
/// choice makes is kept, and added up by its token, so that sums have one
/// order.
class ExpertKernels : FeedForwardKernels<MoeFFNOp> {
public:
  ExpertKernels(OpBuilder &builder, MoeFFNOp op, bool tf32)
      : FeedForwardKernels(builder, op, tf32), tokens(rows),
        perToken(e.size(op.getExperts(), rankOf(op.getExperts()) - 1)),
        experts(e.size(op.getGate(), 0)) {
    rows = e.mul(tokens, perToken);
  }

  void build();

private:
  /// Choices so few that each is a tile, and the rows of other tiles.
  static constexpr int64_t kFewChoices = 8, kTileRows = 64;
  /// What is known of a tile: `choices` from `First` on are its rows.
  enum { Expert, First, Count, Facts };

  void sort(int64_t tileRows);
  void cut(Value expert, int64_t tileRows);
  void multiply(int64_t tileRows);
  void addUp();
  Value scratchRow(Value row) const override {
    return emit::add(e.builder, e.loc, firstRow, row);
  }
  /// The token and the number of a choice, as indices of `experts`.
  Place choicePlace(Value choice);
  Value allocateNumbers(ValueRange sizes);

  Value tokens, perToken, experts;
  /// i32. Of each expert: its choices, and where they begin in `choices`. Of
  /// each choice: how many of its expert come before it.
  Value counts, starts, ranks, choices;
  /// i32 [Facts, tile].
  Value tiles, tileCount;
  /// In scratch, of the tile that was entered.
  Value firstRow;
  /// f32 [choice, column]: what each makes.
  Value made;
};
} // namespace

static Value loadNumber(LoopEmitter &e, Value memory, ValueRange at) {
  return emit::loadIndex(e.builder, e.loc, memory, at);
}

static void storeNumber(LoopEmitter &e, Value number, Value memory,
                        ValueRange at) {
  number = emit::fromIndex(e.builder, e.loc, number, e.builder.getI32Type());
  memref::StoreOp::create(e.builder, e.loc, number, memory, at);
}

/// A parallel loop; the same builder emits its body.
static void overAll(LoopEmitter &e, Value count,
                    function_ref<void(Value)> body) {
  emitParallel(e.builder, e.loc, count,
               [&](OpBuilder &, ValueRange place) { body(place[0]); });
}

Value ExpertKernels::allocateNumbers(ValueRange sizes) {
  SmallVector<int64_t> shape(sizes.size(), ShapedType::kDynamic);
  return memref::AllocOp::create(
      e.builder, e.loc, MemRefType::get(shape, e.builder.getI32Type()), sizes);
}

SmallVector<Value> ExpertKernels::choicePlace(Value choice) {
  Value divisor = e.max(perToken, e.index(1));
  Place place = rowPlace(e, e.quotient(choice, divisor));
  place.push_back(e.remainder(choice, divisor));
  return place;
}

/// Every expert adds up what those before it have.
void ExpertKernels::cut(Value expert, int64_t tileRows) {
  Value zero = e.index(0);
  SmallVector<Value> before =
      e.loop(zero, expert, 1, ValueRange{zero, zero},
             [&](Value other, ValueRange sums) -> SmallVector<Value> {
               Value count = loadNumber(e, counts, other);
               return {e.add(sums[0], count),
                       e.add(sums[1], e.ceilDiv(count, tileRows))};
             });
  storeNumber(e, before[0], starts, expert);
  Value count = loadNumber(e, counts, expert);
  e.loop(zero, e.ceilDiv(count, tileRows), 1, [&](Value number) {
    Value tile = e.add(before[1], number);
    Value done = e.mul(number, tileRows);
    auto note = [&](int64_t fact, Value value) {
      storeNumber(e, value, tiles, {e.index(fact), tile});
    };
    note(Expert, expert);
    note(First, e.add(before[0], done));
    note(Count, e.min(e.sub(count, done), e.index(tileRows)));
  });
}

void ExpertKernels::sort(int64_t tileRows) {
  overAll(e, experts,
          [&](Value expert) { storeNumber(e, e.index(0), counts, expert); });
  overAll(e, tileCount, [&](Value tile) {
    storeNumber(e, e.index(0), tiles, {e.index(Count), tile});
  });
  auto expertOf = [&](Value choice) {
    return loadNumber(e, op.getExperts(), choicePlace(choice));
  };
  overAll(e, rows, [&](Value choice) {
    Value one = arith::ConstantIntOp::create(e.builder, e.loc, 1, 32);
    Value rank = memref::AtomicRMWOp::create(e.builder, e.loc,
                                             arith::AtomicRMWKind::addi, one,
                                             counts, expertOf(choice));
    memref::StoreOp::create(e.builder, e.loc, rank, ranks, choice);
  });
  overAll(e, experts, [&](Value expert) { cut(expert, tileRows); });
  overAll(e, rows, [&](Value choice) {
    Value first = loadNumber(e, starts, expertOf(choice));
    Value place = e.add(first, loadNumber(e, ranks, choice));
    storeNumber(e, choice, choices, place);
  });
}

/// Both products, for tiles of so many rows.
void ExpertKernels::multiply(int64_t tileRows) {
  // An expert's last tile may have room left; there are no more of these than
  // experts, and no more tiles than choices.
  tileCount = e.min(rows, e.add(e.ceilDiv(rows, tileRows), experts));
  tiles = allocateNumbers({e.index(Facts), tileCount});
  sort(tileRows);
  auto factOf = [&](int64_t fact, Value tile) {
    return loadNumber(e, tiles, {e.index(fact), tile});
  };
  Value tile;
  layer.rows = e.index(tileRows);
  layer.batches = tileCount;
  layer.enterBatch = [&](Value number) {
    tile = number;
    weights = {factOf(Expert, tile)};
    firstRow = factOf(First, tile);
  };
  if (tileRows > 1)
    layer.countRows = [&] { return factOf(Count, tile); };
  auto choiceOf = [&](Value row) {
    return loadNumber(e, choices, scratchRow(row));
  };
  Factor input = rowsOf(e, op.getX());
  auto at = [&](Value row, Value column) {
    Place place = choicePlace(choiceOf(row));
    place.back() = column;
    return place;
  };
  input.at = at;
  emitLayer(input, [&](KernelEmitter &kernel, Value row) {
    return [&, choice = choiceOf(row)](Value column, Value sum) {
      kernel.storeFloat(sum, made, {choice, column});
    };
  });
  free(tiles);
}

void ExpertKernels::addUp() {
  KernelEmitter::launchWarps(
      e.builder, e.loc, "moe_ffn_sum", tokens,
      [&](KernelEmitter &kernel, ArrayRef<Value> token) {
        Place place = rowPlace(kernel, token[0]);
        Value first = kernel.mul(token[0], perToken);
        kernel.loop(kernel.lane(), width, kWarpThreads, [&](Value column) {
          auto add = [&](Value number, ValueRange sum) -> SmallVector<Value> {
            Place at(place);
            at.push_back(number);
            Value gate = kernel.loadFloat(op.getGates(), at);
            Value own =
                kernel.loadFloat(made, {kernel.add(first, number), column});
            return {kernel.mulAdd(gate, own, sum[0])};
          };
          Value zero = emit::f32(e.builder, e.loc, 0);
          Place at(place);
          at.push_back(column);
          kernel.storeFloat(
              kernel.loop(kernel.index(0), perToken, 1, zero, add)[0],
              op.getOut(), at);
        });
      });
}

void ExpertKernels::build() {
  counts = allocateNumbers(experts);
  starts = allocateNumbers(experts);
  ranks = allocateNumbers(rows);
  choices = allocateNumbers(rows);
  hidden = allocate(hiddenWidth);
  made = allocate(width);
  e.choose(
      e.lessEqual(rows, e.index(kFewChoices)), [&] { multiply(1); },
      [&] { multiply(kTileRows); });
  addUp();
  for (Value scratch : {made, hidden, choices, ranks, starts, counts})
    free(scratch);
  op.erase();
}

namespace {
struct BuildFeedForwardKernelsPass
    : effattn::impl::BuildFeedForwardKernelsPassBase<
          BuildFeedForwardKernelsPass> {
  using Base::Base;

  /// Makes kernels of all ops of a kind.
  template <typename Kernels, typename Op> void buildAll() {
    forEachOnBuffers<Op>(getOperation(), [&](OpBuilder &builder, Op op) {
      Kernels(builder, op, tf32).build();
    });
  }

  void runOnOperation() override {
    buildAll<GatedKernels, GatedFFNOp>();
    buildAll<HourglassKernels, HourglassFFNOp>();
    buildAll<ExpertKernels, MoeFFNOp>();
    // Which experts are chosen is not left to rounding.
    forEachOnBuffers<MoeRouteOp>(getOperation(), buildMoeRoute);
  }
};
} // namespace
