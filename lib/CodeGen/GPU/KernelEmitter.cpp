//===- KernelEmitter.cpp - Short forms for emitting kernels ---------------===//
#include "KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

gpu::LaunchOp KernelEmitter::launch(OpBuilder &builder, Location loc,
                                    StringRef name, ArrayRef<Value> blocks,
                                    int64_t threads,
                                    function_ref<void(KernelEmitter &)> body,
                                    int64_t sharedBytes) {
  OpBuilder::InsertionGuard guard(builder);
  Value one = emit::index(builder, loc, 1);
  SmallVector<Value> grid(3, one);
  llvm::copy(blocks, grid.begin());
  Value dynamic;
  if (sharedBytes)
    dynamic = arith::ConstantIntOp::create(builder, loc, sharedBytes, 32);
  auto launch = gpu::LaunchOp::create(builder, loc, grid[0], grid[1], grid[2],
                                      emit::index(builder, loc, threads), one,
                                      one, dynamic);
  launch.setFunctionAttr(SymbolRefAttr::get(builder.getContext(), name));
  builder.setInsertionPointToEnd(&launch.getBody().front());
  gpu::TerminatorOp::create(builder, loc);
  builder.setInsertionPointToStart(&launch.getBody().front());
  KernelEmitter emitter(builder, launch, threads);
  body(emitter);
  return launch;
}

/// Of a block whose warps take a row each.
static constexpr int64_t kRowThreads = 128;

gpu::LaunchOp KernelEmitter::launchWarps(
    OpBuilder &builder, Location loc, StringRef name, ValueRange sizes,
    function_ref<void(KernelEmitter &, ArrayRef<Value>)> body) {
  Value rows = emit::index(builder, loc, 1);
  for (Value size : sizes)
    rows = emit::mul(builder, loc, rows, size);
  Value blocks = arith::CeilDivUIOp::create(
      builder, loc, rows,
      emit::index(builder, loc, kRowThreads / kWarpThreads));
  return launch(builder, loc, name, blocks, kRowThreads, [&](KernelEmitter &e) {
    Value number = e.add(e.mul(e.block(), e.warps()), e.warp());
    e.choose(e.lessThan(number, rows),
             [&] { body(e, e.split(number, sizes)); });
  });
}

void KernelEmitter::limitRegisters(gpu::LaunchOp launch, int64_t blocks) {
  Builder builder(launch.getContext());
  launch->setDiscardableAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                             builder.getI32IntegerAttr(blocks));
}

void KernelEmitter::limitThreadRegisters(int64_t count) {
  launchOp->setAttr(NVVM::NVVMDialect::getMaxnregAttrName(),
                    builder.getI32IntegerAttr(count));
}

Value KernelEmitter::thread() { return launchOp.getThreadIds().x; }

Value KernelEmitter::warp() { return quotient(thread(), kWarpThreads); }

Value KernelEmitter::lane() { return remainder(thread(), kWarpThreads); }

Value KernelEmitter::block(unsigned dimension) {
  gpu::KernelDim3 ids = launchOp.getBlockIds();
  return dimension == 0 ? ids.x : dimension == 1 ? ids.y : ids.z;
}

std::pair<Value, Value> KernelEmitter::divide(Value number, Value divisor) {
  divisor = max(divisor, index(1));
  return {quotient(number, divisor), remainder(number, divisor)};
}

Value KernelEmitter::isBelow(Value lhs, Value rhs) {
  auto narrow = [&](Value value) {
    return emit::fromIndex(builder, loc, value, builder.getI32Type());
  };
  return lessThan(narrow(lhs), narrow(rhs));
}

void KernelEmitter::barrier() { gpu::BarrierOp::create(builder, loc); }

static Value emitInteger(KernelEmitter &e, int64_t value) {
  return arith::ConstantIntOp::create(e.builder, e.loc, value, 32);
}

static Value emitAllLanes(KernelEmitter &e) { return emitInteger(e, -1); }

void KernelEmitter::warpBarrier() {
  NVVM::SyncWarpOp::create(builder, loc, emitAllLanes(*this));
}

Value KernelEmitter::ballot(Value condition) {
  return NVVM::VoteSyncOp::create(builder, loc, builder.getI32Type(),
                                  emitAllLanes(*this), condition,
                                  NVVM::VoteSyncKind::ballot);
}

Value KernelEmitter::anyLane(Value condition) {
  return NVVM::VoteSyncOp::create(builder, loc, builder.getI1Type(),
                                  emitAllLanes(*this), condition,
                                  NVVM::VoteSyncKind::any);
}

void KernelEmitter::forEachLane(Value condition,
                                function_ref<void(Value)> body) {
  Value none = emitInteger(*this, 0), one = emitInteger(*this, 1);
  scf::WhileOp::create(
      builder, loc, builder.getI32Type(), ballot(condition),
      [&](OpBuilder &, Location, ValueRange lanes) {
        Value isAny = arith::CmpIOp::create(
            builder, loc, arith::CmpIPredicate::ne, lanes[0], none);
        scf::ConditionOp::create(builder, loc, isAny, lanes);
      },
      [&](OpBuilder &, Location, ValueRange lanes) {
        Value first =
            math::CountTrailingZerosOp::create(builder, loc, lanes[0]);
        body(emit::toIndex(builder, loc, first));
        // Without the lowest bit.
        Value below = arith::SubIOp::create(builder, loc, lanes[0], one);
        Value rest = arith::AndIOp::create(builder, loc, lanes[0], below);
        scf::YieldOp::create(builder, loc, rest);
      });
}

Value KernelEmitter::anyThread(Value flag) {
  Type i32 = builder.getI32Type();
  Value word = arith::ExtUIOp::create(builder, loc, i32, flag);
  Value any = NVVM::BarrierOp::create(
                  builder, loc, i32, Value(), Value(),
                  NVVM::BarrierReductionAttr::get(builder.getContext(),
                                                  NVVM::BarrierReduction::OR),
                  word)
                  .getResult(0);
  return arith::CmpIOp::create(
      builder, loc, arith::CmpIPredicate::ne, any,
      arith::ConstantIntOp::create(builder, loc, 0, 32));
}

static Value shuffle(KernelEmitter &e, Value value, Value lane,
                     gpu::ShuffleMode mode) {
  Value width =
      arith::ConstantIntOp::create(e.builder, e.loc, kWarpThreads, 32);
  return gpu::ShuffleOp::create(e.builder, e.loc, value, lane, width, mode)
      .getShuffleResult();
}

Value KernelEmitter::shuffleXor(Value value, int64_t mask) {
  Value lanes = arith::ConstantIntOp::create(builder, loc, mask, 32);
  return shuffle(*this, value, lanes, gpu::ShuffleMode::XOR);
}

Value KernelEmitter::shuffleFrom(Value value, Value lane) {
  Value lanes = emit::fromIndex(builder, loc, lane, builder.getI32Type());
  return shuffle(*this, value, lanes, gpu::ShuffleMode::IDX);
}

Value KernelEmitter::reduceWarp(Value value,
                                function_ref<Value(Value, Value)> combine) {
  for (int64_t mask = kWarpThreads / 2; mask > 0; mask /= 2)
    value = combine(value, shuffleXor(value, mask));
  return value;
}

Value KernelEmitter::sumWarp(Value value) {
  return reduceWarp(value,
                    [&](Value lhs, Value rhs) { return addFloats(lhs, rhs); });
}

SmallVector<Value>
KernelEmitter::sumOverLanes(Value first, Value end, ValueRange zeros,
                            function_ref<SmallVector<Value>(Value)> terms) {
  SmallVector<Value> sums =
      loop(add(first, lane()), end, kWarpThreads, zeros,
           [&](Value number, ValueRange before) {
             SmallVector<Value> next = terms(number);
             for (auto [term, sum] : llvm::zip_equal(next, before))
               term = addFloats(sum, term);
             return next;
           });
  for (Value &sum : sums)
    sum = sumWarp(sum);
  return sums;
}

Value KernelEmitter::maxWarp(Value value) {
  return reduceWarp(value,
                    [&](Value lhs, Value rhs) { return maxNumber(lhs, rhs); });
}

// Those of the arith dialect are expanded to comparisons later.
Value KernelEmitter::maxNumber(Value lhs, Value rhs) {
  return LLVM::MaxNumOp::create(builder, loc, lhs, rhs);
}

Value KernelEmitter::minNumber(Value lhs, Value rhs) {
  return LLVM::MinNumOp::create(builder, loc, lhs, rhs);
}

Value KernelEmitter::exp2(Value value) {
  return LLVM::CallIntrinsicOp::create(
             builder, loc, builder.getF32Type(),
             builder.getStringAttr("llvm.nvvm.ex2.approx.ftz.f32"),
             ValueRange{value})
      .getResults();
}

static Attribute getSharedSpace(OpBuilder &builder) {
  return gpu::AddressSpaceAttr::get(builder.getContext(),
                                    gpu::AddressSpace::Workgroup);
}

Value KernelEmitter::shared(ArrayRef<int64_t> shape, Type element) {
  auto type = MemRefType::get(shape, element, MemRefLayoutAttrInterface(),
                              getSharedSpace(builder));
  return launchOp.addWorkgroupAttribution(type, loc);
}

Value KernelEmitter::dynamicShared(int64_t firstByte, ArrayRef<int64_t> shape,
                                   Type element) {
  Attribute space = getSharedSpace(builder);
  auto bytes = MemRefType::get({ShapedType::kDynamic}, builder.getI8Type(),
                               MemRefLayoutAttrInterface(), space);
  Value all = gpu::DynamicSharedMemoryOp::create(builder, loc, bytes);
  auto type =
      MemRefType::get(shape, element, MemRefLayoutAttrInterface(), space);
  return memref::ViewOp::create(builder, loc, type, all, index(firstByte),
                                ValueRange());
}

Value KernelEmitter::loadFloat(Value source, ValueRange indices) {
  return emit::toFloat(builder, loc, emit::load(builder, loc, source, indices),
                       builder.getF32Type());
}

void KernelEmitter::storeFloat(Value value, Value destination,
                               ValueRange indices) {
  Type element = cast<MemRefType>(destination.getType()).getElementType();
  memref::StoreOp::create(builder, loc,
                          emit::toFloat(builder, loc, value, element),
                          destination, indices);
}

SmallVector<Value> KernelEmitter::loadFloats(Value source, ValueRange indices,
                                             int64_t count) {
  auto type = VectorType::get(count, builder.getF32Type());
  Value loaded = vector::LoadOp::create(
      builder, loc, type, source, indices,
      /*nontemporal=*/false, llvm::MaybeAlign(count * sizeof(float)));
  SmallVector<Value> numbers;
  for (int64_t i = 0; i < count; ++i)
    numbers.push_back(vector::ExtractOp::create(builder, loc, loaded, i));
  return numbers;
}

/// How many elements of rows that both begin at multiples of 16 bytes make so
/// many, or 1 where it is not known that they do.
static int64_t countWide(MemRefType source, MemRefType destination) {
  Type element = source.getElementType();
  if (element != destination.getElementType() ||
      !source.getLayout().isIdentity() || !destination.getLayout().isIdentity())
    return 1;
  int64_t together = 128 / element.getIntOrFloatBitWidth();
  for (int64_t width :
       {source.getShape().back(), destination.getShape().back()})
    if (ShapedType::isDynamic(width) || width % together != 0)
      return 1;
  return together;
}

void KernelEmitter::copyRow(Value source, ArrayRef<Value> from,
                            Value destination, ArrayRef<Value> to) {
  auto type = cast<MemRefType>(destination.getType());
  int64_t together = countWide(cast<MemRefType>(source.getType()), type);
  auto vector = VectorType::get(together, type.getElementType());
  llvm::MaybeAlign alignment(sizeof(float) * 4);
  Value start = mul(lane(), together), end = size(destination, to.size());
  loop(start, end, together * kWarpThreads, [&](Value column) {
    SmallVector<Value> at = joinIndices(from, column),
                       place = joinIndices(to, column);
    if (together == 1) {
      Value element = emit::load(builder, loc, source, at);
      memref::StoreOp::create(
          builder, loc,
          emit::toFloat(builder, loc, element, type.getElementType()),
          destination, place);
      return;
    }
    Value elements = vector::LoadOp::create(builder, loc, vector, source, at,
                                            /*nontemporal=*/false, alignment);
    vector::StoreOp::create(builder, loc, elements, destination, place,
                            /*nontemporal=*/false, alignment);
  });
}

void KernelEmitter::clearRow(Value destination, ArrayRef<Value> to) {
  loop(lane(), size(destination, to.size()), kWarpThreads, [&](Value column) {
    storeFloat(emit::f32(builder, loc, 0), destination,
               joinIndices(to, column));
  });
}

SmallVector<Value> effattn::joinIndices(ArrayRef<Value> leading,
                                        ValueRange last) {
  SmallVector<Value> all(leading);
  llvm::append_range(all, last);
  return all;
}

SmallVector<Value> effattn::getSizes(OpBuilder &builder, Location loc,
                                     Value source, int64_t dims) {
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim < dims; ++dim)
    sizes.push_back(emit::size(builder, loc, source, dim));
  return sizes;
}

void effattn::emitParallel(OpBuilder &builder, Location loc, ValueRange sizes,
                           function_ref<void(OpBuilder &, ValueRange)> body) {
  SmallVector<Value> low(sizes.size(), emit::index(builder, loc, 0)),
      step(sizes.size(), emit::index(builder, loc, 1));
  scf::ParallelOp::create(builder, loc, low, sizes, step,
                          [&](OpBuilder &nested, Location, ValueRange place) {
                            body(nested, place);
                          });
}
