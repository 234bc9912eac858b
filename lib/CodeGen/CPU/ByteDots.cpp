//===- ByteDots.cpp - Sums of products of bytes ---------------------------===//
#include "ByteDots.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

Value effattn::bitCast(VectorEmitter &e, Value vector, int64_t lanes,
                       Type element) {
  return vector::BitCastOp::create(e.builder, e.loc,
                                   VectorType::get(lanes, element), vector);
}

template <typename Integer>
static Value splat(VectorEmitter &e, int64_t lanes, Integer number) {
  Type element = e.builder.getIntegerType(sizeof(Integer) * 8);
  return arith::ConstantOp::create(
      e.builder, e.loc,
      DenseElementsAttr::get(VectorType::get(lanes, element), number));
}

Value effattn::splatInteger(VectorEmitter &e, int64_t lanes, int64_t number) {
  return splat(e, lanes, static_cast<int32_t>(number));
}

Value effattn::splatByte(VectorEmitter &e, int64_t bytes, int64_t number) {
  return splat(e, bytes, static_cast<int8_t>(number));
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

static Value callIntrinsic(VectorEmitter &e, Type type, const Twine &name,
                           ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(
             e.builder, e.loc, type,
             e.builder.getStringAttr("llvm.x86." + name), operands)
      .getResult(0);
}

/// Which name an instruction has on vectors of 128, 256 and 512 bits.
static StringRef nameFor(Type type, ArrayRef<StringRef> names) {
  auto vector = cast<VectorType>(type);
  return names[llvm::Log2_64(vector.getNumElements() *
                             vector.getElementTypeBitWidth() / 128)];
}

static int64_t lanesOf(Value vector) {
  return cast<VectorType>(vector.getType()).getNumElements();
}

static Value toBytes(VectorEmitter &e, Value vector) {
  return bitCast(e, vector, lanesOf(vector) * 4, e.builder.getI8Type());
}

/// Pairs of products of bytes, positive ones and ones with a sign, summed in
/// i16 lanes.
static Value multiplyBytes(VectorEmitter &e, Value positive, Value numbers) {
  auto type = VectorType::get(lanesOf(numbers) / 2, e.builder.getI16Type());
  StringRef name = nameFor(type, {"ssse3.pmadd.ub.sw.128", "avx2.pmadd.ub.sw",
                                  "avx512.pmaddubs.w.512"});
  return callIntrinsic(e, type, name, {positive, numbers});
}

/// Sums of the products of pairs of i16 lanes added to i32 lanes.
static Value addPairs(VectorEmitter &e, Value sums, Value left, Value right) {
  Type type = sums.getType();
  StringRef name =
      nameFor(type, {"sse2.pmadd.wd", "avx2.pmadd.wd", "avx512.pmaddw.d.512"});
  return arith::AddIOp::create(e.builder, e.loc, sums,
                               callIntrinsic(e, type, name, {left, right}));
}

static Value addPairs(VectorEmitter &e, Value sums, Value pairs) {
  return addPairs(e, sums, pairs, splat<int16_t>(e, lanesOf(pairs), 1));
}

/// Numbers times the signs of codes, 0 where those are.
static Value takeSigns(VectorEmitter &e, Value numbers, Value codes) {
  Type type = codes.getType();
  if (lanesOf(codes) < 64)
    return callIntrinsic(e, type,
                         nameFor(type, {"ssse3.psign.b.128", "avx2.psign.b"}),
                         {numbers, codes});
  Value zero = splatByte(e, lanesOf(codes), 0);
  Value isNegative = arith::CmpIOp::create(
      e.builder, e.loc, arith::CmpIPredicate::slt, codes, zero);
  return e.select(isNegative,
                  arith::SubIOp::create(e.builder, e.loc, zero, numbers),
                  numbers);
}

//===----------------------------------------------------------------------===//
// Dot products
//===----------------------------------------------------------------------===//

Value effattn::emitPositiveDots(VectorEmitter &e, Value sums,
                                ValueRange positive, ValueRange numbers) {
  Value pairs;
  for (auto [some, others] : llvm::zip_equal(positive, numbers)) {
    Value left = toBytes(e, some), right = toBytes(e, others);
    if (e.cpu.byteDots) {
      sums = callIntrinsic(e, sums.getType(),
                           "avx512.vpdpbusd." + Twine(lanesOf(sums) * 32),
                           {sums, left, right});
      continue;
    }
    // 128 * 127, twice, stays in 16 bits.
    Value more = multiplyBytes(e, left, right);
    pairs = pairs ? arith::AddIOp::create(e.builder, e.loc, pairs, more) : more;
  }
  return pairs ? addPairs(e, sums, pairs) : sums;
}

Value effattn::makeDotCodes(VectorEmitter &e, Value codes) {
  if (!e.cpu.byteDots)
    return codes;
  return arith::XOrIOp::create(e.builder, e.loc, codes,
                               splatInteger(e, lanesOf(codes), 0x80808080));
}

Value effattn::emitCodeDots(VectorEmitter &e, Value sums, Value codes,
                            Value numbers) {
  if (e.cpu.byteDots)
    return emitPositiveDots(e, sums, codes, numbers);
  codes = toBytes(e, codes);
  Value sizes = math::AbsIOp::create(e.builder, e.loc, codes);
  Value turned = takeSigns(e, toBytes(e, numbers), codes);
  return addPairs(e, sums, multiplyBytes(e, sizes, turned));
}

//===----------------------------------------------------------------------===//
// Dot products in tiles
//===----------------------------------------------------------------------===//

SmallVector<Value> effattn::spreadBytes(VectorEmitter &e, Value bytes) {
  Type i32 = e.builder.getI32Type();
  int64_t lanes = lanesOf(bytes) / 4, half = lanesOf(bytes) / 2;
  if (integersOfLane(e.cpu) == 4)
    return {bitCast(e, bytes, lanes, i32)};
  auto type = VectorType::get(half, e.builder.getI16Type());
  SmallVector<Value> spread;
  for (int64_t first : {int64_t(0), half}) {
    Value some = vector::ExtractStridedSliceOp::create(e.builder, e.loc, bytes,
                                                       first, half, 1);
    some = arith::ExtSIOp::create(e.builder, e.loc, type, some);
    spread.push_back(bitCast(e, some, lanes, i32));
  }
  return spread;
}

SmallVector<Value> effattn::spreadCodes(VectorEmitter &e, Value codes) {
  SmallVector<Value> spread = spreadBytes(e, codes);
  if (e.cpu.byteDots)
    spread[0] = makeDotCodes(e, spread[0]);
  return spread;
}

Value effattn::emitSpreadDots(VectorEmitter &e, Value sums, Value codes,
                              Value numbers) {
  if (e.cpu.byteDots)
    return emitCodeDots(e, sums, codes, numbers);
  auto pairsOf = [&](Value vector) {
    return bitCast(e, vector, lanesOf(vector) * 2, e.builder.getI16Type());
  };
  return addPairs(e, sums, pairsOf(codes), pairsOf(numbers));
}
