//===- ConceptOps.h - Merge neighbouring tokens and map back -------------===//
#ifndef EFFATTN_DIALECT_CONCEPTOPS_H
#define EFFATTN_DIALECT_CONCEPTOPS_H

#include "effattn/Dialect/EffAttn.h"

#define GET_OP_CLASSES
#include "effattn/Dialect/ConceptOps.h.inc"

#endif // EFFATTN_DIALECT_CONCEPTOPS_H
