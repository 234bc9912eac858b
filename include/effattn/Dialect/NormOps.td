//===- NormOps.td - Norms of rows ----------------------------------------===//
#ifndef EFFATTN_NORM_OPS
#define EFFATTN_NORM_OPS

include "effattn/Dialect/EffAttnBase.td"

#endif // EFFATTN_NORM_OPS
