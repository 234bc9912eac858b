//===- CacheOps.cpp -------------------------------------------------------===//
#include "effattn/Dialect/CacheOps.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/CacheOps.cpp.inc"
