//===- EmbeddingsToLinalg.cpp - Rows of tables ----------------------------===//
#include "LinalgEmitter.h"
#include "effattn/Conversion/EffAttnToLinalg.h"

using namespace mlir;
using namespace mlir::effattn;

void effattn::populateEmbeddingsToLinalgPatterns(RewritePatternSet &patterns) {}
