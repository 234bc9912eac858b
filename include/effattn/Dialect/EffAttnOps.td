//===- EffAttnOps.td - Everything, for the dialect and its docs -----------===//
#ifndef EFFATTN_OPS
#define EFFATTN_OPS

include "effattn/Dialect/EffAttnTypes.td"
include "effattn/Dialect/RotaryLayout.td"
include "effattn/Dialect/CoreOps.td"
include "effattn/Dialect/ConceptOps.td"
include "effattn/Dialect/MemoryOps.td"
include "effattn/Dialect/MaskOps.td"
include "effattn/Dialect/AttentionOps.td"
include "effattn/Dialect/NormOps.td"
include "effattn/Dialect/FeedForwardOps.td"
include "effattn/Dialect/EmbeddingOps.td"
include "effattn/Dialect/CacheOps.td"

#endif // EFFATTN_OPS
