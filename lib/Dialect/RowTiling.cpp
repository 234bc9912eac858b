//===- RowTiling.cpp - Ops that treat every row by itself -----------------===//
#include "effattn/Dialect/RowTiling.h"
#include "effattn/Dialect/EmbeddingOps.h"
#include "effattn/Dialect/FeedForwardOps.h"
#include "effattn/Dialect/MemoryOps.h"
#include "effattn/Dialect/NormOps.h"
#include "effattn/Dialect/ShapeSpec.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/Interfaces/TilingInterface.h"

using namespace mlir;
using namespace mlir::effattn;

/// The tensor that `value` has its size from: that of a result is its init's.
static Value getSizeSource(Value value) {
  while (auto result = dyn_cast<OpResult>(value)) {
    auto op = dyn_cast<DestinationStyleOpInterface>(result.getOwner());
    if (!op)
      break;
    value = op.getTiedOpOperand(result)->get();
  }
  return value;
}

/// Whether `size` is the whole of dimension `dim` of `tensor`.
static bool isWholeDim(OpFoldResult size, Value tensor, unsigned dim) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (std::optional<int64_t> constant = getConstantIntValue(size))
    return *constant == type.getDimSize(dim);
  auto dimOp = cast<Value>(size).getDefiningOp<tensor::DimOp>();
  return dimOp && dimOp.getConstantIndex() == int64_t(dim) &&
         getSizeSource(dimOp.getSource()) == getSizeSource(tensor);
}

namespace {
/// Operands of an op by whether they have a row for every row of the results.
struct RowOperands {
  explicit RowOperands(ComputeOpInterface op) {
    for (auto [group, spec] :
         llvm::enumerate(parseShapeSpec(op.getShapeSpec())))
      hasRows.append(op.getOperandGroup(group).size(), spec.anyLeading);
    Value init = op->getOperands().back();
    unsigned own = parseShapeSpec(op.getShapeSpec()).back().sizes.size();
    leading = cast<ShapedType>(init.getType()).getRank() - own;
  }

  SmallVector<bool> hasRows;
  /// The number of leading dimensions, which are the loops.
  unsigned leading;
};

template <typename OpTy>
struct RowTilingModel
    : TilingInterface::ExternalModel<RowTilingModel<OpTy>, OpTy> {
  SmallVector<utils::IteratorType> getLoopIteratorTypes(Operation *op) const {
    return SmallVector<utils::IteratorType>(
        RowOperands(cast<ComputeOpInterface>(op)).leading,
        utils::IteratorType::parallel);
  }

  SmallVector<Range> getIterationDomain(Operation *op,
                                        OpBuilder &builder) const {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(op);
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(builder, op->getLoc(), op->getOperands().back());
    SmallVector<Range> domain;
    unsigned leading = RowOperands(cast<ComputeOpInterface>(op)).leading;
    for (OpFoldResult size : ArrayRef(sizes).take_front(leading))
      domain.push_back(
          {builder.getIndexAttr(0), size, builder.getIndexAttr(1)});
    return domain;
  }

  FailureOr<TilingResult>
  getTiledImplementation(Operation *op, OpBuilder &builder,
                         ArrayRef<OpFoldResult> offsets,
                         ArrayRef<OpFoldResult> sizes) const {
    auto compute = cast<ComputeOpInterface>(op);
    if (!cast<DestinationStyleOpInterface>(op).hasPureTensorSemantics())
      return failure();
    RowOperands rows(compute);
    TilingResult result;
    SmallVector<Value> operands;
    for (auto [operand, hasRows] :
         llvm::zip_equal(op->getOperands(), rows.hasRows)) {
      operands.push_back(operand);
      if (!hasRows)
        continue;
      auto slice = sliceRows(builder, op->getLoc(), operand, offsets, sizes);
      operands.back() = slice;
      result.generatedSlices.push_back(slice);
    }
    SmallVector<Type> types;
    for (Value init : ArrayRef(operands).take_back(compute.getInitCount()))
      types.push_back(init.getType());
    Operation *tile = cloneWithoutRegions(builder, op, types, operands);
    result.tiledOps.push_back(tile);
    llvm::append_range(result.tiledValues, tile->getResults());
    return result;
  }

  LogicalResult
  getResultTilePosition(Operation *op, OpBuilder &builder, unsigned number,
                        ArrayRef<OpFoldResult> offsets,
                        ArrayRef<OpFoldResult> sizes,
                        SmallVector<OpFoldResult> &resultOffsets,
                        SmallVector<OpFoldResult> &resultSizes) const {
    auto init = cast<DestinationStyleOpInterface>(op).getDpsInitOperand(number);
    resultOffsets.assign(offsets.begin(), offsets.end());
    resultSizes.assign(sizes.begin(), sizes.end());
    SmallVector<OpFoldResult> whole =
        tensor::getMixedSizes(builder, op->getLoc(), init->get());
    resultOffsets.append(whole.size() - offsets.size(),
                         builder.getIndexAttr(0));
    llvm::append_range(resultSizes, ArrayRef(whole).drop_front(offsets.size()));
    return success();
  }

  /// Of a tile of a result, only the rows are looked at: a consumer that wants
  /// some columns of it would get all of them.
  FailureOr<TilingResult>
  generateResultTileValue(Operation *op, OpBuilder &builder, unsigned number,
                          ArrayRef<OpFoldResult> offsets,
                          ArrayRef<OpFoldResult> sizes) const {
    unsigned leading = RowOperands(cast<ComputeOpInterface>(op)).leading;
    Value result = op->getResult(number);
    unsigned rank = cast<RankedTensorType>(result.getType()).getRank();
    for (unsigned dim = leading; dim < rank; ++dim)
      if (!isZeroInteger(offsets[dim]) || !isWholeDim(sizes[dim], result, dim))
        return failure();
    FailureOr<TilingResult> tile = getTiledImplementation(
        op, builder, offsets.take_front(leading), sizes.take_front(leading));
    if (succeeded(tile))
      tile->tiledValues = {tile->tiledValues[number]};
    return tile;
  }

private:
  static tensor::ExtractSliceOp sliceRows(OpBuilder &builder, Location loc,
                                          Value operand,
                                          ArrayRef<OpFoldResult> offsets,
                                          ArrayRef<OpFoldResult> sizes) {
    SmallVector<OpFoldResult> tileSizes =
        tensor::getMixedSizes(builder, loc, operand);
    SmallVector<OpFoldResult> tileOffsets(tileSizes.size(),
                                          builder.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(tileSizes.size(),
                                      builder.getIndexAttr(1));
    llvm::copy(offsets, tileOffsets.begin());
    llvm::copy(sizes, tileSizes.begin());
    return tensor::ExtractSliceOp::create(builder, loc, operand, tileOffsets,
                                          tileSizes, strides);
  }
};
} // namespace

template <typename... Ops> static void attachRowTiling(MLIRContext *context) {
  (Ops::template attachInterface<RowTilingModel<Ops>>(*context), ...);
}

void effattn::registerRowTilingModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, EffAttnDialect *) {
    attachRowTiling<ProductSoftmaxOp, TopKOp, ProductSoftmaxTopKOp, RMSNormOp,
                    LayerNormOp, GatedFFNOp, HourglassFFNOp, EmbeddingOp,
                    TensorTrainEmbeddingOp, QuantizedEmbeddingOp,
                    SplitEmbeddingOp>(context);
  });
}
