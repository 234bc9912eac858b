//===- VectorEmitter.cpp - Short forms for emitting loops over vectors ----===//
#include "VectorEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

Value VectorEmitter::splat(Value scalar) {
  return vector::BroadcastOp::create(builder, loc, vectorType(), scalar);
}

/// Adding 1.5 2^23 rounds to an integer, which then stands in the low bits of
/// the sum.
static constexpr double kMagic = 12582912.0;

/// The number for an f32, or for every lane of a vector of them.
static Value numberFor(VectorEmitter &e, Value x, double number) {
  return isa<VectorType>(x.getType()) ? e.splat(number)
                                      : emit::f32(e.builder, e.loc, number);
}

static Value polynomial(VectorEmitter &e, ArrayRef<double> coefficients,
                        Value x) {
  Value sum = numberFor(e, x, coefficients[0]);
  for (double coefficient : coefficients.drop_front())
    sum = e.mulAdd(sum, x, numberFor(e, x, coefficient));
  return sum;
}

/// The same bits as elements of another type.
static Value bitcast(VectorEmitter &e, Value x, Type element) {
  if (auto vector = dyn_cast<VectorType>(x.getType()))
    return vector::BitCastOp::create(e.builder, e.loc, vector.clone(element),
                                     x);
  return arith::BitcastOp::create(e.builder, e.loc, element, x);
}

/// 2^k power for an x of at most 0, where `shifted` is kMagic + k. What x =
/// -inf has become is not looked at; NaN stays.
static Value scaleUnlessTiny(VectorEmitter &e, Value power, Value shifted,
                             Value x) {
  Value bits = bitcast(e, shifted, e.builder.getI32Type());
  auto all = [&](int32_t number) -> Value {
    TypedAttr value = e.builder.getI32IntegerAttr(number);
    if (auto integers = dyn_cast<VectorType>(bits.getType()))
      value = DenseElementsAttr::get(integers, number);
    return arith::ConstantOp::create(e.builder, e.loc, value);
  };
  bits = arith::ShLIOp::create(e.builder, e.loc, bits, all(23));
  bits = arith::AddIOp::create(e.builder, e.loc, bits, all(127 << 23));
  Value scale = bitcast(e, bits, e.builder.getF32Type());
  return e.select(e.lessFloats(x, numberFor(e, x, -87.0)), numberFor(e, x, 0),
                  e.mulFloats(power, scale));
}

/// x = k ln 2 + r with an integer k, so that e^x = 2^k e^r. ln 2 is split in
/// two so that k ln 2 is exact enough. The polynomial is the minimax one for
/// |r| <= ln 2 / 2, of relative error 2e-9.
Value VectorEmitter::expOfNegative(Value x) {
  constexpr double kCoefficients[] = {0.0013836793368682265,
                                      0.008374856784939766,
                                      0.041668228805065155,
                                      0.16666419804096222,
                                      0.49999991059303284,
                                      1.0,
                                      1.0};
  auto all = [&](double number) { return numberFor(*this, x, number); };
  Value magic = all(kMagic);
  Value shifted = mulAdd(x, all(1.4426950408889634), magic);
  Value k = subFloats(shifted, magic);
  Value r = mulAdd(k, all(-0.693359375), x);
  r = mulAdd(k, all(2.12194440e-4), r);
  return scaleUnlessTiny(*this, polynomial(*this, kCoefficients, r), shifted,
                         x);
}

/// x log2 e = k + r with an integer k, so that e^x = 2^k 2^r. The error of
/// x log2 e grows as |x| does, but e^x falls faster. The polynomial is the
/// minimax one for |r| <= 1/2 that is 1 at 0, of relative error 9e-8.
Value VectorEmitter::weightOf(Value x) {
  constexpr double kCoefficients[] = {
      0.0013264727246679504, 0.009671512688148656, 0.05550733743575623,
      0.24022242084635068,   0.6931469775987164,   1.0};
  // One step in the last place from log2 e, which is enough to find k: a
  // product that k and r had in common would not be joined with either sum.
  Value shifted = mulAdd(x, splat(1.4426948), splat(kMagic));
  Value minusK = subFloats(splat(kMagic), shifted);
  Value r = mulAdd(x, splat(1.4426950408889634), minusK);
  return scaleUnlessTiny(*this, polynomial(*this, kCoefficients, r), shifted,
                         x);
}

/// sign(x) (1 - e) / (1 + e) with e = e^(-2 |x|).
Value VectorEmitter::tanh(Value x) {
  Value magnitude = math::AbsFOp::create(builder, loc, x);
  Value e = expOfNegative(mulFloats(magnitude, numberFor(*this, x, -2.0)));
  Value one = numberFor(*this, x, 1.0);
  Value quotient = divFloats(subFloats(one, e), addFloats(one, e));
  return math::CopySignOp::create(builder, loc, quotient, x);
}

/// No lane of a tile's maximum is NaN: maxFloats() keeps the other operand.
Value VectorEmitter::largest(Value vector) {
  return firstOf(foldHalves(
      vector, 1, [&](Value low, Value high) { return maxFloats(low, high); }));
}

Value VectorEmitter::foldHalves(Value vector, int64_t size,
                                function_ref<Value(Value, Value)> join) {
  int64_t count = cast<VectorType>(vector.getType()).getNumElements();
  while (count > size) {
    count /= 2;
    auto half = [&](int64_t first) {
      return vector::ExtractStridedSliceOp::create(builder, loc, vector, first,
                                                   count, int64_t(1));
    };
    vector = join(half(0), half(count));
  }
  return vector;
}

Value VectorEmitter::firstOf(Value vector) {
  return vector::ExtractOp::create(builder, loc, vector, int64_t(0));
}

Value VectorEmitter::sum(Value vector) {
  return vector::ReductionOp::create(builder, loc, vector::CombiningKind::ADD,
                                     vector, arith::FastMathFlags::reassoc);
}

Value VectorEmitter::countTrue(Value mask) {
  int64_t count = cast<VectorType>(mask.getType()).getNumElements();
  auto type = VectorType::get(1, builder.getIntegerType(count));
  Value bits = vector::BitCastOp::create(builder, loc, type, mask);
  bits = vector::ExtractOp::create(builder, loc, bits, 0);
  // Not all targets count the bits of so few.
  bits = arith::ExtUIOp::create(builder, loc, builder.getI64Type(), bits);
  return emit::toIndex(builder, loc, math::CtPopOp::create(builder, loc, bits));
}

/// Two rows of squares of `step` lanes, whose second square of the first row
/// and first square of the second one change places, wherever two squares lie
/// side by side.
static std::pair<Value, Value> exchange(VectorEmitter &e, Value first,
                                        Value second, int64_t step) {
  int64_t size = cast<VectorType>(first.getType()).getNumElements();
  SmallVector<int64_t> low, high;
  for (int64_t lane = 0; lane < size; ++lane) {
    bool isHigh = lane & step;
    low.push_back(isHigh ? size + lane - step : lane);
    high.push_back(isHigh ? size + lane : lane + step);
  }
  auto shuffle = [&](ArrayRef<int64_t> from) {
    return vector::ShuffleOp::create(e.builder, e.loc, first, second, from);
  };
  return {shuffle(low), shuffle(high)};
}

void VectorEmitter::transpose(MutableArrayRef<Value> rows) {
  int64_t size = rows.size();
  // Squares of squares: exchange the ones beside the diagonal, then all halves.
  for (int64_t step = size / 2; step > 0; step /= 2)
    for (int64_t row = 0; row < size; ++row)
      if (!(row & step))
        std::tie(rows[row], rows[row + step]) =
            exchange(*this, rows[row], rows[row + step], step);
}

/// As if rows were transposed and then added, but added as soon as they can be.
Value VectorEmitter::sumParts(ArrayRef<Value> rows) {
  SmallVector<Value> sums(rows);
  for (int64_t step = sums.size() / 2; step > 0; step /= 2) {
    for (int64_t row = 0; row < step; ++row) {
      auto [low, high] = exchange(*this, sums[row], sums[row + step], step);
      sums[row] = addFloats(low, high);
    }
    sums.truncate(step);
  }
  return sums[0];
}

Value VectorEmitter::sumEach(ArrayRef<Value> rows) {
  return foldHalves(sumParts(rows), rows.size(), [&](Value low, Value high) {
    return addFloats(low, high);
  });
}

Value VectorEmitter::addProducts(Value left, Value right, Value sums) {
  if (left.getType() == vectorType())
    return mulAdd(left, right, sums);
  auto name = builder.getStringAttr("llvm.x86.avx512bf16.dpbf16ps." +
                                    std::to_string(cpu.vectorBits));
  Value operands[] = {sums, left, right};
  return LLVM::CallIntrinsicOp::create(builder, loc, vectorType(), name,
                                       operands)
      .getResult(0);
}

Value VectorEmitter::interleave(Value first, Value second) {
  return vector::InterleaveOp::create(builder, loc, first, second);
}

Value VectorEmitter::firstLanes(Value count) {
  auto type = VectorType::get(lanes(), builder.getI1Type());
  return vector::CreateMaskOp::create(builder, loc, type, count);
}

static VectorType memoryType(Value memory, int64_t lanes) {
  return VectorType::get(lanes,
                         cast<MemRefType>(memory.getType()).getElementType());
}

Value VectorEmitter::loadScalar(Value source, ValueRange indices) {
  Value number = memref::LoadOp::create(builder, loc, source, indices);
  return emit::toFloat(builder, loc, number, builder.getF32Type());
}

Value VectorEmitter::loadBits(Value source, ValueRange indices, int64_t count,
                              Value mask) {
  VectorType type = memoryType(source, count);
  if (!mask)
    return vector::LoadOp::create(builder, loc, type, source, indices);
  Value zero =
      arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  return vector::MaskedLoadOp::create(builder, loc, type, source, indices, mask,
                                      zero);
}

void VectorEmitter::storeBits(Value vector, Value destination,
                              ValueRange indices, Value mask) {
  if (mask)
    vector::MaskedStoreOp::create(builder, loc, destination, indices, mask,
                                  vector);
  else
    vector::StoreOp::create(builder, loc, vector, destination, indices);
}

Value VectorEmitter::splatPair(Value source, ValueRange indices) {
  auto one = VectorType::get(1, builder.getI32Type());
  Value pair = vector::BitCastOp::create(builder, loc, one,
                                         loadBits(source, indices, 2));
  Value pairs = vector::BroadcastOp::create(
      builder, loc, VectorType::get(lanes(), builder.getI32Type()), pair);
  return vector::BitCastOp::create(builder, loc,
                                   memoryType(source, 2 * lanes()), pairs);
}

Value VectorEmitter::load(Value source, ValueRange indices, Value mask) {
  Value numbers = loadBits(source, indices, lanes(), mask);
  if (numbers.getType() == vectorType())
    return numbers;
  return arith::ExtFOp::create(builder, loc, vectorType(), numbers);
}

void VectorEmitter::store(Value vector, Value destination, ValueRange indices,
                          Value mask) {
  VectorType type = memoryType(destination, lanes());
  if (type != vectorType())
    vector = arith::TruncFOp::create(builder, loc, type, vector);
  storeBits(vector, destination, indices, mask);
}

void VectorEmitter::copy(Value source, ValueRange from, Value destination,
                         ValueRange to, const Block &block) {
  auto at = [](ValueRange row, Value column) {
    SmallVector<Value> indices(row);
    indices.push_back(column);
    return indices;
  };
  SmallVector<Value> numbers;
  for (auto [column, mask] : llvm::zip(block.columns, block.masks))
    numbers.push_back(loadBits(source, at(from, column), lanes(), mask));
  for (auto [column, mask, some] :
       llvm::zip(block.columns, block.masks, numbers))
    storeBits(some, destination, at(to, column), mask);
}

void VectorEmitter::prefetch(Value memory, ValueRange indices, bool isWrite) {
  memref::PrefetchOp::create(builder, loc, memory, indices, isWrite,
                             /*localityHint=*/3, /*isDataCache=*/true);
}

void VectorEmitter::prefetchRow(Value memory, ValueRange row, bool isWrite,
                                int64_t mostColumns) {
  auto type = cast<MemRefType>(memory.getType());
  int64_t line = kVectorAlignment * 8 / type.getElementTypeBitWidth();
  Value columns = min(size(memory, type.getRank() - 1), index(mostColumns));
  loop(index(0), columns, line, [&](Value column) {
    SmallVector<Value> at(row);
    at.push_back(column);
    prefetch(memory, at, isWrite);
  });
}

void VectorEmitter::storeScalar(Value scalar, Value destination,
                                ValueRange indices) {
  Type element = cast<MemRefType>(destination.getType()).getElementType();
  scalar = emit::toFloat(builder, loc, scalar, element);
  memref::StoreOp::create(builder, loc, scalar, destination, indices);
}

Value VectorEmitter::scratch(ArrayRef<OpFoldResult> sizes, Type element) {
  SmallVector<int64_t> shape;
  SmallVector<Value> dynamic;
  dispatchIndexOpFoldResults(sizes, dynamic, shape);
  return memref::AllocOp::create(builder, loc, MemRefType::get(shape, element),
                                 dynamic,
                                 builder.getI64IntegerAttr(kVectorAlignment));
}

Value VectorEmitter::scratchLike(Value memory) {
  return scratch(memref::getMixedSizes(builder, loc, memory),
                 cast<MemRefType>(memory.getType()).getElementType());
}

Value VectorEmitter::bytesOf(Value memory) {
  auto type = cast<MemRefType>(memory.getType());
  Value bytes = index(type.getElementTypeBitWidth() / 8);
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    bytes = mul(bytes, size(memory, dim));
  return bytes;
}

bool VectorEmitter::isContiguous(Value memory) const {
  return cast<MemRefType>(memory.getType()).isLastDimUnitStride();
}

Value VectorEmitter::contiguous(Value memory) {
  if (!memory || isContiguous(memory))
    return memory;
  Value copy = scratchLike(memory);
  linalg::makeMemRefCopyOp(builder, loc, memory, copy);
  return copy;
}

Value VectorEmitter::slice(Value memory, Value index) {
  auto type = cast<MemRefType>(memory.getType());
  SmallVector<OpFoldResult> offsets(type.getRank(), fixed(0)), sizes;
  SmallVector<OpFoldResult> strides(type.getRank(), fixed(1));
  offsets[0] = index;
  sizes.push_back(fixed(1));
  for (int64_t dim = 1; dim < type.getRank(); ++dim)
    sizes.push_back(type.isDynamicDim(dim) ? OpFoldResult(size(memory, dim))
                                           : fixed(type.getDimSize(dim)));
  MemRefType sliceType = memref::SubViewOp::inferRankReducedResultType(
      type.getShape().drop_front(), type, offsets, sizes, strides);
  return memref::SubViewOp::create(builder, loc, sliceType, memory, offsets,
                                   sizes, strides);
}

void VectorEmitter::overColumns(
    Value first, Value end, function_ref<void(Value column, Value mask)> body) {
  Value whole = add(first, roundDown(sub(end, first), lanes()));
  loop(first, whole, lanes(), [&](Value column) { body(column, {}); });
  choose(lessThan(whole, end),
         [&] { body(whole, firstLanes(sub(end, whole))); });
}

SmallVector<Value> VectorEmitter::overColumns(
    Value first, Value end, ValueRange carried,
    function_ref<SmallVector<Value>(Value column, Value mask, ValueRange)>
        body) {
  Value whole = add(first, roundDown(sub(end, first), lanes()));
  SmallVector<Value> values =
      loop(first, whole, lanes(), carried, [&](Value column, ValueRange sofar) {
        return body(column, {}, sofar);
      });
  return choose(
      lessThan(whole, end), carried.getTypes(),
      [&] { return body(whole, firstLanes(sub(end, whole)), values); },
      [&] { return values; });
}

void VectorEmitter::overBlocks(Value end, int64_t vectors,
                               function_ref<void(const Block &)> body) {
  auto makeBlock = [&](Value first, int64_t count) {
    Block block;
    for (int64_t i = 0; i < count; ++i)
      block.columns.push_back(add(first, i * lanes()));
    block.masks.resize(count);
    return block;
  };
  int64_t step = vectors * lanes();
  std::optional<int64_t> known = getConstantIntValue(end);
  if (known && *known <= step) {
    if (*known == 0)
      return;
    Block block = makeBlock(index(0), llvm::divideCeil(*known, lanes()));
    if (*known % lanes())
      block.masks.back() = firstLanes(index(*known % lanes()));
    return body(block);
  }
  Value whole = roundDown(end, step);
  loop(index(0), whole, step,
       [&](Value first) { body(makeBlock(first, vectors)); });
  overColumns(whole, end,
              [&](Value column, Value mask) { body({{column}, {mask}}); });
}

void VectorEmitter::parallel(ValueRange counts,
                             function_ref<void(ValueRange)> body) {
  SmallVector<Value> low(counts.size(), index(0)),
      step(counts.size(), index(1));
  scf::ParallelOp::create(
      builder, loc, low, counts, step,
      [&](OpBuilder &, Location, ValueRange at) { body(at); });
}
