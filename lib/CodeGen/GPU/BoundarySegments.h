//===- BoundarySegments.h - Count boundaries of concepts ------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_BOUNDARYSEGMENTS_H
#define EFFATTN_LIB_CODEGEN_GPU_BOUNDARYSEGMENTS_H

#include "BlockScan.h"

namespace mlir::effattn {

/// The valid tokens of a row of `tokens` [B, T]; `lengths` may be null.
Value countValid(LoopEmitter &e, Value tokens, Value lengths, Value row);

/// The boundaries of rows of tokens, counted segment by segment: a block of
/// threads has a segment, and a thread a token of it.
class BoundarySegments {
public:
  static constexpr int64_t kTokens = 128;

  /// A token of a thread.
  struct Token {
    Value index, isBoundary;
    /// Boundaries of its row in front of it.
    Value number;
  };

  /// Launches the counting. `lengths` may be null.
  BoundarySegments(LoopEmitter &host, Value mask, Value lengths);
  void free(LoopEmitter &host);

  /// Segments of a row, at least one.
  Value segments() const { return segmentCount; }
  Value validTokens(LoopEmitter &e, Value row) const {
    return countValid(e, mask, lengths, row);
  }
  /// All boundaries of a row, as index.
  Value total(LoopEmitter &e, Value row) const;
  /// In a kernel of kTokens threads a block: the token of this thread in a
  /// segment. All threads wait for each other.
  Token tokenOf(KernelEmitter &e, BlockScan &scan, Value row,
                Value segment) const;

private:
  void countSegments(LoopEmitter &host, Value rows);
  void addSegments(LoopEmitter &host, Value rows);
  /// A token and 1 if it is a boundary, else 0.
  std::pair<Value, Value> load(KernelEmitter &e, Value row,
                               Value segment) const;

  Value mask, lengths, segmentCount;
  /// [B, segments + 1], i32: the boundaries in front of each segment, and all.
  Value before;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_BOUNDARYSEGMENTS_H
