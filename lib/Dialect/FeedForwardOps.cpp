//===- FeedForwardOps.cpp -------------------------------------------------===//
#include "effattn/Dialect/FeedForwardOps.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/FeedForwardOps.cpp.inc"
