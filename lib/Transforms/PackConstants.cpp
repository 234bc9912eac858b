//===- PackConstants.cpp - Weights in the order in which they are read ----===//
#include "Projection.h"
#include "effattn/Dialect/FeedForwardOps.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_PACKCONSTANTSPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

static remark::RemarkOpts describeRemark() {
  return remark::RemarkOpts::name("packed-matmul")
      .category("effattn-pack-constants");
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

/// The elements of a constant one behind the other; empty where it has them in
/// another form, or a resource has not as many as its type.
static ArrayRef<char> bytesOf(ElementsAttr elements) {
  if (auto dense = dyn_cast<DenseElementsAttr>(elements))
    return dense.isSplat() ? ArrayRef<char>() : dense.getRawData();
  auto resource = dyn_cast<DenseResourceElementsAttr>(elements);
  AsmResourceBlob *blob =
      resource ? resource.getRawHandle().getBlob() : nullptr;
  int64_t bytes = elements.getNumElements() *
                  elements.getShapedType().getElementTypeBitWidth() / 8;
  return blob && int64_t(blob->getData().size()) == bytes ? blob->getData()
                                                          : ArrayRef<char>();
}

/// Panels [panel, row, column] of a matrix, with zeros behind its last column.
static AsmResourceBlob packBytes(ArrayRef<char> matrix, int64_t rows,
                                 int64_t columns, int64_t width,
                                 int64_t elementBytes) {
  int64_t panels = llvm::divideCeil(columns, width);
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(
      panels * rows * width * elementBytes, /*align=*/64);
  MutableArrayRef<char> packed = blob.getMutableData();
  llvm::fill(packed, 0);
  for (int64_t panel = 0; panel < panels; ++panel) {
    int64_t first = panel * width, count = std::min(width, columns - first);
    for (int64_t row = 0; row < rows; ++row)
      llvm::copy(matrix.slice((row * columns + first) * elementBytes,
                              count * elementBytes),
                 packed.begin() + (panel * rows + row) * width * elementBytes);
  }
  return blob;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// Whether all that a constant is used for are products with it.
static bool isWeightOnly(arith::ConstantOp constant) {
  return llvm::all_of(constant->getUsers(), [&](Operation *user) {
    if (user->getNumResults() != 1)
      return false;
    std::optional<Projection> product = Projection::match(user->getResult(0));
    return product && product->weight == constant.getResult() &&
           product->rows != constant.getResult();
  });
}

/// Why the weight has to stay as it is, or nothing.
static StringRef whyNot(arith::ConstantOp weight, int64_t width) {
  auto elements = cast<ElementsAttr>(weight.getValue());
  if (elements.getShapedType().getDimSize(1) < width)
    return "the weight has fewer columns than a panel";
  if (bytesOf(elements).empty())
    return "the weight is one number, or has no bytes to move";
  if (!isWeightOnly(weight))
    return "the weight has other uses, for which it would be stored twice";
  return "";
}

namespace {
struct PackConstantsPass
    : effattn::impl::PackConstantsPassBase<PackConstantsPass> {
  using Base::Base;

  void runOnOperation() override {
    if (columns < 1) {
      getOperation()->emitError("expected columns to be at least 1, but got ")
          << columns.getValue();
      return signalPassFailure();
    }
    SmallVector<arith::ConstantOp> weights;
    getOperation()->walk([&](arith::ConstantOp op) {
      if (isWeight(op))
        weights.push_back(op);
    });
    for (arith::ConstantOp weight : weights)
      pack(weight);
  }

private:
  /// A matrix of floats that something is multiplied with, outside of parallel
  /// loops, in which products are not shared out.
  static bool isWeight(arith::ConstantOp op) {
    auto elements = dyn_cast<ElementsAttr>(op.getValue());
    if (!elements)
      return false;
    ShapedType type = elements.getShapedType();
    Type element = type.getElementType();
    return type.getRank() == 2 &&
           (element.isF32() || element.isBF16() || element.isF16()) &&
           llvm::any_of(op->getUsers(), [&](Operation *user) {
             return user->getNumResults() == 1 &&
                    Projection::match(user->getResult(0)) &&
                    !user->getParentOfType<scf::ForallOp>() &&
                    !user->getParentOfType<scf::ParallelOp>();
           });
  }

  void pack(arith::ConstantOp weight) {
    StringRef reason = whyNot(weight, columns);
    if (!reason.empty()) {
      remark::missed(weight.getLoc(), describeRemark()) << reason;
      return;
    }
    remark::passed(weight.getLoc(), describeRemark())
        << "the weight is packed at compile time";
    IRRewriter rewriter(weight);
    Value panels = makePanels(rewriter, weight);
    for (Operation *user : llvm::make_early_inc_range(weight->getUsers())) {
      Projection product = *Projection::match(user->getResult(0));
      rewriter.setInsertionPoint(user);
      rewriter.replaceOpWithNewOp<PackedMatmulOp>(user, user->getResultTypes(),
                                                  product.rows, panels,
                                                  product.destination);
    }
    rewriter.eraseOp(weight);
  }

  Value makePanels(IRRewriter &rewriter, arith::ConstantOp weight) {
    auto elements = cast<ElementsAttr>(weight.getValue());
    ShapedType matrix = elements.getShapedType();
    int64_t rows = matrix.getDimSize(0), count = matrix.getDimSize(1);
    auto type = RankedTensorType::get(
        {int64_t(llvm::divideCeil(count, columns)), rows, columns},
        matrix.getElementType());
    AsmResourceBlob blob = packBytes(bytesOf(elements), rows, count, columns,
                                     matrix.getElementTypeBitWidth() / 8);
    auto panels =
        DenseResourceElementsAttr::get(type, "panels", std::move(blob));
    return arith::ConstantOp::create(rewriter, weight.getLoc(), panels);
  }
};
} // namespace
