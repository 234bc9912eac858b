//===- AttentionLowering.h - What the lowerings of the family share -------===//
#ifndef EFFATTN_LIB_CONVERSION_ATTENTIONLOWERING_H
#define EFFATTN_LIB_CONVERSION_ATTENTIONLOWERING_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::effattn {

void populateRotaryToLinalgPatterns(RewritePatternSet &patterns);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_ATTENTIONLOWERING_H
