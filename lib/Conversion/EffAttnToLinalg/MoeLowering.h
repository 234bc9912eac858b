//===- MoeLowering.h - Lowerings of ops on experts ------------------------===//
#ifndef EFFATTN_LIB_CONVERSION_MOELOWERING_H
#define EFFATTN_LIB_CONVERSION_MOELOWERING_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::effattn {

void populateMoeRouteToLinalgPatterns(RewritePatternSet &patterns);
void populateMoeFFNToLinalgPatterns(RewritePatternSet &patterns);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_MOELOWERING_H
