//===- TensorTrainOp.cpp - What the cores of a table must be --------------===//
#include "IndexChecks.h"
#include "effattn/Dialect/EmbeddingOps.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::effattn;

/// Dimensions of a core.
enum { RankBefore, RowMode, ColumnMode, RankBehind };

/// What products of modes count up to.
static constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

static int64_t sizeOf(Value core, int64_t dim) {
  return cast<ShapedType>(core.getType()).getDimSize(dim);
}

/// Product of a dimension over the cores, at most kMost; dynamic where one of
/// them is.
static int64_t productOf(ValueRange cores, int64_t dim) {
  int64_t product = 1;
  for (Value core : cores) {
    int64_t size = sizeOf(core, dim);
    if (ShapedType::isDynamic(size))
      return size;
    if (llvm::MulOverflow(product, size, product))
      product = kMost;
  }
  return product;
}

static Value emitProduct(OpBuilder &builder, Location loc, ValueRange cores,
                         int64_t dim) {
  Value product = emit::index(builder, loc, 1);
  for (Value core : cores)
    product = emit::mulUpTo(builder, loc, product,
                            emit::size(builder, loc, core, dim), kMost);
  return product;
}

static std::string coreName(size_t number) {
  return "core_" + std::to_string(number);
}

/// "expected core_0 rank (dim 0) to be 1, but got ".
static std::string outermostRankText(size_t core, int64_t dim) {
  return "expected " + coreName(core) + " rank (dim " + std::to_string(dim) +
         ") to be 1, because it is an outermost one, but got ";
}

static std::string chainText(size_t core) {
  return "expected " + coreName(core) + " rank (dim 0) to equal " +
         coreName(core - 1) + " rank (dim 3), but got ";
}

static std::string widthText(Value out) {
  int64_t dim = cast<ShapedType>(out.getType()).getRank() - 1;
  return "expected out width (dim " + std::to_string(dim) +
         ") to equal the product of all m (dim 2 of the cores), but got ";
}

static constexpr StringLiteral kVocabularyText =
    "expected vocabulary to be at most the product of all n (dim 1 of the "
    "cores), but got ";

LogicalResult TensorTrainEmbeddingOp::verify() {
  ValueRange cores = getCores();
  auto differ = [](int64_t a, int64_t b) {
    return ShapedType::isStatic(a) && ShapedType::isStatic(b) && a != b;
  };
  // C1: there is something to multiply.
  if (cores.empty())
    return emitOpError("expected at least one core, but got none");
  // C2: a row begins with one row of numbers and ends with one column.
  for (auto [core, dim] : {std::pair(size_t(0), RankBefore),
                           std::pair(cores.size() - 1, RankBehind)})
    if (int64_t rank = sizeOf(cores[core], dim); differ(rank, 1))
      return emitOpError(outermostRankText(core, dim)) << rank;
  // C3: neighbours can be multiplied.
  for (size_t core = 1; core < cores.size(); ++core) {
    int64_t rank = sizeOf(cores[core], RankBefore);
    int64_t wanted = sizeOf(cores[core - 1], RankBehind);
    if (differ(rank, wanted))
      return emitOpError(chainText(core)) << rank << " and " << wanted;
  }
  // C4: out holds the rows.
  int64_t width = getOut().getType().getShape().back();
  int64_t columns = productOf(cores, ColumnMode);
  if (differ(width, columns))
    return emitOpError(widthText(getOut())) << width << " and " << columns;
  if (!getVocabulary())
    return success();
  // C5: there is no negative number of rows.
  int64_t vocabulary = *getVocabulary(), rows = productOf(cores, RowMode);
  if (vocabulary < 0)
    return emitOpError("expected vocabulary to be at least 0, but got ")
           << vocabulary;
  // C6: every id in use has digits.
  if (ShapedType::isStatic(rows) && vocabulary > rows)
    return emitOpError(kVocabularyText) << vocabulary << " and " << rows;
  return success();
}

/// C2, C3 and C4 where sizes are dynamic.
void TensorTrainEmbeddingOp::emitShapeChecks(OpBuilder &builder) {
  Location loc = getLoc();
  ValueRange cores = getCores();
  auto size = [&](Value operand, int64_t dim) {
    return emit::size(builder, loc, operand, dim);
  };
  auto checkEqual = [&](Value got, Value wanted, const std::string &message) {
    CheckOp::create(builder, loc, emit::equal(builder, loc, got, wanted),
                    message, ValueRange{got, wanted});
  };
  Value one = emit::index(builder, loc, 1);
  size_t last = cores.size() - 1;
  checkEqual(size(cores[0], RankBefore), one,
             outermostRankText(0, RankBefore) + "{0}");
  for (size_t core = 1; core <= last; ++core)
    checkEqual(size(cores[core], RankBefore), size(cores[core - 1], RankBehind),
               chainText(core) + "{0} and {1}");
  checkEqual(size(cores[last], RankBehind), one,
             outermostRankText(last, RankBehind) + "{0}");
  checkEqual(size(getOut(), getOut().getType().getRank() - 1),
             emitProduct(builder, loc, cores, ColumnMode),
             widthText(getOut()) + "{0} and {1}");
}

// C6 where sizes are dynamic. C7: every id is in use.
void TensorTrainEmbeddingOp::emitPreconditions(OpBuilder &builder) {
  Location loc = getLoc();
  emitShapeChecks(builder);
  Value rows = emitProduct(builder, loc, getCores(), RowMode);
  if (getVocabulary()) {
    Value vocabulary = emit::index(builder, loc, *getVocabulary());
    CheckOp::create(
        builder, loc, emit::lessEqual(builder, loc, vocabulary, rows),
        (kVocabularyText + "{0} and {1}").str(), ValueRange{vocabulary, rows});
    rows = vocabulary;
  }
  checkIds(builder, loc, getIds(), rows);
}
