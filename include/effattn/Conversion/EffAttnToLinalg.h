//===- EffAttnToLinalg.h - The reference lowering, by family --------------===//
#ifndef EFFATTN_CONVERSION_EFFATTNTOLINALG_H
#define EFFATTN_CONVERSION_EFFATTNTOLINALG_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::effattn {

/// Patterns take ops on tensors; ops on memrefs are wrapped by the pass first.
void populateConceptsToLinalgPatterns(RewritePatternSet &patterns);
/// address_decode becomes a search by product_softmax_top_k, which is then to
/// lower, and a shift.
void populateAddressDecodePatterns(RewritePatternSet &patterns);
void populateMemoryToLinalgPatterns(RewritePatternSet &patterns);
void populateAttentionToLinalgPatterns(RewritePatternSet &patterns);
void populateMasksToLinalgPatterns(RewritePatternSet &patterns);
void populateNormsToLinalgPatterns(RewritePatternSet &patterns);
void populateFeedForwardToLinalgPatterns(RewritePatternSet &patterns);
void populateEmbeddingsToLinalgPatterns(RewritePatternSet &patterns);
void populateCachesToLinalgPatterns(RewritePatternSet &patterns);

/// Replaces one op on tensors as `effattn-convert-to-linalg` does with all of
/// them; failure where that has no pattern for it. `address_decode` becomes a
/// search and a shift.
LogicalResult lowerOpToLinalg(RewriterBase &rewriter, Operation *op);

} // namespace mlir::effattn

#endif // EFFATTN_CONVERSION_EFFATTNTOLINALG_H
