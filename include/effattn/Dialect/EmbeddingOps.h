//===- EmbeddingOps.h - Tables, whole and compressed ---------------------===//
#ifndef EFFATTN_DIALECT_EMBEDDINGOPS_H
#define EFFATTN_DIALECT_EMBEDDINGOPS_H

#include "effattn/Dialect/EffAttn.h"

#define GET_OP_CLASSES
#include "effattn/Dialect/EmbeddingOps.h.inc"

#endif // EFFATTN_DIALECT_EMBEDDINGOPS_H
