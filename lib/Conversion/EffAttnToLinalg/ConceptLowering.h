//===- ConceptLowering.h - What the lowerings of concept ops share --------===//
#ifndef EFFATTN_LIB_CONVERSION_CONCEPTLOWERING_H
#define EFFATTN_LIB_CONVERSION_CONCEPTLOWERING_H

#include "OpLowering.h"
#include "effattn/Dialect/ConceptOps.h"

namespace mlir::effattn {

template <typename Op> class ConceptLowering : protected OpLowering<Op> {
protected:
  using OpLowering<Op>::OpLowering;

  /// i1: two tokens of a row are of different sequences.
  Value differ(Value sequenceIds, Value row, Value token, Value other) {
    return arith::CmpIOp::create(this->builder, this->loc,
                                 arith::CmpIPredicate::ne,
                                 this->load(sequenceIds, {row, token}),
                                 this->load(sequenceIds, {row, other}));
  }
};

/// boundary_probability, boundary_mask, boundary_count and ratio_loss.
void populateBoundariesToLinalgPatterns(RewritePatternSet &patterns);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_CONCEPTLOWERING_H
