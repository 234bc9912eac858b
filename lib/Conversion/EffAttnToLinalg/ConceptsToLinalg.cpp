//===- ConceptsToLinalg.cpp
//-----------------------------------------------------===//
#include "LinalgEmitter.h"
#include "effattn/Conversion/EffAttnToLinalg.h"

using namespace mlir;
using namespace mlir::effattn;

void effattn::populateConceptsToLinalgPatterns(RewritePatternSet &patterns) {}
