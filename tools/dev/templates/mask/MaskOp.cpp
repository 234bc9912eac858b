//===- @CLASS@Op.cpp - Keep keys near the query ---------------------------===//
#include "effattn/Dialect/Emit.h"
#include "effattn/Dialect/MaskOps.h"

using namespace mlir;
using namespace mlir::effattn;

@METHODS@
