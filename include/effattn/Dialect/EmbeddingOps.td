//===- EmbeddingOps.td - Tables, whole and compressed --------------------===//
#ifndef EFFATTN_EMBEDDING_OPS
#define EFFATTN_EMBEDDING_OPS

include "effattn/Dialect/EffAttnBase.td"

#endif // EFFATTN_EMBEDDING_OPS
