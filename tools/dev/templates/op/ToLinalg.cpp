//===- @CLASS@ToLinalg.cpp - Scaled elements ------------------------------===//
#include "effattn/Conversion/EffAttnToLinalg.h"
#include "effattn/Dialect/@FAMILY@Ops.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::effattn;

@LOWERING@
} // namespace

void effattn::populate@CLASS@ToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<Lower@CLASS@>(patterns.getContext());
}
