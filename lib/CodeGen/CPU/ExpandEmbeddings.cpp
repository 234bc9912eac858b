//===- ExpandEmbeddings.cpp - Rows of compressed tables by vectors --------===//
#include "Expansion.h"
#include "RowsProduct.h"
#include "effattn/CodeGen/CPU/Passes.h"
#include "effattn/Dialect/EmbeddingOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_EXPANDEMBEDDINGSPASS
#include "effattn/CodeGen/CPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// Ids of a task. Those of a product share what they read of the directions;
/// those of a tensor train share scratch only.
static constexpr int64_t kTaskOfProduct = 64, kTaskOfTrain = 16;

/// Columns of a row that are asked for when its id is found: those of a task
/// fit the second-level cache.
static constexpr int64_t kColumnsAhead = 1024;

/// A size of scratch that no machine has, but whose bytes can be counted.
static constexpr int64_t kMostNumbers = int64_t(1) << 60;

namespace {
/// Some ids that differ in their last index only.
struct Ids {
  SmallVector<Value> leading;
  Value first, count;

  /// Where an id stands.
  SmallVector<Value> place(VectorEmitter &e, Value number) const {
    SmallVector<Value> indices = leading;
    // The only id may have no index.
    if (first)
      indices.push_back(e.add(first, number));
    return indices;
  }
};

/// Results whose rows are contiguous: the op's own, or a copy.
class Rows {
public:
  Rows(VectorEmitter &e, Value out)
      : e(e), out(out), memory(e.isContiguous(out) ? out : e.scratchLike(out)) {
  }

  void store(Value vector, ArrayRef<Value> place, Value column, Value mask) {
    SmallVector<Value> indices(place);
    indices.push_back(column);
    e.store(vector, memory, indices, mask);
  }
  Value width() {
    return e.size(memory, cast<MemRefType>(memory.getType()).getRank() - 1);
  }
  /// To be called when all are stored.
  void finish() {
    if (memory != out)
      linalg::makeMemRefCopyOp(e.builder, e.loc, memory, out);
  }

private:
  VectorEmitter &e;
  Value out, memory;
};
} // namespace

/// Tasks of at most `most` ids each.
static void overTasks(VectorEmitter &e, Value ids, int64_t most,
                      function_ref<void(const Ids &)> body) {
  int64_t rank = cast<MemRefType>(ids.getType()).getRank();
  if (rank == 0)
    return body({{}, {}, e.index(1)});
  SmallVector<Value> counts;
  for (int64_t dim = 0; dim < rank; ++dim)
    counts.push_back(e.size(ids, dim));
  Value all = counts.back();
  counts.back() = e.ceilDiv(all, most);
  e.parallel(counts, [&](ValueRange task) {
    Value first = e.mul(task.back(), most);
    body({SmallVector<Value>(task.drop_back()), first,
          e.min(e.index(most), e.sub(all, first))});
  });
}

static Value loadId(VectorEmitter &e, Value ids, ArrayRef<Value> place) {
  return emit::loadIndex(e.builder, e.loc, ids, place);
}

//===----------------------------------------------------------------------===//
// lora_embedding
//===----------------------------------------------------------------------===//

namespace {
/// The changes of a task's ids are a product: their numbers of all domains,
/// which are gathered, with the directions.
class LoraExpansion {
public:
  LoraExpansion(OpBuilder &builder, LoraEmbeddingOp op, const CpuModel &cpu)
      : e(builder, op.getLoc(), cpu), op(op), rows(e, op.getOut()) {}

  void run();

private:
  void expandTask(const Ids &ids);
  /// The numbers of an id, times the weights of the domains.
  void gather(const Ids &ids, Value number);
  Value emitScale();

  VectorEmitter e;
  LoraEmbeddingOp op;
  Rows rows;
  Value table, directions, domains, rank, scale;
  /// Of a task: [ids, domains, rank], and the ids.
  Value factors, found;
};
} // namespace

void LoraExpansion::run() {
  table = e.contiguous(op.getTable());
  directions = e.contiguous(op.getB());
  domains = e.size(directions, 0);
  rank = e.size(directions, 1);
  scale = emitScale();
  overTasks(e, op.getIds(), kTaskOfProduct,
            [&](const Ids &ids) { expandTask(ids); });
  rows.finish();
  op.erase();
}

/// alpha / r; nothing is scaled where r is 0.
Value LoraExpansion::emitScale() {
  Value divisor = arith::SIToFPOp::create(
      e.builder, e.loc, e.builder.getF32Type(),
      emit::fromIndex(e.builder, e.loc, e.max(rank, e.index(1)),
                      e.builder.getI64Type()));
  return e.divFloats(emit::f32(e.builder, e.loc, op.getAlpha()), divisor);
}

void LoraExpansion::gather(const Ids &ids, Value number) {
  SmallVector<Value> place = ids.place(e, number);
  Value id = loadId(e, op.getIds(), place);
  memref::StoreOp::create(e.builder, e.loc, id, found, number);
  e.prefetchRow(table, id, /*isWrite=*/false, kColumnsAhead);
  e.loop(e.index(0), domains, 1, [&](Value domain) {
    Value weight;
    if (Value weights = op.getWeights())
      weight = e.loadScalar(weights,
                            cast<MemRefType>(weights.getType()).getRank() == 2
                                ? ValueRange{place[0], domain}
                                : ValueRange(domain));
    e.loop(e.index(0), rank, 1, [&](Value k) {
      Value factor = e.loadScalar(op.getA(), {domain, id, k});
      if (weight)
        factor = e.mulFloats(weight, factor);
      e.storeScalar(factor, factors, {number, domain, k});
    });
  });
}

void LoraExpansion::expandTask(const Ids &ids) {
  factors = e.scratch({e.fixed(kTaskOfProduct), domains, rank},
                      e.builder.getF32Type());
  found = e.scratch(e.fixed(kTaskOfProduct), e.builder.getIndexType());
  e.loop(e.index(0), ids.count, 1, [&](Value number) { gather(ids, number); });
  Value scales = e.splat(scale);
  RowsProduct product;
  product.rows = ids.count;
  product.columns = rows.width();
  product.groups = domains;
  product.depth = rank;
  product.left = [&](Value number, Value domain, Value k) {
    return e.loadScalar(factors, {number, domain, k});
  };
  product.right = [&](Value domain, Value k, Value column, Value mask) {
    return e.load(directions, {domain, k, column}, mask);
  };
  product.store = [&](Value number, Value column, Value mask, Value sums) {
    Value id = emit::load(e.builder, e.loc, found, number);
    Value row = e.load(table, {id, column}, mask);
    rows.store(e.mulAdd(scales, sums, row), ids.place(e, number), column, mask);
  };
  emitRowsProduct(e, product);
}

//===----------------------------------------------------------------------===//
// tensor_train_embedding
//===----------------------------------------------------------------------===//

namespace {
/// For each id the product of its matrices, from left to right. Core c without
/// its row mode is a matrix [r_{c-1}, m_c r_c], and the product of cores 0 to c
/// one of [columns so far, r_c], which is also [columns before, m_c r_c].
class TensorTrainExpansion {
public:
  TensorTrainExpansion(OpBuilder &builder, TensorTrainEmbeddingOp op,
                       const CpuModel &cpu)
      : e(builder, op.getLoc(), cpu), op(op), rows(e, op.getOut()) {}

  void run();

private:
  struct Core {
    /// [rank before, row modes, columns times rank behind]
    Value numbers;
    Value rankBefore, modes, width, rank;
    /// Columns of the product up to this core.
    Value columns;
    /// The product; null for the last one, which is the result.
    Value product;
  };

  void addCore(Value numbers);
  Value flatten(Value core);
  void expandId(ArrayRef<Value> place);
  /// What the first core gives.
  void begin(ArrayRef<Value> place, Value digit);
  void append(const Core &before, const Core &core, ArrayRef<Value> place,
              Value digit);
  void store(const Core &core, ArrayRef<Value> place, Value at, Value mask,
             Value vector);
  Value times(Value lhs, Value rhs) {
    return emit::mulUpTo(e.builder, e.loc, lhs, rhs, kMostNumbers);
  }

  VectorEmitter e;
  TensorTrainEmbeddingOp op;
  Rows rows;
  SmallVector<Core> cores;
};
} // namespace

void TensorTrainExpansion::run() {
  for (Value numbers : op.getCores())
    addCore(numbers);
  overTasks(e, op.getIds(), kTaskOfTrain, [&](const Ids &ids) {
    for (Core &core : MutableArrayRef<Core>(cores).drop_back())
      core.product = e.scratch(OpFoldResult(times(core.columns, core.rank)),
                               e.builder.getF32Type());
    e.loop(e.index(0), ids.count, 1,
           [&](Value number) { expandId(ids.place(e, number)); });
  });
  rows.finish();
  op.erase();
}

void TensorTrainExpansion::addCore(Value numbers) {
  Core core;
  core.rankBefore = e.size(numbers, 0);
  core.modes = e.size(numbers, 1);
  Value columns = e.size(numbers, 2);
  core.rank = e.size(numbers, 3);
  core.width = times(columns, core.rank);
  core.columns = cores.empty() ? columns : times(cores.back().columns, columns);
  core.numbers = flatten(numbers);
  cores.push_back(core);
}

/// Columns and rank behind as one dimension; a copy where they do not lie as
/// one.
Value TensorTrainExpansion::flatten(Value core) {
  core = e.contiguous(core);
  auto metadata =
      memref::ExtractStridedMetadataOp::create(e.builder, e.loc, core);
  SmallVector<OpFoldResult> sizes = metadata.getConstifiedMixedSizes();
  SmallVector<OpFoldResult> strides = metadata.getConstifiedMixedStrides();
  Value columns = e.size(core, 2), rank = e.size(core, 3);
  int64_t dynamic = ShapedType::kDynamic;
  auto type =
      MemRefType::get({dynamic, dynamic, dynamic},
                      cast<MemRefType>(core.getType()).getElementType(),
                      StridedLayoutAttr::get(e.builder.getContext(), dynamic,
                                             {dynamic, dynamic, 1}));
  auto view = [&](Value base, OpFoldResult offset, OpFoldResult outer,
                  OpFoldResult inner) -> Value {
    auto dynamicValue = [&](OpFoldResult number) -> OpFoldResult {
      return getValueOrCreateConstantIndexOp(e.builder, e.loc, number);
    };
    return memref::ReinterpretCastOp::create(
        e.builder, e.loc, type, base, dynamicValue(offset),
        {dynamicValue(sizes[0]), dynamicValue(sizes[1]), e.mul(columns, rank)},
        {dynamicValue(outer), dynamicValue(inner), e.fixed(1)});
  };
  Value stride = getValueOrCreateConstantIndexOp(e.builder, e.loc, strides[2]);
  Value isOne = emit::logicalOr(e.builder, e.loc, e.equal(stride, rank),
                                e.lessEqual(columns, e.index(1)));
  return e.choose(
      isOne, type,
      [&]() -> SmallVector<Value> {
        return {view(core, metadata.getConstifiedMixedOffset(), strides[0],
                     strides[1])};
      },
      [&]() -> SmallVector<Value> {
        Value copy = e.scratchLike(core);
        linalg::makeMemRefCopyOp(e.builder, e.loc, core, copy);
        Value row = e.mul(columns, rank);
        return {view(copy, e.fixed(0), e.mul(row, e.size(core, 1)), row)};
      })[0];
}

void TensorTrainExpansion::expandId(ArrayRef<Value> place) {
  // From the least significant mode on, where no product of modes can overflow.
  Value id = loadId(e, op.getIds(), place);
  SmallVector<Value> digits(cores.size());
  for (size_t number = cores.size(); number-- > 0;) {
    Value modes = cores[number].modes;
    digits[number] = e.remainder(id, modes);
    id = e.quotient(id, modes);
  }
  begin(place, digits[0]);
  for (size_t number = 1; number < cores.size(); ++number)
    append(cores[number - 1], cores[number], place, digits[number]);
}

void TensorTrainExpansion::begin(ArrayRef<Value> place, Value digit) {
  const Core &core = cores[0];
  e.overColumns(e.index(0), core.width, [&](Value column, Value mask) {
    Value numbers = e.load(core.numbers, {e.index(0), digit, column}, mask);
    store(core, place, column, mask, numbers);
  });
}

void TensorTrainExpansion::append(const Core &before, const Core &core,
                                  ArrayRef<Value> place, Value digit) {
  RowsProduct product;
  product.rows = before.columns;
  product.columns = core.width;
  product.groups = e.index(1);
  product.depth = core.rankBefore;
  product.left = [&](Value row, Value, Value k) {
    return e.loadScalar(before.product, e.add(e.mul(row, core.rankBefore), k));
  };
  product.right = [&](Value, Value k, Value column, Value mask) {
    Value ahead = e.add(k, e.cpu.prefetchRows());
    e.prefetch(core.numbers, {ahead, digit, column});
    return e.load(core.numbers, {k, digit, column}, mask);
  };
  product.store = [&](Value row, Value column, Value mask, Value sums) {
    store(core, place, e.add(e.mul(row, core.width), column), mask, sums);
  };
  emitRowsProduct(e, product);
}

void TensorTrainExpansion::store(const Core &core, ArrayRef<Value> place,
                                 Value at, Value mask, Value vector) {
  if (core.product)
    e.store(vector, core.product, at, mask);
  else
    rows.store(vector, place, at, mask);
}

void effattn::expand(OpBuilder &builder, LoraEmbeddingOp op,
                     const CpuModel &cpu) {
  LoraExpansion(builder, op, cpu).run();
}

void effattn::expand(OpBuilder &builder, TensorTrainEmbeddingOp op,
                     const CpuModel &cpu) {
  TensorTrainExpansion(builder, op, cpu).run();
}

namespace {
struct ExpandEmbeddingsPass
    : ExpansionPass<effattn::impl::ExpandEmbeddingsPassBase,
                    ExpandEmbeddingsPass> {
  using ExpansionPass::ExpansionPass;

  void expandAll(const CpuModel &cpu) {
    expandEach<LoraEmbeddingOp>(cpu);
    expandEach<TensorTrainEmbeddingOp>(cpu);
  }
};
} // namespace
