//===- VectorEmitter.h - Short forms for emitting loops over vectors ------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_VECTOREMITTER_H
#define EFFATTN_LIB_CODEGEN_CPU_VECTOREMITTER_H

#include "../LoopEmitter.h"
#include "effattn/CodeGen/CPU/CpuModel.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::effattn {

/// A builder at a location with the few shapes of code on memrefs that tuned
/// expansions are made of. A vector is a vector of f32 as wide as the CPU's,
/// also where memory holds bf16 or f16.
class VectorEmitter : public LoopEmitter {
public:
  VectorEmitter(OpBuilder &builder, Location loc, const CpuModel &cpu)
      : LoopEmitter(builder, loc), cpu(cpu) {}

  const CpuModel &cpu;

  int64_t lanes() const { return cpu.lanes(); }
  VectorType vectorType() const {
    return VectorType::get(lanes(), builder.getF32Type());
  }

  //===--- Vectors ---===//
  Value zeros() { return splat(emit::f32(builder, loc, 0)); }
  /// Every lane is `scalar`, an f32.
  Value splat(Value scalar);
  /// e^x of lanes that are at most 0, -inf or NaN, good to 2 units in the last
  /// place; 0 below -87. This and tanh() take an f32, too.
  Value expOfNegative(Value x);
  /// The same, off by up to 1.3e-7 and 1 at 0: what a weight of a softmax,
  /// which is compared with the largest one, needs to be.
  Value weightOf(Value x);
  /// tanh x, good to 1e-7.
  Value tanh(Value x);
  /// Every lane is the number.
  Value splat(double number) { return splat(emit::f32(builder, loc, number)); }
  Value minusInfinity() { return splat(emit::negativeInfinity(builder, loc)); }
  /// The largest lane; NaN is not looked at.
  Value largest(Value vector);
  Value firstOf(Value vector);
  /// The sum of all lanes, in any order.
  Value sum(Value vector);
  /// How many of some i1 lanes are true, as index.
  Value countTrue(Value mask);
  /// Joins the halves of a vector, and theirs, until `size` lanes are left.
  Value foldHalves(Value vector, int64_t size,
                   function_ref<Value(Value, Value)> join);
  /// Exchanges rows and columns of a square: as many vectors as lanes.
  void transpose(MutableArrayRef<Value> rows);
  /// With n rows, of n lanes a part: lane i of a part is the sum of that part
  /// of row i.
  Value sumParts(ArrayRef<Value> rows);
  /// The sums of all lanes of each row, side by side; rows are a power of 2.
  Value sumEach(ArrayRef<Value> rows);
  /// sums + left right: of f32 lanes, or of pairs of bf16 numbers, of which
  /// each lane takes both products.
  Value addProducts(Value left, Value right, Value sums);
  /// The pairs of a number of the first vector and one of the second.
  Value interleave(Value first, Value second);
  /// i1 lanes, true for the first `count`; none where it is negative.
  Value firstLanes(Value count);

  /// Neighbouring columns: where their vectors start, and which lanes count;
  /// a null mask stands for all.
  struct Block {
    SmallVector<Value> columns, masks;
  };

  //===--- Memory ---===//
  /// One number as f32.
  Value loadScalar(Value source, ValueRange indices);
  /// Numbers that lie side by side. Without `mask`, all lanes; lanes that are
  /// masked out are 0 and their memory is not touched.
  Value load(Value source, ValueRange indices, Value mask = {});
  void store(Value vector, Value destination, ValueRange indices,
             Value mask = {});
  /// So many numbers that lie side by side, of the type that memory has.
  Value loadBits(Value source, ValueRange indices, int64_t count,
                 Value mask = {});
  void storeBits(Value vector, Value destination, ValueRange indices,
                 Value mask = {});
  /// The pair of bf16 numbers at an even place, in every lane.
  Value splatPair(Value source, ValueRange indices);
  /// Copies a block of columns from one row to another of the same type, bit by
  /// bit. Rows are named by the indices of all dimensions but the last.
  void copy(Value source, ValueRange from, Value destination, ValueRange to,
            const Block &block);
  /// Asks for the cache line of an element, to be needed soon.
  void prefetch(Value memory, ValueRange indices, bool isWrite = false);
  /// Asks for the first columns of a row, which is named by the indices of all
  /// dimensions but the last: behind a few lines of a long row, the CPU sees
  /// what will be read.
  void prefetchRow(Value memory, ValueRange row, bool isWrite = false,
                   int64_t mostColumns = 256);
  void storeScalar(Value scalar, Value destination, ValueRange indices);

  /// Uninitialised memory, which the deallocation passes free behind its last
  /// use.
  Value scratch(ArrayRef<OpFoldResult> sizes, Type element);
  OpFoldResult fixed(int64_t size) { return builder.getIndexAttr(size); }
  /// The same with the sizes and the type of `memory`.
  Value scratchLike(Value memory);
  /// The bytes of all elements.
  Value bytesOf(Value memory);
  /// Whether the elements of a row, of the last dimension, lie side by side.
  bool isContiguous(Value memory) const;
  /// The memory, or a copy of it where it is not contiguous; null stays.
  Value contiguous(Value memory);
  /// What lies behind an index of the first dimension.
  Value slice(Value memory, Value index);

  //===--- Control ---===//
  /// The first columns of the vectors that columns [first, end) are made of;
  /// the mask is null but for the last one.
  void overColumns(Value first, Value end,
                   function_ref<void(Value column, Value mask)> body);
  /// The same with values that are carried from vector to vector.
  SmallVector<Value> overColumns(
      Value first, Value end, ValueRange carried,
      function_ref<SmallVector<Value>(Value column, Value mask, ValueRange)>
          body);
  /// The vectors that columns [0, end) are made of, `vectors` at a time, and
  /// what is left behind one by one. Few columns that are known are one block,
  /// which has at most `vectors`.
  void overBlocks(Value end, int64_t vectors,
                  function_ref<void(const Block &)> body);
  /// Every index in [0, counts), in any order and at the same time.
  void parallel(ValueRange counts, function_ref<void(ValueRange)> body);
};

inline bool isBF16(Value memory) {
  return cast<MemRefType>(memory.getType()).getElementType().isBF16();
}

/// Whether products of their numbers are those of bf16 pairs: see
/// addProducts().
inline bool multipliesPairs(const CpuModel &cpu, Value left, Value right) {
  return cpu.pairDots && isBF16(left) && isBF16(right);
}

/// A cache line, and the widest vector, in bytes.
inline constexpr int64_t kVectorAlignment = 64;

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_VECTOREMITTER_H
