//===- MaskOps.h - Masks, made and combined in mask regions --------------===//
#ifndef EFFATTN_DIALECT_MASKOPS_H
#define EFFATTN_DIALECT_MASKOPS_H

#include "effattn/Dialect/EffAttn.h"

#define GET_OP_CLASSES
#include "effattn/Dialect/MaskOps.h.inc"

#endif // EFFATTN_DIALECT_MASKOPS_H
