//===- SortNetwork.cpp - Put vectors of keys in order, lane by lane -------===//
#include "SortNetwork.h"

using namespace mlir;
using namespace mlir::effattn;

static Value smaller(VectorEmitter &e, Value lhs, Value rhs) {
  return e.select(e.lessFloats(lhs, rhs), lhs, rhs);
}

/// The larger numbers go to the first of two vectors.
static void exchange(VectorEmitter &e, Value &first, Value &second) {
  Value larger = e.maxFloats(first, second);
  second = smaller(e, first, second);
  first = larger;
}

/// Batcher's odd-even merge sort: sorted runs of `run` vectors become runs of
/// twice as many, by exchanges over ever smaller distances.
void mlir::effattn::emitSort(VectorEmitter &e, MutableArrayRef<Value> vectors) {
  int64_t size = vectors.size();
  assert(llvm::isPowerOf2_64(size) && "expected a power of two of vectors");
  for (int64_t run = 1; run < size; run *= 2)
    for (int64_t distance = run; distance > 0; distance /= 2)
      for (int64_t start = distance % run; start + distance < size;
           start += 2 * distance)
        for (int64_t i = start; i < std::min(start + distance, size - distance);
             ++i)
          if (i / (2 * run) == (i + distance) / (2 * run))
            exchange(e, vectors[i], vectors[i + distance]);
}

/// The larger ones of first against last are the best of both lists. They
/// ascend and then descend, or the other way round, which exchanges over halved
/// distances put in order.
void mlir::effattn::emitMergeBest(VectorEmitter &e, MutableArrayRef<Value> best,
                                  ArrayRef<Value> others) {
  int64_t size = best.size();
  for (int64_t i = 0; i < size; ++i)
    best[i] = e.maxFloats(best[i], others[size - 1 - i]);
  for (int64_t distance = size / 2; distance > 0; distance /= 2)
    for (int64_t i = 0; i < size; ++i)
      if (!(i & distance))
        exchange(e, best[i], best[i + distance]);
}
