//===- AttentionProducts.h - The two products of attention, by a block ----===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_ATTENTIONPRODUCTS_H
#define EFFATTN_LIB_CODEGEN_GPU_ATTENTIONPRODUCTS_H

#include "TensorCores.h"

namespace mlir::effattn {

/// Some queries of a key head: heads that share it and their rows are one list,
/// head after head within a row.
struct BlockQueries {
  Value batch, group;
  /// The row of the block's first query, its number among the heads of the row,
  /// and how many queries there are.
  Value firstRow, firstHead, count;
  /// Query heads of the key head.
  Value headsOfGroup;

  struct Place {
    Value head, row;
  };
  /// Where the query of a slot of the block stands.
  Place at(KernelEmitter &e, Value slot) const;
};

/// Keys that are multiplied at once.
struct KeyTile {
  /// Candidates [first, first + count), of which the tile has `count`, at most
  /// as many as fit; less than 1 behind the last tile.
  Value first, count;
  /// Whether they are places in the table of columns; null without one.
  Value areColumns;
};

/// What multiplies queries with keys, and weights with values. A thread has the
/// numbers of some queries and keys of a tile, and sums of some columns of
/// values for the same queries.
class AttentionProducts {
public:
  /// What is multiplied, and whom to ask for the row of a candidate.
  struct Operands {
    /// [B, H, T, D], [B, G, S, D] and [B, G, S, E].
    Value query, key, value;
    BlockQueries queries;
    /// The key row of a place of a tile, and whether a key stands there.
    std::function<Value(const KeyTile &, Value place)> rowOf;
    std::function<Value(const KeyTile &, Value place)> exists;
    /// The first column of values that the block sums.
    Value firstColumn;
  };

  AttentionProducts(KernelEmitter &emitter, const Operands &operands)
      : e(emitter), operands(operands) {}
  virtual ~AttentionProducts() = default;

  //===--- What the thread has ---===//
  /// Queries, keys and columns of values of a thread.
  virtual int64_t queries() const = 0;
  virtual int64_t keys() const = 0;
  virtual int64_t columns() const = 0;
  /// Its i-th query and key, as numbers in the block and in the tile, and its
  /// i-th column of those that the block sums.
  virtual Value queryAt(int64_t i) = 0;
  virtual Value keyAt(int64_t i) = 0;
  virtual Value columnAt(int64_t i) = 0;
  /// Bits in which lanes with other keys of the same queries differ.
  virtual ArrayRef<int64_t> keyLanes() const = 0;
  /// How many warps have other keys of the same queries.
  virtual int64_t keyWarps() const { return 1; }
  /// How far apart the first of so many columns and the one behind them are; an
  /// even number of columns.
  virtual Value reach(Value count) { return count; }

  //===--- What the block does ---===//
  /// Begins to load the queries, and the first tile of keys if there is one.
  virtual void begin(const KeyTile &first) = 0;
  /// Waits for a tile, and begins to load the next one if there is one.
  virtual void advance(Value number, const KeyTile &next) {}
  /// Products of queries and keys, row by row: those of the first query first.
  virtual SmallVector<Value> multiplyKeys(const KeyTile &tile) = 0;
  /// `sums` and weighted values, both row by row.
  virtual SmallVector<Value> addValues(const KeyTile &tile, ValueRange weights,
                                       ValueRange sums) = 0;
  /// Waits until no thread needs shared memory any more.
  virtual void finish() { e.barrier(); }

protected:
  KernelEmitter &e;
  Operands operands;
};

/// Products on tensor cores, of f16 or bf16, or of f32 rounded to tf32. Queries
/// stay in registers, keys and values come through shared memory, a tile ahead.
class TensorProducts : public AttentionProducts {
public:
  /// Whether these operands [B, heads, rows, width] can be multiplied so: one
  /// type, and heads of static sizes up to 256, or up to 128 of f32 if `tf32`.
  static bool fit(Value query, Value key, Value value, bool tf32);

  /// Head sizes as multiples of 32 bytes, and what divides the work of a block.
  struct Shape {
    int64_t elementBytes, width, valueWidth;
    /// How many of these columns there are in memory, multiples of 16 bytes.
    int64_t copiedWidth, copiedValueWidth;
    /// Keys of a tile, and warps along queries and along keys.
    int64_t tileKeys, queryWarps, keyWarps;

    int64_t widestBytes() const {
      return std::max(width, valueWidth) * elementBytes;
    }
    int64_t threads() const { return queryWarps * keyWarps * kWarpThreads; }
    int64_t tileQueries() const { return queryWarps * TensorCores::kRows; }
    int64_t sharedBytes() const;
    /// Bytes between rows of some columns in shared memory.
    int64_t rowBytes(int64_t columns) const {
      return TensorCores::rowBytes(columns * elementBytes);
    }
    /// Of the keys and values of a tile, and of the queries, which use the
    /// place of the second tile where they are in registers before it comes.
    int64_t keyBytes() const;
    int64_t stageBytes() const;
    int64_t queryBytes() const;
    bool keepsQueries() const { return width <= 128; }
    int64_t firstQueryByte() const {
      return keepsQueries() ? stageBytes() : 2 * stageBytes();
    }
  };

  TensorProducts(KernelEmitter &emitter, const Operands &operands, Shape shape);

  int64_t queries() const override { return 2; }
  int64_t keys() const override { return 2 * keyColumns(); }
  int64_t columns() const override { return 2 * valueColumns(); }
  Value queryAt(int64_t i) override;
  Value keyAt(int64_t i) override;
  Value columnAt(int64_t i) override;
  ArrayRef<int64_t> keyLanes() const override;
  int64_t keyWarps() const override { return shape.keyWarps; }
  Value reach(Value count) override;

  void begin(const KeyTile &first) override;
  void advance(Value number, const KeyTile &next) override;
  SmallVector<Value> multiplyKeys(const KeyTile &tile) override;
  SmallVector<Value> addValues(const KeyTile &tile, ValueRange weights,
                               ValueRange sums) override;
  void finish() override;

private:
  /// Right factors of a warp's scores, and of its sums.
  int64_t keyColumns() const {
    return shape.tileKeys / shape.keyWarps / TensorCores::kColumns;
  }
  int64_t valueColumns() const {
    return shape.valueWidth / TensorCores::kColumns;
  }
  Value warpQuery();
  Value warpKey();
  /// Begins to copy rows of 16-bit numbers to shared memory. `locate` gives the
  /// address of a row, and whether there is one, for the rows of the thread,
  /// which are `step` apart: row number i is `first` + i `step`.
  void copyRows(Value to, int64_t rows, int64_t width, int64_t copied,
                function_ref<std::pair<Value, Value>(Value first, int64_t i,
                                                     int64_t step)>
                    locate);
  void copyQueries();
  void copyTile(const KeyTile &tile, Value stage);
  void copyKeyRows(Value source, const KeyTile &tile, Value to, int64_t width,
                   int64_t copied);
  SmallVector<Value> queryWords(int64_t step);
  /// Whether numbers are f32, multiplied as tf32.
  bool isRounded() const { return element.isF32(); }
  /// Columns of a left factor, and how many are copied at once.
  int64_t depth() const { return TensorCores::depthOf(element); }
  int64_t copiedAtOnce() const {
    return TensorCores::kCopyBytes / shape.elementBytes;
  }
  /// Where the lane begins to load values of the first tile.
  Value findValues(Value first);
  /// The weights of a row of products as a left factor each, and the two right
  /// factors of values beside it.
  SmallVector<Value> weightWords(ArrayRef<SmallVector<Value>> weights);
  SmallVector<Value> valueWords(Value start, int64_t key, int64_t column);

  Shape shape;
  Type element;
  TensorCores cores;
  Value shared;
  /// Where the lane loads from: queries, and keys and values of the first tile.
  Value queryAddress, keyAddress, valueAddress;
  SmallVector<SmallVector<Value>> keptQueries;
  /// The first byte of the tile at hand.
  Value stage;
};

/// Products in f32, of any type and head size: 32 columns of queries and keys
/// at a time, and 64 columns of values a block.
class FloatProducts : public AttentionProducts {
public:
  static constexpr int64_t kTileKeys = 64, kTileColumns = 64;

  /// How a block divides its queries: 4 for each thread, and threads that share
  /// them, 16 or 32.
  struct Shape {
    int64_t queryThreads, keyThreads;

    int64_t threads() const { return queryThreads * keyThreads; }
    int64_t tileQueries() const { return 4 * queryThreads; }
    int64_t weightBytes() const;
    int64_t sharedBytes() const;
  };

  FloatProducts(KernelEmitter &emitter, const Operands &operands, Shape shape);

  int64_t queries() const override { return 4; }
  int64_t keys() const override { return kTileKeys / shape.keyThreads; }
  int64_t columns() const override { return kTileColumns / shape.keyThreads; }
  Value queryAt(int64_t i) override;
  Value keyAt(int64_t i) override;
  Value columnAt(int64_t i) override;
  ArrayRef<int64_t> keyLanes() const override;

  void begin(const KeyTile &) override {}
  SmallVector<Value> multiplyKeys(const KeyTile &tile) override;
  SmallVector<Value> addValues(const KeyTile &tile, ValueRange weights,
                               ValueRange sums) override;

private:
  Value across();
  void
  fill(Value to, Value source, Value first,
       function_ref<std::pair<SmallVector<Value>, Value>(Value row)> locate);
  void fillWithKeys(Value to, Value source, Value first, const KeyTile &tile);
  void fillWithQueries(Value to, Value first);

  Shape shape;
  /// Of a tile: weights; columns of queries and of keys, and later values in
  /// their place.
  Value weights, queryPart, keyPart, values;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_ATTENTIONPRODUCTS_H
