//===- Projection.cpp - Rows times a weight matrix ------------------------===//
#include "Projection.h"
#include "Contraction.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::effattn;

/// Whether loops run over dimensions [rows..., k] of one input, [k, column] of
/// the other and [rows..., column] of the result.
static bool multipliesRows(linalg::LinalgOp op, const ContractionLoops &loops) {
  if (loops.reductions.size() != 1)
    return false;
  MLIRContext *context = op->getContext();
  unsigned count = op.getNumLoops(), sum = loops.reductions.front();
  SmallVector<unsigned> rows(loops.rows), result(loops.rows);
  rows.push_back(sum);
  result.push_back(loops.column);
  auto map = [&](ArrayRef<unsigned> dims) {
    return AffineMap::getMultiDimMapWithTargets(count, dims, context);
  };
  return op.getIndexingMapsArray() ==
         ArrayRef{map(rows), map({sum, loops.column}), map(result)};
}

std::optional<Projection> Projection::match(Value product) {
  Operation *op = product.getDefiningOp();
  std::optional<ContractionLoops> loops =
      op ? ContractionLoops::of(op) : std::optional<ContractionLoops>();
  if (!loops || !multipliesRows(cast<linalg::LinalgOp>(op), *loops))
    return std::nullopt;
  auto linalgOp = cast<linalg::LinalgOp>(op);
  auto fill = linalgOp.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  if (!fill || !matchPattern(fill.getInputs()[0], m_AnyZeroFloat()))
    return std::nullopt;
  return Projection{linalgOp.getDpsInputs()[0], linalgOp.getDpsInputs()[1],
                    fill.getOutputs()[0]};
}
