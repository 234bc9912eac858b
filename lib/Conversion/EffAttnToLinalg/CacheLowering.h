//===- CacheLowering.h - What the lowerings of cache ops share ------------===//
#ifndef EFFATTN_LIB_CONVERSION_CACHELOWERING_H
#define EFFATTN_LIB_CONVERSION_CACHELOWERING_H

#include "OpLowering.h"
#include "effattn/Dialect/CacheOps.h"

namespace mlir::effattn {

/// `lane`, one head's entries [L, width], with the values of `element(column)`
/// at `entry`, in the type of the lane.
Value writeEntry(LinalgEmitter &emitter, OpBuilder &builder, Location loc,
                 Value lane, Value entry, function_ref<Value(Value)> element);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_CACHELOWERING_H
