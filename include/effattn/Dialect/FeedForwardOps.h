//===- FeedForwardOps.h - Feed-forward networks and routing --------------===//
#ifndef EFFATTN_DIALECT_FEEDFORWARDOPS_H
#define EFFATTN_DIALECT_FEEDFORWARDOPS_H

#include "effattn/Dialect/EffAttn.h"

#define GET_OP_CLASSES
#include "effattn/Dialect/FeedForwardOps.h.inc"

#endif // EFFATTN_DIALECT_FEEDFORWARDOPS_H
