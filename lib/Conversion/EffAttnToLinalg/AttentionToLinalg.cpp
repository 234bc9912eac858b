//===- AttentionToLinalg.cpp
//-----------------------------------------------------===//
#include "LinalgEmitter.h"
#include "effattn/Conversion/EffAttnToLinalg.h"

using namespace mlir;
using namespace mlir::effattn;

void effattn::populateAttentionToLinalgPatterns(RewritePatternSet &patterns) {}
