//===- MemoryOps.h - Sparse addresses and constant-size memory -----------===//
#ifndef EFFATTN_DIALECT_MEMORYOPS_H
#define EFFATTN_DIALECT_MEMORYOPS_H

#include "effattn/Dialect/EffAttn.h"

#define GET_OP_CLASSES
#include "effattn/Dialect/MemoryOps.h.inc"

#endif // EFFATTN_DIALECT_MEMORYOPS_H
