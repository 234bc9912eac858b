//===- ByteDots.h - Sums of products of bytes -----------------------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_BYTEDOTS_H
#define EFFATTN_LIB_CODEGEN_CPU_BYTEDOTS_H

#include "VectorEmitter.h"

namespace mlir::effattn {

// Vectors of bytes are given as vectors of i32, of four bytes each, like the
// sums of their products: the CPU has byte dots (VNNI) or short dots.

/// Sums of the products of positive bytes and bytes with a sign added to i32
/// lanes, of any number of pairs of vectors. Without byte dots, a byte of n
/// vectors `positive` is at most 128 / n, and none of `numbers` is -128.
Value emitPositiveDots(VectorEmitter &emitter, Value sums, ValueRange positive,
                       ValueRange numbers);

/// Codes of 8 bits as emitCodeDots() takes them: with byte dots 128 are added,
/// which is for the caller to take off the sums.
Value makeDotCodes(VectorEmitter &emitter, Value codes);
/// Sums of the products of codes and bytes with a sign, none of which is -128,
/// added to i32 lanes.
Value emitCodeDots(VectorEmitter &emitter, Value sums, Value codes,
                   Value numbers);

/// Integers of a lane in tiles of registers, which multiply the same vectors
/// many times: four bytes, or two of 16 bits without byte dots, which take half
/// as many instructions then.
inline int64_t integersOfLane(const CpuModel &cpu) {
  return cpu.byteDots ? 4 : 2;
}
/// A vector of i8 as such lanes, in one vector or two.
SmallVector<Value> spreadBytes(VectorEmitter &emitter, Value bytes);
/// The same for codes of 8 bits; with byte dots 128 are added.
SmallVector<Value> spreadCodes(VectorEmitter &emitter, Value codes);
/// Sums of the products of spread codes and numbers added to i32 lanes.
Value emitSpreadDots(VectorEmitter &emitter, Value sums, Value codes,
                     Value numbers);

/// The same bits as so many lanes of another type.
Value bitCast(VectorEmitter &emitter, Value vector, int64_t lanes,
              Type element);
/// A vector whose i32 lanes are all the number.
Value splatInteger(VectorEmitter &emitter, int64_t lanes, int64_t number);
/// A vector of i8 that are all the number.
Value splatByte(VectorEmitter &emitter, int64_t bytes, int64_t number);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_BYTEDOTS_H
