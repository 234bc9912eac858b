//===- AttentionExpansion.h - Attention as tasks --------------------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_ATTENTIONEXPANSION_H
#define EFFATTN_LIB_CODEGEN_CPU_ATTENTIONEXPANSION_H

#include "AttentionTile.h"
#include "MaskTables.h"
#include "effattn/Dialect/AttentionOps.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::effattn {

/// Attention as tasks: some queries of a key head each, over the keys that
/// their mask leaves.
///
/// The query heads of a key head and their rows are one list, head after head
/// within a row, so that a tile of it reads keys and values once for all heads.
class AttentionExpansion {
public:
  AttentionExpansion(OpBuilder &builder, AttentionOp op, const CpuModel &cpu)
      : emitter(builder, op.getLoc(), cpu), op(op), keptKeys(emitter, op) {}

  void run();

private:
  /// Candidates [low, high): keys, or places in the table of columns.
  struct Segment {
    Value low, high;
    Value isColumns;
  };

  /// Some queries.
  struct Queries {
    /// How many they are, and their rows.
    Value count;
    QueryRows rows;
    /// [lanes], index: the query head and row of each lane of a tile.
    Value headOf, rowOf;
  };
  /// Scratch of a task, each with a tile's as its rows.
  struct Tiles {
    Value queries, values, state, headOf, rowOf;
  };

  void runTiles(int64_t lanes);
  Value tilesOfTask(Value tiles);
  void attendTiles(Value first, Value tiles, Value height);
  template <typename Tile> void runSplit(int64_t lanes);
  void beginTask(Value batch, Value group, int64_t lanes);
  void setQueries(Value first, Value count);
  void setOnlyTile();
  void listQueries(Value first);
  void attend(AttentionTile &some, Value split, Value splits);
  void join(AttentionTile &shape, const AttentionTile::Sums &all, Value first,
            Value splits);
  void loadQueries();
  void overSegments(function_ref<void(const Segment &)> body);
  AttentionTile::Operands makeOperands();
  void clipKeys(Value first, Value count, function_ref<void(Value)> body);
  void addKeys(const Segment &segment, Value count);
  Value listRows(const Segment &segment, Value first);
  Value isWhole(const Segment &segment, Value count);
  void adjustScores(Value count, Value isWhole);
  void bendScores();
  Value finish(const AttentionTile::Sums &sums, Value lane);
  void storeResults(const AttentionTile::Sums &sums);
  Value clamp(Value value, Value low, Value high) {
    return emitter.min(emitter.max(value, low), high);
  }

  VectorEmitter emitter;
  AttentionOp op;
  KeptKeys keptKeys;
  /// Null where the mask has no columns, or keys stand in no order.
  std::optional<MaskTables> tables;
  Value heads, groups, keyHeads, headsOfGroup, rows;

  /// The task: its batch row, key head and tile.
  Value batch, group;
  AttentionTile *tile = nullptr;
  /// [keys of a tile], index: the key row of each of them. Null without tables.
  Value keyRows;
  int64_t lanes = 0;
  /// Those of the task, or of the tile at hand.
  Queries queries;
};

inline Value loadIndex(VectorEmitter &e, Value table, ValueRange place) {
  return memref::LoadOp::create(e.builder, e.loc, table, place);
}

inline void storeIndex(VectorEmitter &e, Value number, Value table,
                       ValueRange place) {
  memref::StoreOp::create(e.builder, e.loc, number, table, place);
}

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_ATTENTIONEXPANSION_H
