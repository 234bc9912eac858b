//===- TensorCores.h - Matrix products of warps ---------------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_TENSORCORES_H
#define EFFATTN_LIB_CODEGEN_GPU_TENSORCORES_H

#include "KernelEmitter.h"

namespace mlir::effattn {

/// Emits products of 16 x 16 and 16 x 8 matrices of f16 or bf16 by a warp, with
/// sums in f32, and what brings matrices from memory to its registers. Elements
/// of i16 are two bytes, of neighbouring columns of the left factor and rows of
/// the right one; sums are i32 then.
///
/// With g = lane / 4 and t = lane % 4, a lane has of the left factor four words
/// of two columns each, (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8); of
/// the right one two of two rows each, (2t, g), (2t + 8, g); and of the sums
/// four numbers, (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).
class TensorCores {
public:
  /// Rows, and columns of the left factor, of a product.
  static constexpr int64_t kRows = 16;
  /// Columns of a right factor.
  static constexpr int64_t kColumns = 8;
  /// Bytes of an element, and of what a copy moves.
  static constexpr int64_t kElementBytes = 2, kCopyBytes = 16;

  TensorCores(KernelEmitter &emitter, Type element)
      : e(emitter), element(element) {}

  static bool supports(Type element) {
    return element.isF16() || element.isBF16();
  }
  /// Bytes between rows of `width` elements, a multiple of 16, in shared
  /// memory. Eight rows begin in different banks, so that no two of the
  /// addresses that a warp loads matrices from are in conflict.
  static int64_t rowBytes(int64_t width) {
    return width * kElementBytes + kCopyBytes;
  }

  //===--- Addresses ---===//
  /// Of dynamic shared memory, from a byte on.
  Value sharedAddress(int64_t firstByte);
  /// Of the element of a buffer at some leading indices, as i64.
  Value globalAddress(Value buffer, ValueRange indices);
  Value advance(Value address, Value bytes);
  Value advance(Value address, int64_t bytes);
  /// Where a lane begins to load a left factor, or a right factor whose rows
  /// are those of the product (see loadTransposed), from rows of `width`
  /// elements at `address`.
  Value leftAddress(Value address, int64_t width);
  /// The same for a right factor whose columns are rows of memory.
  Value rightAddress(Value address, int64_t width);

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
  SmallVector<Value> load(Value address) { return load(address, false); }
  /// The same where rows of memory are rows of the right factors.
  SmallVector<Value> loadTransposed(Value address) {
    return load(address, true);
  }
  /// left right + sums.
  SmallVector<Value> multiply(ValueRange left, ValueRange right,
                              ValueRange sums);
  /// Two f32 as a word of a factor.
  Value pack(Value first, Value second);
  /// A vector of two elements as a word of a factor, and back.
  Value asWord(Value pair);
  Value asPair(Value word);

private:
  SmallVector<Value> load(Value address, bool transposed);
  Value laneAddress(Value address, Value row, Value column, int64_t width);
  /// A word as what a product takes.
  Value asOperand(Value word);

  KernelEmitter &e;
  Type element;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_TENSORCORES_H
