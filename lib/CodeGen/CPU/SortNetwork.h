//===- SortNetwork.h - Put vectors of keys in order, lane by lane ---------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_SORTNETWORK_H
#define EFFATTN_LIB_CODEGEN_CPU_SORTNETWORK_H

#include "VectorEmitter.h"

namespace mlir::effattn {

/// Puts the largest numbers of each lane first. There is a power of two of
/// vectors, of f64 and without NaN. Compares and exchanges only: no branch, no
/// shuffle, two instructions for each exchange.
void emitSort(VectorEmitter &e, MutableArrayRef<Value> vectors);

/// Of two sorted lists, the largest numbers of each lane into `best`, sorted.
void emitMergeBest(VectorEmitter &e, MutableArrayRef<Value> best,
                   ArrayRef<Value> others);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_SORTNETWORK_H
