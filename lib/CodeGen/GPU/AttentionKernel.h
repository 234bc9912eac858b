//===- AttentionKernel.h - A block of queries over the keys they keep -----===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_ATTENTIONKERNEL_H
#define EFFATTN_LIB_CODEGEN_GPU_ATTENTIONKERNEL_H

#include "../KeptKeys.h"
#include "AttentionProducts.h"

namespace mlir::effattn {

/// What depends on how far a key stands from a query, which two tables say for
/// distances from -R to R: buffers [B, H, T, 2R + 1], f32. Keys that are
/// further away share the first or the last row.
struct RelativeRows {
  /// Products of the query with each row, which its scores contain; or null.
  Value keyProducts;
  /// Where kept keys that are nearer than R leave their scores; or null. Then
  /// what the first and the last row weigh are two more columns of means.
  Value nearScores;
  /// 2R.
  Value last;
};

/// What the host hands to a kernel of an attention.
struct AttentionCall {
  AttentionOp op;
  /// [B, H, T, D], [B, G, S, D] and [B, G, S, E]: the operands, or copies.
  Value query, key, value;
  std::optional<MaskTables> tables;
  /// Key heads, those without queries aside, query heads of each, and queries
  /// of each.
  Value keyHeads, headsOfGroup, queries;
  /// Blocks: of queries, of columns of values, and of keys.
  Value queryTiles, columnTiles, splits;
  /// Where a split of keys leaves its results: means [B, H, T, splits, E] and
  /// log-sum-exps [B, H, T, splits], f32. Null where keys are never split.
  Value partMeans, partLse;
  std::optional<RelativeRows> relative;
};

/// How a block divides its work.
struct AttentionTiling {
  int64_t queries, keys, columns;
};

/// The code of a thread of a kernel that attends.
class AttentionKernel {
public:
  using MakeProducts = function_ref<std::unique_ptr<AttentionProducts>(
      const AttentionProducts::Operands &)>;

  AttentionKernel(KernelEmitter &emitter, const AttentionCall &call,
                  const AttentionTiling &tiling);

  void emit(MakeProducts make);

private:
  /// The running softmax of the queries of the thread.
  struct State {
    /// Weighted values, query by query, the largest scores, and the sums of
    /// weights of the keys that the thread has seen: of all, and, for tables of
    /// relative values, of those that share the first or the last row.
    SmallVector<Value> sums, largest, total, far;

    SmallVector<Value> list() const;
    State with(ValueRange list) const;
  };

  /// Of one query: columns of values, as numbers in the operand, and their
  /// sums.
  struct Row {
    SmallVector<Value> columns, sums;
    Value largest, total;
    SmallVector<Value> far;
  };

  /// Whether all keys of a tile share the first row of the relative tables, or
  /// all the first or all the last one, for each query of the block.
  struct TileSide {
    Value isFirst, isFar;
  };

  void locate();
  void listTiles();
  KeyTile tileAt(Value number);
  Value rowOf(const KeyTile &tile, Value place);
  Value exists(const KeyTile &tile, Value place);

  State begin();
  void add(State &state, const KeyTile &tile);
  SmallVector<Value> finalScores(ValueRange products, const KeyTile &tile);
  SmallVector<Value> keptScores(ValueRange scores, const KeyTile &tile);
  SmallVector<Value> weigh(State &state, ValueRange scores);
  void joinLanes(State &state);
  void joinWarps(State &state);
  State addTiles();

  // RelativeScores.cpp, for calls with relative tables.
  bool sumsFar() const { return call.relative && call.relative->nearScores; }
  Value tableRowOf(Value queryRow, Value keyRow);
  TileSide sideOf(const KeyTile &tile);
  Value keyProduct(const BlockQueries::Place &query, Value tableRow);
  SmallVector<Value> addKeyProducts(ValueRange products, const KeyTile &tile,
                                    const TileSide &side);
  void storeNearScores(ValueRange scores, const KeyTile &tile,
                       const TileSide &side);
  void addFarWeights(State &state, ValueRange weights, const KeyTile &tile,
                     const TileSide &side);
  SmallVector<Value> addFarWeight(ValueRange far, Value tableRow, Value weight);
  void storeFar(const Row &row, Value isEmpty, Value factor, Value destination,
                ValueRange leading);

  Row rowOfState(const State &state, int64_t q);
  void storeMeans(const Row &row, Value isEmpty, Value destination,
                  ValueRange leading);
  void storeLse(const Row &row, Value isEmpty, Value destination,
                ValueRange to);
  void store(const Row &row, const BlockQueries::Place &place);
  void store(State &state);

  Value isTainted(const State &state);
  Value multiplyPlainly(ValueRange query, ValueRange key);
  SmallVector<Value> addPlainly(const MaskPoint &point, const Row &row);
  void attendPlainly(Value slot);

  /// exp2(exponentScale score + shift): a weight relative to the largest score.
  Value weightOf(Value score, Value shift);
  Value shiftOf(Value largest);

  KernelEmitter &e;
  const AttentionCall &call;
  AttentionOp op;
  AttentionTiling tiling;
  KeptKeys keptKeys;
  /// Whether scores are products that still have to be scaled.
  bool areScaledLate;
  AttentionProducts *products = nullptr;

  BlockQueries queries;
  QueryRows rows;
  Value split, firstColumn;
  /// Candidates: keys of the band, and places before and behind it in the table
  /// of columns.
  KeyRange band, before, behind;
  /// Tiles of columns, which come first, and those of this block.
  Value columnTiles, columnCount, firstTile, lastTile;
  Value scale, exponentScale;
  /// After joinWarps(): the columns of values that a warp has are not the
  /// first.
  Value columnShift;
};

/// Emits launches that attend, and erases the op, which may be one that no
/// verifier has seen: with tables of relative values, results are f32 and have
/// two more columns than values. `tf32`: whether f32 may be rounded to it.
void emitAttention(OpBuilder &builder, AttentionOp op,
                   std::optional<RelativeRows> relative = std::nullopt,
                   bool tf32 = false);
/// The same for two streams of values.
void emitSystematicAttention(OpBuilder &builder, SystematicAttentionOp op);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_ATTENTIONKERNEL_H
