//===- RotaryKernels.cpp - Rotate rows by their position ------------------===//
#include "RotaryKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

/// Warps that share the rows of a table, in blocks of four.
static constexpr int64_t kTableWarps = 1024, kBlockWarps = 4;

RotaryTables::RotaryTables(LoopEmitter &host, const RotarySettings &settings,
                           Value rows)
    : host(host), settings(settings), rows(rows),
      pairs(host.quotient(settings.dims, 2)) {
  constexpr int64_t dynamic = ShapedType::kDynamic;
  auto type = MemRefType::get({dynamic, dynamic}, host.builder.getF32Type());
  for (Value *table : {&cosines, &sines})
    *table = memref::AllocOp::create(host.builder, host.loc, type,
                                     ValueRange{rows, pairs});
}

void RotaryTables::free() {
  for (Value table : {cosines, sines})
    memref::DeallocOp::create(host.builder, host.loc, table);
}

/// Angles are f64 up to their cosine and sine: at a position of a million an
/// angle in f32 would be wrong by a sixteenth of a turn.
std::pair<Value, Value> RotaryTables::turnOf(KernelEmitter &e, Value pair,
                                             Value position) {
  Type f64 = e.builder.getF64Type();
  auto real = [&](double value) -> Value {
    return arith::ConstantOp::create(e.builder, e.loc,
                                     e.builder.getF64FloatAttr(value));
  };
  auto toReal = [&](Value number) -> Value {
    if (number.getType().isIndex())
      number =
          emit::fromIndex(e.builder, e.loc, number, e.builder.getI64Type());
    return arith::SIToFPOp::create(e.builder, e.loc, f64, number);
  };
  Value exponent =
      e.divFloats(e.mulFloats(real(-2), toReal(pair)), toReal(settings.dims));
  Value speed =
      math::PowFOp::create(e.builder, e.loc, real(settings.base), exponent);
  Value scaled = e.divFloats(toReal(position), real(settings.scaling));
  Value angle = e.mulFloats(scaled, speed);
  auto round = [&](Value value) {
    return emit::toFloat(e.builder, e.loc, value, e.builder.getF32Type());
  };
  return {round(math::CosOp::create(e.builder, e.loc, angle)),
          round(math::SinOp::create(e.builder, e.loc, angle))};
}

void RotaryTables::launch(
    function_ref<Value(KernelEmitter &)> count,
    function_ref<Value(KernelEmitter &, Value)> positionOf) {
  auto emit = [&](KernelEmitter &e) {
    Value first = e.add(e.mul(e.block(), kBlockWarps), e.warp());
    e.loop(first, count(e), kTableWarps, [&](Value row) {
      Value position = positionOf(e, row);
      e.loop(e.lane(), pairs, kWarpThreads, [&](Value pair) {
        auto [cosine, sine] = turnOf(e, pair, position);
        for (auto [value, table] :
             {std::pair(cosine, cosines), std::pair(sine, sines)})
          memref::StoreOp::create(e.builder, e.loc, value, table,
                                  ValueRange{row, pair});
      });
    });
  };
  Value blocks = host.min(host.ceilDiv(rows, kBlockWarps),
                          host.index(kTableWarps / kBlockWarps));
  KernelEmitter::launch(host.builder, host.loc, "rotary_turns", blocks,
                        kBlockWarps * kWarpThreads, emit);
}

std::pair<Value, Value> RotaryTables::columnsOf(KernelEmitter &e,
                                                Value pair) const {
  if (settings.layout == RopeLayout::Half)
    return {pair, e.add(pair, pairs)};
  Value first = e.add(pair, pair);
  return {first, e.add(first, 1)};
}

void RotaryTables::rotateRow(KernelEmitter &e, Value tableRow, Value source,
                             ArrayRef<Value> from, Value destination,
                             ArrayRef<Value> to) const {
  auto load = [&](Value column) {
    return e.loadFloat(source, joinIndices(from, column));
  };
  auto store = [&](Value value, Value column) {
    e.storeFloat(value, destination, joinIndices(to, column));
  };
  auto times = [&](Value a, Value b) { return e.mulFloats(a, b); };
  e.loop(e.lane(), pairs, kWarpThreads, [&](Value pair) {
    auto [first, second] = columnsOf(e, pair);
    Value a = load(first), b = load(second);
    Value cosine = emit::load(e.builder, e.loc, cosines, {tableRow, pair});
    Value sine = emit::load(e.builder, e.loc, sines, {tableRow, pair});
    store(e.subFloats(times(a, cosine), times(b, sine)), first);
    store(e.addFloats(times(b, cosine), times(a, sine)), second);
  });
  e.loop(e.add(settings.dims, e.lane()), e.size(source, from.size()),
         kWarpThreads, [&](Value column) { store(load(column), column); });
}
