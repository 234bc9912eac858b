//===- AttentionOps.h - Attention and what it is made of -----------------===//
#ifndef EFFATTN_DIALECT_ATTENTIONOPS_H
#define EFFATTN_DIALECT_ATTENTIONOPS_H

#include "effattn/Dialect/EffAttn.h"

#define GET_OP_CLASSES
#include "effattn/Dialect/AttentionOps.h.inc"

#endif // EFFATTN_DIALECT_ATTENTIONOPS_H
