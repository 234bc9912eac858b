//===- FeedForwardToLinalg.cpp - Feed-forward networks and routing --------===//
#include "LinalgEmitter.h"
#include "effattn/Conversion/EffAttnToLinalg.h"

using namespace mlir;
using namespace mlir::effattn;

void effattn::populateFeedForwardToLinalgPatterns(RewritePatternSet &patterns) {
}
