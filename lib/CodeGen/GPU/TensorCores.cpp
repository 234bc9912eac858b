//===- TensorCores.cpp - Matrix products of warps -------------------------===//
#include "TensorCores.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

static Value toI64(KernelEmitter &e, Value index) {
  return emit::fromIndex(e.builder, e.loc, index, e.builder.getI64Type());
}

static Value toPointer(KernelEmitter &e, Value address,
                       NVVM::NVVMMemorySpace space) {
  auto type =
      LLVM::LLVMPointerType::get(e.builder.getContext(), unsigned(space));
  return LLVM::IntToPtrOp::create(e.builder, e.loc, type, address);
}

Value TensorCores::sharedAddress(int64_t firstByte) {
  Value bytes = e.dynamicShared(0, {1}, e.builder.getI8Type());
  Value start =
      memref::ExtractAlignedPointerAsIndexOp::create(e.builder, e.loc, bytes);
  return advance(toPointer(e, toI64(e, start), NVVM::NVVMMemorySpace::Shared),
                 firstByte);
}

Value TensorCores::globalAddress(Value buffer, ValueRange indices) {
  auto parts =
      memref::ExtractStridedMetadataOp::create(e.builder, e.loc, buffer);
  Value offset = parts.getOffset();
  for (auto [index, stride] : llvm::zip(indices, parts.getStrides()))
    offset = e.add(offset, e.mul(index, stride));
  Value start =
      memref::ExtractAlignedPointerAsIndexOp::create(e.builder, e.loc, buffer);
  Type stored = cast<MemRefType>(buffer.getType()).getElementType();
  return toI64(e, e.add(start, e.mul(offset, bytesOf(stored))));
}

Value TensorCores::advance(Value address, Value bytes) {
  if (address.getType().isInteger())
    return e.add(address, bytes);
  return LLVM::GEPOp::create(e.builder, e.loc, address.getType(),
                             e.builder.getI8Type(), address,
                             ArrayRef<LLVM::GEPArg>{bytes});
}

Value TensorCores::advance(Value address, int64_t bytes) {
  return LLVM::GEPOp::create(e.builder, e.loc, address.getType(),
                             e.builder.getI8Type(), address,
                             ArrayRef<LLVM::GEPArg>{int32_t(bytes)});
}

Value TensorCores::laneAddress(Value address, Value row, Value half,
                               int64_t rowBytes) {
  Value bytes = e.add(e.mul(row, rowBytes), e.mul(half, kDepthBytes / 2));
  return advance(address, toI64(e, bytes));
}

Value TensorCores::numberAddress(Value address, Value row, Value column,
                                 int64_t rowBytes) {
  Value bytes =
      e.add(e.mul(row, rowBytes), e.mul(column, int64_t(sizeof(float))));
  return advance(address, toI64(e, bytes));
}

/// Lanes 0 to 15 have the rows of the left half, the others of the right one.
Value TensorCores::leftAddress(Value address, int64_t rowBytes) {
  Value lane = e.lane();
  return laneAddress(address, e.remainder(lane, 16), e.quotient(lane, 16),
                     rowBytes);
}

/// Lanes 0 to 15 have columns 0 to 7 of the factors, in two halves.
Value TensorCores::rightAddress(Value address, int64_t rowBytes) {
  Value lane = e.lane();
  Value row = e.add(e.mul(e.quotient(lane, 16), 8), e.remainder(lane, 8));
  Value half = e.remainder(e.quotient(lane, 8), 2);
  return laneAddress(address, row, half, rowBytes);
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

void TensorCores::copy(Value shared, Value global, Value exists) {
  auto bytes = [&](int64_t count) {
    return arith::ConstantIntOp::create(e.builder, e.loc, count, 32);
  };
  Value source = toPointer(e, global, NVVM::NVVMMemorySpace::Global);
  Value read = e.select(exists, bytes(kCopyBytes), bytes(0));
  // Past the first cache: no other block of the multiprocessor reads the same.
  NVVM::CpAsyncOp::create(e.builder, e.loc, shared, source, kCopyBytes,
                          NVVM::LoadCacheModifierKind::CG, read);
}

void TensorCores::closeGroup() {
  NVVM::CpAsyncCommitGroupOp::create(e.builder, e.loc);
}

void TensorCores::waitForGroups(int64_t groups) {
  NVVM::CpAsyncWaitGroupOp::create(e.builder, e.loc, groups);
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

static SmallVector<Value> takeApart(KernelEmitter &e, Value parts) {
  auto type = cast<LLVM::LLVMStructType>(parts.getType());
  SmallVector<Value> values;
  for (size_t i = 0; i < type.getBody().size(); ++i)
    values.push_back(LLVM::ExtractValueOp::create(e.builder, e.loc, parts, i));
  return values;
}

static Type getStruct(Type part) {
  return LLVM::LLVMStructType::getLiteral(part.getContext(),
                                          SmallVector<Type>(4, part));
}

SmallVector<Value> TensorCores::loadMatrices(Value address, bool transposed) {
  auto layout = transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row;
  MLIRContext *context = e.builder.getContext();
  Value words = NVVM::LdMatrixOp::create(
      e.builder, e.loc, getStruct(e.builder.getI32Type()), address, 4, layout,
      NVVM::LdStMatrixShapeAttr::get(context, 8, 8),
      NVVM::LdStMatrixEltType::B16);
  return takeApart(e, words);
}

/// An instruction for rows of eight numbers of 16 bits loads rows of four of 32
/// as well.
SmallVector<Value> TensorCores::load(Value address) {
  SmallVector<Value> words = loadMatrices(address, /*transposed=*/false);
  if (element.isF32())
    for (Value &word : words)
      word = round(LLVM::BitcastOp::create(e.builder, e.loc, element, word));
  return words;
}

Value TensorCores::loadNumber(Value address) {
  return round(
      LLVM::LoadOp::create(e.builder, e.loc, e.builder.getF32Type(), address));
}

Value TensorCores::round(Value number) {
  return NVVM::ConvertFloatToTF32Op::create(
      e.builder, e.loc, e.builder.getI32Type(), number,
      NVVM::FPRoundingMode::RNA, NVVM::SaturationMode::NONE, /*relu=*/false);
}

Value TensorCores::asOperand(Value word) {
  return element.isF16() ? asPair(word) : word;
}

Value TensorCores::asPair(Value word) {
  return LLVM::BitcastOp::create(e.builder, e.loc, VectorType::get(2, element),
                                 word);
}

SmallVector<Value> TensorCores::multiply(ValueRange left, ValueRange right,
                                         ValueRange sums) {
  auto asOperands = [&](ValueRange words) {
    return llvm::map_to_vector(words,
                               [&](Value word) { return asOperand(word); });
  };
  bool isOfBytes = element.isInteger();
  auto type = isOfBytes          ? NVVM::MMATypes::s8
              : element.isBF16() ? NVVM::MMATypes::bf16
              : element.isF32()  ? NVVM::MMATypes::tf32
                                 : NVVM::MMATypes::f16;
  std::optional<NVVM::MMAIntOverflow> overflow;
  if (isOfBytes)
    overflow = NVVM::MMAIntOverflow::wrapped;
  Value made = NVVM::MmaOp::create(
      e.builder, e.loc, getStruct(sums.front().getType()), asOperands(left),
      asOperands(right), sums,
      {kRows, kColumns, isOfBytes ? kDepthBytes : depthOf(element)},
      std::nullopt, overflow, std::array{type, type},
      std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
  return takeApart(e, made);
}

Value TensorCores::pack(Value first, Value second) {
  auto wide = VectorType::get(2, e.builder.getF32Type());
  Value both = vector::FromElementsOp::create(e.builder, e.loc, wide,
                                              ValueRange{first, second});
  Value narrow = arith::TruncFOp::create(e.builder, e.loc,
                                         VectorType::get(2, element), both);
  return asWord(narrow);
}

Value TensorCores::asWord(Value pair) {
  return LLVM::BitcastOp::create(e.builder, e.loc, e.builder.getI32Type(),
                                 pair);
}
