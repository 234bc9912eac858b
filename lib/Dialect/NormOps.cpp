//===- NormOps.cpp --------------------------------------------------------===//
#include "effattn/Dialect/NormOps.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/NormOps.cpp.inc"
