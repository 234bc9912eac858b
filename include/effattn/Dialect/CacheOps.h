//===- CacheOps.h - Keys and values that stay ----------------------------===//
#ifndef EFFATTN_DIALECT_CACHEOPS_H
#define EFFATTN_DIALECT_CACHEOPS_H

#include "effattn/Dialect/EffAttn.h"

#define GET_OP_CLASSES
#include "effattn/Dialect/CacheOps.h.inc"

#endif // EFFATTN_DIALECT_CACHEOPS_H
