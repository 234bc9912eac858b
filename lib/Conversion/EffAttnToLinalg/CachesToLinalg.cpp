//===- CachesToLinalg.cpp - Keys and values that stay ---------------------===//
#include "LinalgEmitter.h"
#include "effattn/Conversion/EffAttnToLinalg.h"

using namespace mlir;
using namespace mlir::effattn;

void effattn::populateCachesToLinalgPatterns(RewritePatternSet &patterns) {}
