//===- AttentionTile.h - Some queries over some keys ----------------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_ATTENTIONTILE_H
#define EFFATTN_LIB_CODEGEN_CPU_ATTENTIONTILE_H

#include "VectorEmitter.h"

namespace mlir::effattn {

/// The running softmax of some queries over tiles of keys. What belongs to one
/// query reaches no other one, so that neither NaN nor padding does.
class AttentionTile {
public:
  struct Operands {
    Value batch, group;
    /// [B, H, T, D], [B, G, S, D] and [B, G, S, E].
    Value query, key, value;
    /// [keys of a tile], index: the key row of each key. Null where keys are
    /// neighbours.
    Value rows;
    /// How many queries there are; null where tiles of them take turns.
    Value queries;
  };
  /// What a task computes, f32. It may be joined with what other tasks have
  /// computed for the same queries.
  struct Sums {
    /// Of weighted values: see sumAt().
    Value values;
    /// [2, Q]: the largest scores and the sums of weights.
    Value state;
  };

  AttentionTile(VectorEmitter &emitter, const Operands &operands,
                const Sums &sums, int64_t queryCount)
      : emitter(emitter), operands(operands), sums(sums),
        queryCount(queryCount) {}
  virtual ~AttentionTile() = default;

  /// The most keys that are added at once.
  virtual int64_t keyTile() { return emitter.cpu.keyTile(); }
  /// Scratch for queryCount queries of width D.
  virtual void makeScratch(Value width) = 0;
  /// Sizes of `Sums::values` for values of width E.
  virtual SmallVector<OpFoldResult> sumSizes(Value valueWidth) = 0;

  /// Where a query's number in dimension d is, a score, and a sum.
  virtual SmallVector<Value> queryAt(Value query, Value d) = 0;
  virtual SmallVector<Value> scoreAt(Value key, Value query) = 0;
  virtual SmallVector<Value> sumAt(Value query, Value column) = 0;

  /// No key yet.
  void begin();
  /// To be called before the first `count` places of `rows` are used.
  virtual void convertKeys(Value count) {}
  /// Adds `count` keys of `rows`, which names a row for every place. `adjust`
  /// may change scores after the products; where `isWhole` is false it writes
  /// `kept`, and -inf as the score of keys that are not kept.
  void addKeys(Value count, Value isWhole, function_ref<void()> adjust);

  /// The rows of neighbouring keys: of place 0, and of the last one that any
  /// place names.
  Value firstRow, lastRow;
  /// The place of the first key that is added; null stands for 0.
  Value firstPlace;
  Value rowOf(Value place);

  /// Scores are multiplied with it; null where queries are.
  Value scale;
  virtual bool scalesScores() { return false; }

  /// Scratch: the queries times the scale, scores and then their exponentials,
  /// and 1 where a query keeps a key, else 0, of a tile that is not whole. The
  /// latter two are found by scoreAt().
  Value queries, scores, kept;

protected:
  virtual void multiplyKeys(Value count) = 0;
  /// Scores become weights relative to the largest score so far. Returns the
  /// factors of what was summed before.
  virtual SmallVector<Value> weigh(Value count) = 0;
  virtual void addValues(Value count, ValueRange decay, bool keptOnly) = 0;

  /// Whether the products of keys and queries are those of bf16 pairs.
  bool multipliesPairs();
  /// Of keys and values.
  Value bytesOfKeys();
  Value isFinite(Value count);
  Value placeOf(Value place) {
    return firstPlace ? emitter.add(firstPlace, place) : place;
  }
  Value loadSource(Value source, Value row, Value column, Value mask = {}) {
    return emitter.load(source, {operands.batch, operands.group, row, column},
                        mask);
  }
  /// Asks for a row of keys or values, to be needed soon.
  void prefetchRow(Value source, Value row);
  /// Writes a row of keys or values as f32 into a row of scratch.
  void widenRow(Value source, Value row, Value destination, Value place);
  /// 0 where there is no score so far: -inf - -inf would be NaN.
  Value baseOf(Value largest);

  VectorEmitter &emitter;
  Operands operands;
  Sums sums;
  int64_t queryCount;
};

/// Many queries, one in a lane: a key or value is read where it lies, one
/// number at a time for all queries, and the softmax of a query stays in its
/// lane.
class QueriesAlongVectors : public AttentionTile {
public:
  using AttentionTile::AttentionTile;
  /// Without queries: tiles of them use the rest in turn.
  void makeScratch(Value width) override;
  SmallVector<OpFoldResult> querySizes(Value width) {
    return {width, emitter.fixed(queryCount)};
  }
  /// Goes on with the queries and sums of a tile.
  void use(Value others, const Sums &theirs) {
    queries = others;
    sums = theirs;
  }
  void convertKeys(Value count) override;
  /// Queries times `scale` from [B, H, T, D], of the head and row that the two
  /// lists name for each lane.
  void loadQueries(Value source, Value heads, Value queryRows, Value scale);
  /// Sums times factors, which are one for each lane, to [B, H, T, E]; where
  /// the factor is 0, zeros. Lanes of the same query have the same sums.
  void storeMeans(Value destination, Value heads, Value queryRows,
                  Value factors);
  SmallVector<OpFoldResult> sumSizes(Value valueWidth) override;
  SmallVector<Value> queryAt(Value query, Value d) override {
    return {d, query};
  }
  SmallVector<Value> scoreAt(Value key, Value query) override {
    return {key, query};
  }
  SmallVector<Value> sumAt(Value query, Value column) override {
    return {column, query};
  }

protected:
  void multiplyKeys(Value count) override;
  SmallVector<Value> weigh(Value count) override;
  void addValues(Value count, ValueRange decay, bool keptOnly) override;

private:
  void prefetchGathered(ValueRange places);
  void addColumns(ValueRange columns, Value count, ValueRange decay,
                  bool keptOnly);
  void convert(Value source, Value destination, Value count);
  Value loadOne(Value source, Value converted, Value place, Value column);
  void overQueries(Value heads, Value queryRows, int64_t count, Value first,
                   function_ref<void(int64_t, ValueRange)> body);
  SmallVector<Value> loadRow(Value memory, Value row);
  void storeRow(ValueRange row, Value memory, Value at);
  void addToRow(Value memory, Value at, ValueRange decay, ValueRange row);
  int64_t vectors() const { return queryCount / emitter.lanes(); }

  /// [keys of a tile, D] and [keys of a tile, E]: keys and values as f32. Null
  /// where they are f32 in memory.
  Value f32Keys, f32Values;
};

/// A handful of queries, as in decoding: bound by reading keys and values,
/// which is done along their rows.
class KeysAlongVectors : public AttentionTile {
public:
  using AttentionTile::AttentionTile;

  int64_t keyTile() override;
  void makeScratch(Value width) override;
  SmallVector<OpFoldResult> sumSizes(Value valueWidth) override;
  /// Sums of bf16 products take the queries as they are.
  bool scalesScores() override { return multipliesPairs(); }
  SmallVector<Value> queryAt(Value query, Value d) override;
  SmallVector<Value> scoreAt(Value key, Value query) override {
    return {query, key};
  }
  SmallVector<Value> sumAt(Value query, Value column) override {
    return {query, orderOf(operands.value, column, valueVectors())};
  }

protected:
  void multiplyKeys(Value count) override;
  SmallVector<Value> weigh(Value count) override;
  void addValues(Value count, ValueRange decay, bool keptOnly) override;

private:
  SmallVector<Value> sumProducts(ValueRange rows);
  SmallVector<Value> sumPairs(ValueRange rows);
  void addColumns(ValueRange columns, Value mask, Value count, ValueRange decay,
                  bool keptOnly,
                  function_ref<SmallVector<Value>(Value row)> load);
  int64_t valueVectors();
  Value orderOf(Value source, Value column, int64_t vectors);
  SmallVector<Value> loadVectors(Value source, Value row, Value column,
                                 int64_t count);
  static int64_t widthOf(Value source);

  /// Whether keys and values lie beyond the caches. Null where nothing is done
  /// about it.
  Value areFar;
};

/// Few queries that share their keys, as the query heads of a key head when
/// decoding, in blocks. Four numbers of a key times four of every query of a
/// block give four parts of each score, which are added up later, and vectors
/// of values are multiplied with a weight of each query. Of bf16 numbers, four
/// pairs are taken where there are sums of their products.
class QueryBlocks : public AttentionTile {
public:
  using AttentionTile::AttentionTile;
  /// The most queries.
  static constexpr int64_t kMost = 16;

  void makeScratch(Value width) override;
  SmallVector<OpFoldResult> sumSizes(Value valueWidth) override;
  bool scalesScores() override { return multipliesPairs(); }
  SmallVector<Value> queryAt(Value query, Value d) override;
  SmallVector<Value> scoreAt(Value key, Value query) override;
  SmallVector<Value> sumAt(Value query, Value column) override {
    return {query, column};
  }

protected:
  void multiplyKeys(Value count) override;
  SmallVector<Value> weigh(Value count) override;
  void addValues(Value count, ValueRange decay, bool keptOnly) override;

private:
  void overBlocks(function_ref<void(Value block)> body);
  void widenKeys(Value first);
  void multiplyBlock(Value block, Value first);
  SmallVector<Value> keyRow(Value first, int64_t i);
  int64_t partSize();
  Value loadPart(ValueRange row, Value d, Value mask);
  Value addParts(ArrayRef<Value> parts);
  std::pair<Value, Value> split(Value value, int64_t size);
  void weighBlock(Value block, Value count);
  int64_t valueVectors();
  void prefetchNext(Value place, Value column);
  void addColumns(Value block, ValueRange columns, Value mask, Value count,
                  bool keptOnly, bool asksAhead);
  /// A block of joined lanes, of all keys of a vector, for each of them.
  Value combine(Value vector, function_ref<Value(Value, Value)> join);
  Value loadOfBlock(Value memory, Value row, Value block);
  void storeOfBlock(Value vector, Value memory, Value row, Value block);
  Value blockMask();

  /// Queries of a block, and keys whose scores fill a vector with it.
  int64_t blockSize() const { return std::min<int64_t>(emitter.lanes(), 8); }
  int64_t keysOfVector() const { return emitter.lanes() / blockSize(); }
  /// Vectors of scores, and keys, that are summed at once.
  int64_t stepVectors() const { return emitter.cpu.vectorRegisters / 8; }
  int64_t keysOfStep() const { return stepVectors() * keysOfVector(); }

  /// [1, Q]: the factors of what was summed before.
  Value factors;
  /// Whether keys and values do not fit well into caches. Null where it makes
  /// no difference.
  Value areFar;
  /// [keys of a step, D]: keys as f32. Null where they are multiplied as they
  /// are in memory.
  Value f32Keys;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_ATTENTIONTILE_H
