//===- TensorCores.h - Matrix products of warps ---------------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_TENSORCORES_H
#define EFFATTN_LIB_CODEGEN_GPU_TENSORCORES_H

#include "KernelEmitter.h"

namespace mlir::effattn {

/// Emits products of 16 x 16 and 16 x 8 matrices of f16 or bf16 by a warp, with
/// sums in f32, and what brings matrices from memory to its registers. Elements
/// of i16 are two bytes, of neighbouring columns of the left factor and rows of
/// the right one; sums are i32 then. Elements of f32 are rounded to tf32 in
/// registers; factors are 16 x 8 and 8 x 8 then.
///
/// With g = lane / 4 and t = lane % 4, a lane has of the left factor four words
/// of two columns each, (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8); of
/// the right one two of two rows each, (2t, g), (2t + 8, g); and of the sums
/// four numbers, (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1). A number
/// of tf32 takes the place of such a pair: words of the left factor are (g, t),
/// (g + 8, t), (g, t + 4), (g + 8, t + 4), and of the right one (t, g),
/// (t + 4, g).
class TensorCores {
public:
  /// Rows of a product, and columns of a right factor.
  static constexpr int64_t kRows = 16, kColumns = 8;
  /// Bytes of a row of the left factor, and of what a copy moves.
  static constexpr int64_t kDepthBytes = 32, kCopyBytes = 16;

  TensorCores(KernelEmitter &emitter, Type element)
      : e(emitter), element(element) {}

  /// Whether elements are multiplied as they are or, if `tf32`, rounded.
  static bool supports(Type element, bool tf32) {
    return element.isF16() || element.isBF16() || (tf32 && element.isF32());
  }
  static int64_t bytesOf(Type element) {
    return element.getIntOrFloatBitWidth() / 8;
  }
  static int64_t depthOf(Type element) {
    return kDepthBytes / bytesOf(element);
  }
  /// Bytes between rows of shared memory that have `bytes`, a multiple of 32.
  static constexpr int64_t rowBytes(int64_t bytes) {
    return bytes + kCopyBytes;
  }

  //===--- Banks of shared memory ---===//
  /// Whether the eight rows of a matrix that load() reads at once, 16 bytes of
  /// each, lie in different banks, where rows are so many bytes apart.
  static constexpr bool spreadsMatrices(int64_t rowBytes);
  /// Whether the numbers of f32 that the lanes of a warp read at once do, each
  /// at the row of `rows` times t and the column g.
  static constexpr bool spreadsNumbers(int64_t rows, int64_t rowBytes);

  //===--- Addresses ---===//
  /// Of dynamic shared memory, from a byte on.
  Value sharedAddress(int64_t firstByte);
  /// Of the element of a buffer at some leading indices, as i64.
  Value globalAddress(Value buffer, ValueRange indices);
  Value advance(Value address, Value bytes);
  Value advance(Value address, int64_t bytes);
  /// Where a lane begins to load a left factor, or a right factor whose rows
  /// are those of the product (see loadTransposed), from rows that are
  /// `rowBytes` apart from `address` on.
  Value leftAddress(Value address, int64_t rowBytes);
  /// The same for a right factor whose columns are rows of memory.
  Value rightAddress(Value address, int64_t rowBytes);
  /// Where a lane finds one number of f32, at a row and a column from `address`
  /// on.
  Value numberAddress(Value address, Value row, Value column, int64_t rowBytes);

  //===--- Copies from global to shared memory ---===//
  /// Begins to copy 16 bytes, which are zeros where `exists` does not hold.
  void copy(Value shared, Value global, Value exists);
  /// Makes a group of the copies begun since the last one.
  void closeGroup();
  /// Waits until at most `groups` of the last groups of this thread are open.
  void waitForGroups(int64_t groups);

  //===--- Matrices ---===//
  /// The four words of a left factor, or two right factors of two words: the
  /// first for columns 0 to 7 and the second for 8 to 15.
  SmallVector<Value> load(Value address);
  /// The same where rows of memory are rows of the right factors; not of f32,
  /// whose halves would be torn apart.
  SmallVector<Value> loadTransposed(Value address) {
    return loadMatrices(address, true);
  }
  /// A number of f32 at a lane's own address, as a word.
  Value loadNumber(Value address);
  /// left right + sums.
  SmallVector<Value> multiply(ValueRange left, ValueRange right,
                              ValueRange sums);
  /// Two f32 as a word of a factor.
  Value pack(Value first, Value second);
  /// One f32 as a word of a factor: rounded to tf32, to the nearest number and
  /// away from 0 if two are as near.
  Value round(Value number);
  /// A vector of two elements as a word of a factor, and back.
  Value asWord(Value pair);
  Value asPair(Value word);

private:
  SmallVector<Value> loadMatrices(Value address, bool transposed);
  /// In the left or the right half of a row.
  Value laneAddress(Value address, Value row, Value half, int64_t rowBytes);
  /// A word as what a product takes.
  Value asOperand(Value word);

  KernelEmitter &e;
  Type element;
};

constexpr bool TensorCores::spreadsMatrices(int64_t rowBytes) {
  uint32_t met = 0;
  for (int64_t word = 0; word < kWarpThreads; ++word)
    met |= 1u << (word / 4 * (rowBytes / 4) + word % 4) % 32;
  return met == ~0u;
}

constexpr bool TensorCores::spreadsNumbers(int64_t rows, int64_t rowBytes) {
  uint32_t met = 0;
  for (int64_t lane = 0; lane < kWarpThreads; ++lane)
    met |= 1u << (lane % 4 * rows * (rowBytes / 4) + lane / 4) % 32;
  return met == ~0u;
}

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_TENSORCORES_H
