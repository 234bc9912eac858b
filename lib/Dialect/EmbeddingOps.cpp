//===- EmbeddingOps.cpp - Constraints of whole tables ---------------------===//
#include "effattn/Dialect/EmbeddingOps.h"
#include "IndexChecks.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/EmbeddingOps.cpp.inc"

//===----------------------------------------------------------------------===//
// embedding
//===----------------------------------------------------------------------===//

// C1: every id has a row.
void EmbeddingOp::emitPreconditions(OpBuilder &builder) {
  checkIds(builder, getLoc(), getIds(),
           emit::size(builder, getLoc(), getTable(), 0));
}

//===----------------------------------------------------------------------===//
// lora_embedding
//===----------------------------------------------------------------------===//

static constexpr StringLiteral kDomainsText =
    "expected weights domains (last dim) to equal a domains (dim 0), but got ";
static constexpr StringLiteral kWeightRowsText =
    "expected weights rows (dim 0) to equal ids rows (dim 0), but got ";

LogicalResult LoraEmbeddingOp::verify() {
  if (!getWeights())
    return success();
  ShapedType type = getWeights().getType(), ids = getIds().getType();
  auto differ = [](int64_t a, int64_t b) {
    return ShapedType::isStatic(a) && ShapedType::isStatic(b) && a != b;
  };
  // C1: one a domain, or one a row and a domain.
  bool isFloat = type.getElementType().isF32() ||
                 type.getElementType().isBF16() ||
                 type.getElementType().isF16();
  if (!isFloat || type.getRank() < 1 || type.getRank() > 2)
    return emitOpError("expected weights to be [Dn] or [B, Dn] of f32, bf16 or "
                       "f16, but got ")
           << type;
  // C2: every domain has its weight.
  int64_t domains = type.getShape().back();
  int64_t wanted = getA().getType().getDimSize(0);
  if (differ(domains, wanted))
    return emitOpError(kDomainsText) << domains << " and " << wanted;
  if (type.getRank() == 1)
    return success();
  // C3: the rows are those of the ids.
  if (ids.getRank() == 0)
    return emitOpError("expected ids to have a first dimension, as weights "
                       "(dim 0) have rows, but got ")
           << ids;
  if (differ(type.getDimSize(0), ids.getDimSize(0)))
    return emitOpError(kWeightRowsText)
           << type.getDimSize(0) << " and " << ids.getDimSize(0);
  return success();
}

/// C2 and C3 where sizes are dynamic.
void LoraEmbeddingOp::emitWeightChecks(OpBuilder &builder) {
  Location loc = getLoc();
  auto checkEqual = [&](int64_t dim, Value operand, StringRef message) {
    Value got = emit::size(builder, loc, getWeights(), dim);
    Value wanted = emit::size(builder, loc, operand, 0);
    CheckOp::create(builder, loc, emit::equal(builder, loc, got, wanted),
                    (message + "{0} and {1}").str(), ValueRange{got, wanted});
  };
  int64_t rank = getWeights().getType().getRank();
  checkEqual(rank - 1, getA(), kDomainsText);
  if (rank == 2)
    checkEqual(0, getIds(), kWeightRowsText);
}

// C4: every id has a row.
void LoraEmbeddingOp::emitPreconditions(OpBuilder &builder) {
  if (getWeights())
    emitWeightChecks(builder);
  checkIds(builder, getLoc(), getIds(),
           emit::size(builder, getLoc(), getTable(), 0));
}

//===----------------------------------------------------------------------===//
// split_embedding
//===----------------------------------------------------------------------===//

static int64_t lastDim(Value value) {
  return cast<ShapedType>(value.getType()).getRank() - 1;
}

static int64_t widthOf(Value rows) {
  return cast<ShapedType>(rows.getType()).getDimSize(lastDim(rows));
}

LogicalResult SplitEmbeddingOp::verify() {
  int64_t first = widthOf(getInvariant()), second = widthOf(getVariant());
  int64_t width = widthOf(getOut());
  auto known = [](int64_t a, int64_t b) {
    return ShapedType::isStatic(a) && ShapedType::isStatic(b);
  };
  // C1: every column of one part meets one of the other.
  bool isSum = getCombine() == CombineMode::Add;
  if (isSum && known(first, second) && first != second)
    return emitOpError("expected variant width (dim 1) to equal invariant "
                       "width (dim 1) where combine is add, but got ")
           << second << " and " << first;
  // C2: out holds the rows.
  if (isSum && ShapedType::isDynamic(first))
    first = second;
  bool isKnown = isSum ? ShapedType::isStatic(first) : known(first, second);
  if (!isKnown || ShapedType::isDynamic(width))
    return success();
  int64_t wanted = first;
  if (!isSum && llvm::AddOverflow(first, second, wanted))
    return emitOpError("expected a width of the rows that fits into 64 bits, "
                       "but got ")
           << first << " and " << second;
  if (width == wanted)
    return success();
  return emitOpError("expected out width (dim ")
         << lastDim(getOut()) << ") to equal the width of the rows, but got "
         << width << " and " << wanted;
}

/// C1 and C2 where sizes are dynamic.
void SplitEmbeddingOp::emitWidthChecks(OpBuilder &builder) {
  Location loc = getLoc();
  Value first = emit::size(builder, loc, getInvariant(), 1);
  Value second = emit::size(builder, loc, getVariant(), 1);
  Value width = emit::size(builder, loc, getOut(), lastDim(getOut()));
  Value wanted = first;
  if (getCombine() == CombineMode::Add)
    CheckOp::create(builder, loc, emit::equal(builder, loc, second, first),
                    "expected variant width (dim 1) to equal invariant width "
                    "(dim 1) where combine is add, but got {0} and {1}",
                    ValueRange{second, first});
  else
    wanted = emit::add(builder, loc, first, second);
  CheckOp::create(builder, loc, emit::equal(builder, loc, width, wanted),
                  ("expected out width (dim " + Twine(lastDim(getOut())) +
                   ") to equal the width of the rows, but got {0} and {1}")
                      .str(),
                  ValueRange{width, wanted});
}

// C3: ids are known to what turns them into rows. C4: the rows exist.
void SplitEmbeddingOp::emitPreconditions(OpBuilder &builder) {
  Location loc = getLoc();
  emitWidthChecks(builder);
  auto boundOf = [&](Value map, Value table) {
    return emit::size(builder, loc, map ? map : table, 0);
  };
  Value limit =
      emit::min(builder, loc, boundOf(getInvariantMap(), getInvariant()),
                boundOf(getVariantMap(), getVariant()));
  checkIds(builder, loc, getIds(), limit, [&](Value id) {
    for (auto [name, map, table] :
         {std::tuple("invariant_map", getInvariantMap(), getInvariant()),
          std::tuple("variant_map", getVariantMap(), getVariant())})
      if (map)
        checkIndex(builder, loc, name, emit::loadIndex(builder, loc, map, id),
                   id, emit::size(builder, loc, table, 0));
  });
}
