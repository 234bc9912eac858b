//===- VectorQuantizeOp.cpp - Constraints of codes ------------------------===//
#include "effattn/Dialect/Emit.h"
#include "effattn/Dialect/MemoryOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::effattn;

/// A code is an i32.
static constexpr int64_t kMaxCodes = std::numeric_limits<int32_t>::max();

static int64_t rankOf(Value value) {
  return cast<ShapedType>(value.getType()).getRank();
}

bool VectorQuantizeOp::hasGroupDim() {
  return rankOf(getCodes()) == rankOf(getX());
}

LogicalResult VectorQuantizeOp::verify() {
  // C1: every group owns equally many columns.
  int64_t groups = getGroups(), widthDim = rankOf(getX()) - 1;
  int64_t width = cast<ShapedType>(getX().getType()).getDimSize(widthDim);
  if (groups < 1)
    return emitOpError("expected groups to be at least 1, but got ") << groups;
  if (ShapedType::isStatic(width) && width % groups != 0)
    return emitOpError("expected groups to divide the width of x (dim ")
           << widthDim << "), but got " << groups << " and " << width;
  // C2: one code a vector and group.
  int64_t least = widthDim + (groups > 1 ? 1 : 0), rank = rankOf(getCodes());
  if (rank < least || rank > widthDim + 1)
    return emitOpError("expected codes to have rank ")
           << least << (groups > 1 ? " [..., groups]" : " [...]")
           << ", but got " << getCodes().getType();
  if (hasGroupDim()) {
    int64_t size = cast<ShapedType>(getCodes().getType()).getDimSize(widthDim);
    if (ShapedType::isStatic(size) && size != groups)
      return emitOpError("expected codes (dim ")
             << widthDim << ") to equal groups, but got " << size << " and "
             << groups;
  }
  int64_t codes = cast<ShapedType>(getCodebook().getType()).getDimSize(0);
  if (ShapedType::isDynamic(codes))
    return success();
  // C3: there is a nearest code.
  if (codes < 1)
    return emitOpError("expected codebook size (dim 0) to be at least 1, but "
                       "got ")
           << codes;
  // C4: a code is an i32.
  if (codes > kMaxCodes)
    return emitOpError("expected codebook size (dim 0) to be at most ")
           << kMaxCodes << ", but got " << codes;
  return success();
}

/// C1 to C4 where sizes are dynamic.
void VectorQuantizeOp::emitPreconditions(OpBuilder &builder) {
  Location loc = getLoc();
  int64_t widthDim = rankOf(getX()) - 1;
  Value groups = emit::index(builder, loc, getGroups());
  std::string dim = " (dim " + std::to_string(widthDim) + ")";
  if (cast<ShapedType>(getX().getType()).isDynamicDim(widthDim)) {
    Value width = emit::size(builder, loc, getX(), widthDim);
    Value rest = arith::RemUIOp::create(builder, loc, width, groups);
    CheckOp::create(
        builder, loc,
        emit::equal(builder, loc, rest, emit::index(builder, loc, 0)),
        "expected groups to divide the width of x" + dim +
            ", but got {0} and {1}",
        ValueRange{groups, width});
  }
  if (hasGroupDim() &&
      cast<ShapedType>(getCodes().getType()).isDynamicDim(widthDim)) {
    Value size = emit::size(builder, loc, getCodes(), widthDim);
    CheckOp::create(builder, loc, emit::equal(builder, loc, size, groups),
                    "expected codes" + dim +
                        " to equal groups, but got {0} and {1}",
                    ValueRange{size, groups});
  }
  if (!cast<ShapedType>(getCodebook().getType()).isDynamicDim(0))
    return;
  Value codes = emit::size(builder, loc, getCodebook(), 0);
  Value least = emit::index(builder, loc, 1);
  Value most = emit::index(builder, loc, kMaxCodes);
  CheckOp::create(builder, loc, emit::lessEqual(builder, loc, least, codes),
                  "expected codebook size (dim 0) to be at least 1, but got "
                  "{0}",
                  ValueRange{codes});
  CheckOp::create(builder, loc, emit::lessEqual(builder, loc, codes, most),
                  "expected codebook size (dim 0) to be at most {0}, but got "
                  "{1}",
                  ValueRange{most, codes});
}
