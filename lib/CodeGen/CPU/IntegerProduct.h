//===- IntegerProduct.h - Products of bytes and a quantised table ---------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_INTEGERPRODUCT_H
#define EFFATTN_LIB_CODEGEN_CPU_INTEGERPRODUCT_H

#include "QuantizedRows.h"
#include "RoundedActivations.h"

namespace mlir::effattn {

/// result = activations times the transpose of the table; groups are made of
/// whole blocks. `result` has contiguous rows.
struct IntegerProduct {
  IntegerActivations activations;
  QuantizedRows &table;
  MatrixView result;
};

/// A product of few rows, bound by reading the table, which is read once where
/// it lies.
void emitIntegerDots(VectorEmitter &emitter, const IntegerProduct &product);
/// A product of many rows: a task copies rows of the table into the order in
/// which tiles of registers read them.
void emitPackedIntegerProduct(VectorEmitter &emitter,
                              const IntegerProduct &product);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_INTEGERPRODUCT_H
