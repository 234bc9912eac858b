//===- RealNumbers.h - Constants and counts in f64 ------------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_REALNUMBERS_H
#define EFFATTN_LIB_CODEGEN_GPU_REALNUMBERS_H

#include "../LoopEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mlir::effattn {

inline Value real(LoopEmitter &e, double value) {
  return arith::ConstantOp::create(e.builder, e.loc,
                                   e.builder.getF64FloatAttr(value));
}

/// A count as f64, which is exact up to 2^53.
inline Value toReal(LoopEmitter &e, Value index) {
  Value integer =
      emit::fromIndex(e.builder, e.loc, index, e.builder.getI64Type());
  return arith::SIToFPOp::create(e.builder, e.loc, e.builder.getF64Type(),
                                 integer);
}

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_REALNUMBERS_H
