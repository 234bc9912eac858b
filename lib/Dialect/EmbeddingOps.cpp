//===- EmbeddingOps.cpp ---------------------------------------------------===//
#include "effattn/Dialect/EmbeddingOps.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/EmbeddingOps.cpp.inc"
