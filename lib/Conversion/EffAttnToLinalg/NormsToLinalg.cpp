//===- NormsToLinalg.cpp - Norms of rows ----------------------------------===//
#include "LinalgEmitter.h"
#include "effattn/Conversion/EffAttnToLinalg.h"

using namespace mlir;
using namespace mlir::effattn;

void effattn::populateNormsToLinalgPatterns(RewritePatternSet &patterns) {}
