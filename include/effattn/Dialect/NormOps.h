//===- NormOps.h - Norms of rows -----------------------------------------===//
#ifndef EFFATTN_DIALECT_NORMOPS_H
#define EFFATTN_DIALECT_NORMOPS_H

#include "effattn/Dialect/EffAttn.h"

#define GET_OP_CLASSES
#include "effattn/Dialect/NormOps.h.inc"

#endif // EFFATTN_DIALECT_NORMOPS_H
