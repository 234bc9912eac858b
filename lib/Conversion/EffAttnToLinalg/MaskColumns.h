//===- MaskColumns.h - Find and gather the columns of a mask --------------===//
#ifndef EFFATTN_LIB_CONVERSION_MASKCOLUMNS_H
#define EFFATTN_LIB_CONVERSION_MASKCOLUMNS_H

#include "LinalgEmitter.h"

namespace mlir::effattn {

/// The columns of a mask (MaskOpInterface::emitColumn), found once for all
/// queries. N is the largest number of columns of a batch row.
struct MaskColumns {
  /// [B, S + 1]: how many columns stand before each key.
  Value prefix;
  /// [B, N]: the columns in ascending order, 0 past a row's last.
  Value indices;
  /// [B, G, N, D] and [B, G, N, E] each: their keys and values.
  Value keys;
  SmallVector<Value> values;
};

/// Emits the search and the gather. Key positions are key indices.
MaskColumns gatherColumns(LinalgEmitter &emitter, OpBuilder &builder,
                          Location loc, MaskOpInterface mask, Value keys,
                          ValueRange values);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_MASKCOLUMNS_H
