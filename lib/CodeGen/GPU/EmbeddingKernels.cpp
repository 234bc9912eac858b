//===- EmbeddingKernels.cpp - Rows of tables, a warp some columns ---------===//
#include "EmbeddingKernels.h"
#include "TableCodes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

/// Emits what a lane does with a column of the row that it has entered, and
/// what gives a number of that row in f32.
using VisitColumn = std::function<void(Value column)>;
using Numbers = std::function<Value(Value column)>;

/// Columns of a warp: four of a lane, so that rows of a few ids are work for
/// many warps.
static constexpr int64_t kColumns = 4 * kWarpThreads;

/// Launches warps that have a row, which has an index below each of `sizes`,
/// and 128 of its columns each. Neighbouring lanes visit neighbouring columns.
static void launchColumns(
    LoopEmitter &host, StringRef name, ValueRange sizes, Value columns,
    function_ref<VisitColumn(KernelEmitter &, ArrayRef<Value>)> enterRow) {
  SmallVector<Value> places(sizes);
  places.push_back(host.ceilDiv(columns, kColumns));
  KernelEmitter::launchWarps(
      host.builder, host.loc, name, places,
      [&](KernelEmitter &e, ArrayRef<Value> place) {
        VisitColumn visit = enterRow(e, place.drop_back());
        Value first = e.mul(place.back(), kColumns);
        e.loop(e.add(first, e.lane()), e.min(columns, e.add(first, kColumns)),
               kWarpThreads, visit);
      });
}

//===----------------------------------------------------------------------===//
// Ids
//===----------------------------------------------------------------------===//

namespace {
/// The ids of an op, numbered row by row whatever their dimensions.
struct Ids {
  Ids(LoopEmitter &host, Value memory)
      : memory(memory),
        sizes(getSizes(host.builder, host.loc, memory,
                       cast<MemRefType>(memory.getType()).getRank())),
        count(host.index(1)) {
    for (Value size : sizes)
      count = host.mul(count, size);
  }

  Value load(KernelEmitter &e, ArrayRef<Value> place) const {
    return emit::loadIndex(e.builder, e.loc, memory, place);
  }

  Value memory;
  SmallVector<Value> sizes;
  Value count;
};
} // namespace

/// Launches what writes a row of `op.getOut()` for each id; `enterRow` gives
/// its numbers.
template <typename Op>
static void
launchRows(LoopEmitter &host, Op op,
           function_ref<Numbers(KernelEmitter &, Value id)> enterRow) {
  Ids ids(host, op.getIds());
  Value out = op.getOut();
  auto enter = [&](KernelEmitter &e, ArrayRef<Value> at) -> VisitColumn {
    return [&e, out, place = SmallVector<Value>(at),
            number = enterRow(e, ids.load(e, at))](Value column) {
      e.storeFloat(number(column), out, joinIndices(place, column));
    };
  };
  launchColumns(host, Op::getOperationName().drop_front(sizeof("effattn")),
                ids.sizes, host.size(out, ids.sizes.size()), enter);
}

//===----------------------------------------------------------------------===//
// Whole tables
//===----------------------------------------------------------------------===//

void effattn::buildEmbedding(OpBuilder &builder, EmbeddingOp op) {
  LoopEmitter host(builder, op.getLoc());
  Ids ids(host, op.getIds());
  KernelEmitter::launchWarps(builder, host.loc, "embedding", ids.sizes,
                             [&](KernelEmitter &e, ArrayRef<Value> place) {
                               e.copyRow(op.getTable(), ids.load(e, place),
                                         op.getOut(), place);
                             });
  op.erase();
}

static Value chooseFloat(LoopEmitter &e, Value condition,
                         function_ref<Value()> then,
                         function_ref<Value()> otherwise) {
  auto listed = [](function_ref<Value()> branch) {
    return [branch] { return SmallVector<Value>{branch()}; };
  };
  return e
      .choose(condition, TypeRange(e.builder.getF32Type()), listed(then),
              listed(otherwise))
      .front();
}

void effattn::buildSplitEmbedding(OpBuilder &builder, SplitEmbeddingOp op) {
  LoopEmitter host(builder, op.getLoc());
  Value invariant = op.getInvariant(), variant = op.getVariant();
  launchRows(host, op, [&](KernelEmitter &e, Value id) {
    auto rowOf = [&](Value map) {
      return map ? emit::loadIndex(e.builder, e.loc, map, id) : id;
    };
    Value shared = rowOf(op.getInvariantMap()), own = rowOf(op.getVariantMap());
    auto add = [=, &e](Value column) {
      return e.addFloats(e.loadFloat(invariant, {shared, column}),
                         e.loadFloat(variant, {own, column}));
    };
    auto concatenate = [=, &e](Value column) {
      Value width = e.size(invariant, 1);
      return chooseFloat(
          e, e.lessThan(column, width),
          [&] { return e.loadFloat(invariant, {shared, column}); },
          [&] { return e.loadFloat(variant, {own, e.sub(column, width)}); });
    };
    bool isSum = op.getCombine() == CombineMode::Add;
    return isSum ? Numbers(add) : concatenate;
  });
  op.erase();
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

namespace {
/// The numbers of a row of a quantised table.
class QuantizedRow {
public:
  QuantizedRow(KernelEmitter &e, TableParts &table, Value id)
      : e(e), table(table), row(TableCodes(e, table).enter(id)) {}

  Value number(Value column);

private:
  /// Of one part.
  Value number(const RowPart &part, Value column, Value group);

  KernelEmitter &e;
  TableParts &table;
  TableCodes::Row row;
};
} // namespace

Value QuantizedRow::number(const RowPart &part, Value column, Value group) {
  return e.mulFloats(table.loadNumber(part, column),
                     e.loadFloat(part.scales, {part.scaleRow, group}));
}

Value QuantizedRow::number(Value column) {
  Value group = table.groupOf(column);
  auto ofCodes = [&](RowPart::Operand codes, Value codeRow, Value id) {
    return number(table.partOf(codes, codeRow, id), column, group);
  };
  Value sum = chooseFloat(
      e, row.isWide, [&] { return ofCodes(RowPart::Codes8, row.row, row.id); },
      [&] { return ofCodes(RowPart::Codes4, row.row, row.id); });
  if (table.hasResidual())
    sum = e.addFloats(sum, ofCodes(RowPart::ResidualCodes, row.id, row.id));
  if (!table.hasNearest())
    return sum;
  return chooseFloat(
      e, e.lessEqual(e.index(0), row.source),
      [&] {
        Value nearest = ofCodes(RowPart::Codes8, row.sourceRow, row.source);
        return e.addFloats(sum, e.mulFloats(row.weight, nearest));
      },
      [&] { return sum; });
}

void effattn::buildQuantizedEmbedding(OpBuilder &builder,
                                      QuantizedEmbeddingOp op) {
  LoopEmitter host(builder, op.getLoc());
  launchRows(host, op, [&](KernelEmitter &e, Value id) {
    auto table = std::make_shared<TableParts>(e, op.getQuantizedTable());
    return [row = QuantizedRow(e, *table, id), table](Value column) mutable {
      return row.number(column);
    };
  });
  op.erase();
}

//===----------------------------------------------------------------------===//
// lora_embedding
//===----------------------------------------------------------------------===//

static Value allocate(LoopEmitter &host, ValueRange sizes) {
  SmallVector<int64_t> shape(sizes.size(), ShapedType::kDynamic);
  return memref::AllocOp::create(
      host.builder, host.loc, MemRefType::get(shape, host.builder.getF32Type()),
      sizes);
}

namespace {
/// The numbers of an id in all domains are gathered before its row is made, so
/// that lanes read the same number of `a` and neighbouring ones of `b`.
class LoraKernels {
public:
  LoraKernels(OpBuilder &builder, LoraEmbeddingOp op)
      : host(builder, op.getLoc()), op(op), ids(host, op.getIds()),
        domains(host.size(op.getB(), 0)), rank(host.size(op.getB(), 1)) {}

  void build();

private:
  void launchFactors();
  void launchSums();
  /// sum_n w_n sum_k a[n, id, k] b[n, k, column] of the id in a row of factors.
  Value change(KernelEmitter &e, Value row, Value column);
  Value weightOf(KernelEmitter &e, ArrayRef<Value> place, Value domain);
  Value emitScale();

  LoopEmitter host;
  LoraEmbeddingOp op;
  Ids ids;
  Value domains, rank;
  /// f32 [id, domain, rank], times the weights of the domains.
  Value factors;
};
} // namespace

/// alpha / r; nothing is scaled where r is 0.
Value LoraKernels::emitScale() {
  OpBuilder &builder = host.builder;
  Value divisor = arith::SIToFPOp::create(
      builder, host.loc, builder.getF32Type(),
      emit::fromIndex(builder, host.loc, host.max(rank, host.index(1)),
                      builder.getI64Type()));
  return host.divFloats(emit::f32(builder, host.loc, op.getAlpha()), divisor);
}

Value LoraKernels::weightOf(KernelEmitter &e, ArrayRef<Value> place,
                            Value domain) {
  Value weights = op.getWeights();
  bool isByRow = cast<MemRefType>(weights.getType()).getRank() == 2;
  return e.loadFloat(weights, isByRow ? ValueRange{place[0], domain}
                                      : ValueRange(domain));
}

void LoraKernels::launchFactors() {
  launchColumns(host, "lora_embedding_factors", ids.count,
                host.mul(domains, rank),
                [&](KernelEmitter &e, ArrayRef<Value> row) -> VisitColumn {
                  SmallVector<Value> place = e.split(row[0], ids.sizes);
                  return [this, &e, number = row[0], place,
                          id = ids.load(e, place)](Value column) {
                    auto [domain, k] = e.divide(column, rank);
                    Value factor = e.loadFloat(op.getA(), {domain, id, k});
                    if (op.getWeights())
                      factor = e.mulFloats(weightOf(e, place, domain), factor);
                    e.storeFloat(factor, factors, {number, domain, k});
                  };
                });
}

Value LoraKernels::change(KernelEmitter &e, Value row, Value column) {
  Value zero = emit::f32(e.builder, e.loc, 0);
  auto addDomain = [&](Value domain, ValueRange sum) {
    auto add = [&](Value k, ValueRange sum) -> SmallVector<Value> {
      Value factor = e.loadFloat(factors, {row, domain, k});
      Value direction = e.loadFloat(op.getB(), {domain, k, column});
      return {e.mulAdd(factor, direction, sum[0])};
    };
    return e.loop(e.index(0), rank, 1, sum, add);
  };
  return e.loop(e.index(0), domains, 1, zero, addDomain)[0];
}

void LoraKernels::launchSums() {
  Value scale = emitScale();
  launchColumns(host, "lora_embedding", ids.count, host.size(op.getB(), 2),
                [&](KernelEmitter &e, ArrayRef<Value> row) -> VisitColumn {
                  SmallVector<Value> place = e.split(row[0], ids.sizes);
                  return [this, &e, scale, place, number = row[0],
                          id = ids.load(e, place)](Value column) {
                    Value whole = e.loadFloat(op.getTable(), {id, column});
                    Value sum =
                        e.mulAdd(scale, change(e, number, column), whole);
                    e.storeFloat(sum, op.getOut(), joinIndices(place, column));
                  };
                });
}

void LoraKernels::build() {
  factors = allocate(host, {ids.count, domains, rank});
  launchFactors();
  launchSums();
  memref::DeallocOp::create(host.builder, host.loc, factors);
  op.erase();
}

void effattn::buildLoraEmbedding(OpBuilder &builder, LoraEmbeddingOp op) {
  LoraKernels(builder, op).build();
}

//===----------------------------------------------------------------------===//
// tensor_train_embedding
//===----------------------------------------------------------------------===//

/// Ids whose products are in scratch at a time.
static constexpr int64_t kIdsAtOnce = 4096;

namespace {
/// The products of the matrices of each id, from left to right, a launch a
/// core.
class TensorTrainKernels {
public:
  TensorTrainKernels(OpBuilder &builder, TensorTrainEmbeddingOp op)
      : host(builder, op.getLoc()), op(op), ids(host, op.getIds()) {}

  void build();

private:
  struct Core {
    Value numbers;
    /// Its rank before, row modes, columns and rank behind.
    Value before, modes, columns, rank;
    /// Columns of the product up to this core.
    Value allColumns;
    /// f32 [id, columns, rank]: the product; null for the last one, which is
    /// the result.
    Value product;
  };

  void addCore(Value numbers);
  Value digitOf(KernelEmitter &e, Value id, size_t number);
  /// Appends a core to the products of ids [first, first + count).
  void launchCore(size_t number, Value first, Value count);
  /// An element of a product.
  Value multiply(KernelEmitter &e, size_t number, Value row, Value column,
                 ArrayRef<Value> at);

  LoopEmitter host;
  TensorTrainEmbeddingOp op;
  Ids ids;
  SmallVector<Core> cores;
};
} // namespace

void TensorTrainKernels::addCore(Value numbers) {
  Core core{numbers,
            host.size(numbers, 0),
            host.size(numbers, 1),
            host.size(numbers, 2),
            host.size(numbers, 3),
            Value(),
            Value()};
  core.allColumns = cores.empty()
                        ? core.columns
                        : host.mul(cores.back().allColumns, core.columns);
  cores.push_back(core);
}

/// From the least significant mode on, where no product of modes overflows.
Value TensorTrainKernels::digitOf(KernelEmitter &e, Value id, size_t number) {
  for (size_t later = cores.size() - 1; later > number; --later)
    id = e.quotient(id, cores[later].modes);
  return e.remainder(id, cores[number].modes);
}

/// `at` are the digit, column and rank behind of the core's matrix.
Value TensorTrainKernels::multiply(KernelEmitter &e, size_t number, Value row,
                                   Value column, ArrayRef<Value> at) {
  const Core &core = cores[number];
  auto load = [&](Value rank) {
    return e.loadFloat(core.numbers, joinIndices(rank, at));
  };
  if (number == 0)
    return load(e.index(0));
  auto add = [&](Value rank, ValueRange sum) -> SmallVector<Value> {
    Value left = e.loadFloat(cores[number - 1].product, {row, column, rank});
    return {e.mulAdd(left, load(rank), sum[0])};
  };
  return e.loop(e.index(0), core.before, 1, emit::f32(e.builder, e.loc, 0),
                add)[0];
}

void TensorTrainKernels::launchCore(size_t number, Value first, Value count) {
  const Core &core = cores[number];
  launchColumns(
      host, "tensor_train_embedding", count,
      host.mul(core.allColumns, core.rank),
      [&](KernelEmitter &e, ArrayRef<Value> row) -> VisitColumn {
        SmallVector<Value> place = e.split(e.add(first, row[0]), ids.sizes);
        Value digit = digitOf(e, ids.load(e, place), number);
        return [this, &e, &core, number, digit, place,
                row = row[0]](Value element) {
          auto [column, behind] = e.divide(element, core.rank);
          auto [earlier, own] = e.divide(column, core.columns);
          Value sum = multiply(e, number, row, earlier, {digit, own, behind});
          if (core.product)
            e.storeFloat(sum, core.product, {row, column, behind});
          else
            e.storeFloat(sum, op.getOut(), joinIndices(place, column));
        };
      });
}

/// Where rows have columns, so has every core, and no product overflows.
void TensorTrainKernels::build() {
  Value width = host.size(op.getOut(), ids.sizes.size());
  host.choose(host.lessThan(host.index(0), width), [&] {
    for (Value numbers : op.getCores())
      addCore(numbers);
    Value most = host.min(ids.count, host.index(kIdsAtOnce));
    auto inside = MutableArrayRef(cores).drop_back();
    for (Core &core : inside)
      core.product = allocate(host, {most, core.allColumns, core.rank});
    host.loop(host.index(0), ids.count, kIdsAtOnce, [&](Value first) {
      Value count = host.min(most, host.sub(ids.count, first));
      for (size_t number = 0; number < cores.size(); ++number)
        launchCore(number, first, count);
    });
    for (Core &core : inside)
      memref::DeallocOp::create(host.builder, host.loc, core.product);
  });
  op.erase();
}

void effattn::buildTensorTrainEmbedding(OpBuilder &builder,
                                        TensorTrainEmbeddingOp op) {
  TensorTrainKernels(builder, op).build();
}
