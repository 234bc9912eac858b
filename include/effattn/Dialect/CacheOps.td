//===- CacheOps.td - Keys and values that stay ---------------------------===//
#ifndef EFFATTN_CACHE_OPS
#define EFFATTN_CACHE_OPS

include "effattn/Dialect/EffAttnBase.td"

#endif // EFFATTN_CACHE_OPS
