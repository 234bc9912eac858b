//===- DechunkKernels.cpp - Moving averages, segment by segment -----------===//
//
// A moving average over a segment of tokens maps the average e in front of it
// to rest e + sum, or to sum where another sequence begins inside. Blocks find
// these maps for all segments, a thread applies those of its column one after
// the other, and then blocks walk their segments again, each from its own e.
//
//===----------------------------------------------------------------------===//
#include "BoundarySegments.h"
#include "ConceptKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

static constexpr int64_t kTokens = BoundarySegments::kTokens;

namespace {
/// The memory between the kernels of one dechunk.
struct SegmentMaps {
  /// [B, segments]: f32, and i1 where another sequence begins inside.
  Value rests, restarts;
  /// [B, segments, C], f32: sums, and then the averages in front.
  Value averages;
};

/// What a block does with a segment and kTokens columns of it. A thread has a
/// token first, and then a column.
class SegmentKernel {
public:
  SegmentKernel(KernelEmitter &e, DechunkOp op,
                const BoundarySegments &boundaries, const SegmentMaps &maps);

  /// Writes the map of the segment.
  void findMap(Value row, Value segment, Value columns);
  /// Writes the tokens of the segment, and the state at the end of the row.
  void write(Value row, Value segment, Value columns);

private:
  void locate(Value row, Value segment, Value columns);
  void plan();
  Value clampToRange(Value p);
  /// The average behind token number `place` of the segment, where the one in
  /// front of it is `average`.
  Value step(Value place, Value average);
  Value loadPlan(Value plan, Value place) {
    return emit::load(e.builder, e.loc, plan, place);
  }
  void store(Value value, Value destination, ValueRange at) {
    memref::StoreOp::create(e.builder, e.loc, value, destination, at);
  }
  Value real(double value) { return emit::f32(e.builder, e.loc, value); }

  KernelEmitter &e;
  DechunkOp op;
  const BoundarySegments &boundaries;
  const SegmentMaps &maps;
  BlockScan scan;
  /// Of each token: pi where it keeps a concept, the concept or -1, and where
  /// ids are given, whether another sequence begins.
  Value shares, concepts, restarts;
  Value row, segment, first, column;
  /// Tokens of the segment in the row, and those that are valid.
  Value count, valid;
};
} // namespace

SegmentKernel::SegmentKernel(KernelEmitter &e, DechunkOp op,
                             const BoundarySegments &boundaries,
                             const SegmentMaps &maps)
    : e(e), op(op), boundaries(boundaries), maps(maps), scan(e),
      shares(e.shared({kTokens}, e.builder.getF32Type())),
      concepts(e.shared({kTokens}, e.builder.getI32Type())) {
  if (op.getSequenceIds())
    restarts = e.shared({kTokens}, e.builder.getI1Type());
}

void SegmentKernel::locate(Value atRow, Value atSegment, Value columns) {
  row = atRow;
  segment = atSegment;
  column = e.add(e.mul(columns, kTokens), e.thread());
  first = e.mul(segment, kTokens);
  auto upTo = [&](Value end) {
    return e.min(e.max(e.sub(end, first), e.index(0)), e.index(kTokens));
  };
  count = upTo(e.size(op.getMask(), 1));
  valid = upTo(boundaries.validTokens(e, row));
}

/// NaN stays NaN.
Value SegmentKernel::clampToRange(Value p) {
  p = arith::MaximumFOp::create(e.builder, e.loc, p, real(op.getEpsilon()));
  return arith::MinimumFOp::create(e.builder, e.loc, p,
                                   real(1.0 - op.getEpsilon()));
}

void SegmentKernel::plan() {
  Type i32 = e.builder.getI32Type();
  auto [token, isBoundary, number] = boundaries.tokenOf(e, scan, row, segment);
  Value isKept = emit::logicalAnd(e.builder, e.loc, isBoundary,
                                  e.lessThan(number, e.size(op.getY(), 1)));
  SmallVector<Value> own = e.choose(
      isKept, {i32, e.builder.getF32Type()},
      [&, token = token, number = number]() -> SmallVector<Value> {
        Value p = emit::load(e.builder, e.loc, op.getP(), {row, token});
        return {emit::fromIndex(e.builder, e.loc, number, i32),
                clampToRange(p)};
      },
      [&]() -> SmallVector<Value> {
        return {arith::ConstantIntOp::create(e.builder, e.loc, -1, 32),
                real(0)};
      });
  store(own[0], concepts, e.thread());
  store(own[1], shares, e.thread());
  if (Value ids = op.getSequenceIds()) {
    // Only a change inside of the row counts.
    Value mayChange =
        emit::logicalAnd(e.builder, e.loc, e.lessThan(e.index(0), token),
                         e.lessThan(e.thread(), valid));
    Value changes = e.choose(
        mayChange, e.builder.getI1Type(),
        [&, token = token]() -> SmallVector<Value> {
          auto idOf = [&](Value at) {
            return emit::load(e.builder, e.loc, ids, {row, at});
          };
          return {arith::CmpIOp::create(e.builder, e.loc,
                                        arith::CmpIPredicate::ne, idOf(token),
                                        idOf(e.sub(token, e.index(1))))};
        },
        [&]() -> SmallVector<Value> {
          return {emit::boolean(e.builder, e.loc, false)};
        })[0];
    store(changes, restarts, e.thread());
  }
  e.barrier();
}

Value SegmentKernel::step(Value place, Value average) {
  if (restarts)
    average = e.select(loadPlan(restarts, place), real(0), average);
  Value concept = emit::loadIndex(e.builder, e.loc, concepts, place);
  return e.choose(
      e.lessEqual(e.index(0), concept), e.builder.getF32Type(),
      [&]() -> SmallVector<Value> {
        Value share = loadPlan(shares, place);
        Value y = e.loadFloat(op.getY(), {row, concept, column});
        Value kept = e.mulFloats(e.subFloats(real(1), share), average);
        return {e.addFloats(kept, e.mulFloats(share, y))};
      },
      [&]() -> SmallVector<Value> { return {average}; })[0];
}

void SegmentKernel::findMap(Value atRow, Value atSegment, Value columns) {
  locate(atRow, atSegment, columns);
  plan();
  // The first thread of the first columns has the factor, too.
  Value isFirst = e.equal(column, e.index(0));
  e.choose(isFirst, [&] {
    Value none = emit::boolean(e.builder, e.loc, false);
    SmallVector<Value> map =
        e.loop(e.index(0), valid, 1, {real(1), none},
               [&](Value place, ValueRange before) -> SmallVector<Value> {
                 Value rest = e.subFloats(real(1), loadPlan(shares, place));
                 Value restarted =
                     restarts ? emit::logicalOr(e.builder, e.loc, before[1],
                                                loadPlan(restarts, place))
                              : none;
                 return {e.mulFloats(before[0], rest), restarted};
               });
    store(map[0], maps.rests, {row, segment});
    store(map[1], maps.restarts, {row, segment});
  });
  e.choose(e.lessThan(column, e.size(op.getY(), 2)), [&] {
    Value sum = e.loop(e.index(0), valid, 1, real(0),
                       [&](Value place, ValueRange before) {
                         return SmallVector<Value>{step(place, before[0])};
                       })[0];
    store(sum, maps.averages, {row, segment, column});
  });
}

void SegmentKernel::write(Value atRow, Value atSegment, Value columns) {
  locate(atRow, atSegment, columns);
  plan();
  auto writeColumn = [&] {
    Value average =
        emit::load(e.builder, e.loc, maps.averages, {row, segment, column});
    auto writeToken = [&](Value place,
                          ValueRange before) -> SmallVector<Value> {
      Value next = step(place, before[0]);
      SmallVector<Value> at{row, e.add(first, place), column};
      Value sum = next;
      if (Value residual = op.getResidual())
        sum = e.addFloats(e.loadFloat(residual, at), next);
      e.storeFloat(sum, op.getOut(), at);
      return {next};
    };
    average = e.loop(e.index(0), valid, 1, average, writeToken)[0];
    e.loop(valid, count, 1, [&](Value place) {
      e.storeFloat(real(0), op.getOut(), {row, e.add(first, place), column});
    });
    // The segment of the last valid token, or the first of a row without one.
    Value last = e.sub(boundaries.validTokens(e, row), e.index(1));
    Value lastSegment = e.quotient(e.max(last, e.index(0)), kTokens);
    e.choose(e.equal(segment, lastSegment),
             [&] { store(average, op.getState(), {row, column}); });
  };
  e.choose(e.lessThan(column, e.size(op.getY(), 2)), writeColumn);
}

/// Launches a block for each of some segments of a row and kTokens columns.
static void launchSegments(
    LoopEmitter &host, StringRef name, DechunkOp op, Value segments,
    function_ref<void(KernelEmitter &, ArrayRef<Value> place)> body) {
  SmallVector<Value> sizes{host.size(op.getOut(), 0), segments,
                           host.ceilDiv(host.size(op.getOut(), 2), kTokens)};
  Value blocks = host.mul(host.mul(sizes[0], sizes[1]), sizes[2]);
  KernelEmitter::launch(
      host.builder, host.loc, name, blocks, kTokens,
      [&](KernelEmitter &e) { body(e, e.split(e.block(), sizes)); });
}

/// Turns the sums of segments into the averages in front of them.
static void carryAverages(LoopEmitter &host, DechunkOp op, Value segments,
                          const SegmentMaps &maps) {
  Value rows = host.size(op.getOut(), 0), width = host.size(op.getOut(), 2);
  emitParallel(
      host.builder, host.loc, {rows, width},
      [&](OpBuilder &nested, ValueRange place) {
        LoopEmitter e(nested, host.loc);
        Value row = place[0], column = place[1];
        auto load = [&](Value source, ValueRange at) {
          return emit::load(nested, e.loc, source, at);
        };
        auto store = [&](Value average, Value segment) {
          memref::StoreOp::create(nested, e.loc, average, maps.averages,
                                  ValueRange{row, segment, column});
        };
        Value start = op.getResume() ? load(op.getState(), place)
                                     : emit::f32(nested, e.loc, 0);
        Value last = e.sub(segments, e.index(1));
        Value end =
            e.loop(e.index(0), last, 1, start,
                   [&](Value segment, ValueRange before) -> SmallVector<Value> {
                     Value sum = load(maps.averages, {row, segment, column});
                     store(before[0], segment);
                     Value kept = e.mulFloats(load(maps.rests, {row, segment}),
                                              before[0]);
                     return {e.select(load(maps.restarts, {row, segment}), sum,
                                      e.addFloats(kept, sum))};
                   })[0];
        store(end, last);
      });
}

void effattn::buildDechunk(OpBuilder &builder, DechunkOp op) {
  LoopEmitter host(builder, op.getLoc());
  BoundarySegments boundaries(host, op.getMask(), op.getLengths());
  Value segments = boundaries.segments();
  SmallVector<Value> sizes{host.size(op.getOut(), 0), segments};
  auto allocate = [&](Type element) -> Value {
    SmallVector<int64_t> shape(sizes.size(), ShapedType::kDynamic);
    return memref::AllocOp::create(builder, host.loc,
                                   MemRefType::get(shape, element), sizes);
  };
  SegmentMaps maps;
  maps.rests = allocate(builder.getF32Type());
  maps.restarts = allocate(builder.getI1Type());
  sizes.push_back(host.size(op.getOut(), 2));
  maps.averages = allocate(builder.getF32Type());
  // Nothing follows the last segment that needs its map.
  launchSegments(
      host, "dechunk_maps", op, host.sub(segments, host.index(1)),
      [&](KernelEmitter &e, ArrayRef<Value> at) {
        SegmentKernel(e, op, boundaries, maps).findMap(at[0], at[1], at[2]);
      });
  carryAverages(host, op, segments, maps);
  launchSegments(
      host, "dechunk", op, segments, [&](KernelEmitter &e, ArrayRef<Value> at) {
        SegmentKernel(e, op, boundaries, maps).write(at[0], at[1], at[2]);
      });
  for (Value memory : {maps.rests, maps.restarts, maps.averages})
    memref::DeallocOp::create(builder, host.loc, memory);
  boundaries.free(host);
  op.erase();
}
