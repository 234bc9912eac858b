//===- QuantizeKernels.cpp - The nearest codes of vectors -----------------===//
#include "QuantizeKernels.h"
#include "KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

/// Warps of a block, which share the codes, and vectors of it, for which a code
/// is loaded once.
static constexpr int64_t kWarps = 16, kVectors = 4;

static int64_t rankOf(Value buffer) {
  return cast<MemRefType>(buffer.getType()).getRank();
}

namespace {
/// What a warp knows of the codes that it has tried: the least distance, and
/// the first code that has it. NaN is less than all.
struct Nearest {
  Value distance, code;
};

/// A block finds the codes of one group of some vectors, and writes them.
class QuantizeKernel {
public:
  QuantizeKernel(KernelEmitter &e, VectorQuantizeOp op, ValueRange sizes,
                 Value norms);

  void emit(Value firstVector, Value group);
  /// max(|code|, 1e-12) of a group.
  Value normOfCode(Value code, Value group);

private:
  Type f64() { return e.builder.getF64Type(); }
  Value real(double value) {
    return arith::ConstantOp::create(e.builder, e.loc,
                                     e.builder.getF64FloatAttr(value));
  }
  Value load(Value source, ArrayRef<Value> leading, Value column) {
    Value element =
        emit::load(e.builder, e.loc, source, joinIndices(leading, column));
    return emit::toFloat(e.builder, e.loc, element, f64());
  }
  /// Sums over the columns of a group, which the lanes share, in the same order
  /// for every code.
  SmallVector<Value>
  sumColumns(Value group, int64_t count,
             function_ref<SmallVector<Value>(Value column)> terms);
  Value normOf(Value square);
  void locate(Value firstVector);
  SmallVector<Value> distances(Value code, Value group);
  Nearest better(const Nearest &one, const Nearest &other);
  void write(Value place, Value group, Value code);

  KernelEmitter &e;
  VectorQuantizeOp op;
  SmallVector<Value> sizes;
  Value norms, vectorCount, width, codes;
  /// Places of the vectors, the last one repeated, and their norms.
  SmallVector<SmallVector<Value>> places;
  SmallVector<Value> ownNorms;
};
} // namespace

QuantizeKernel::QuantizeKernel(KernelEmitter &e, VectorQuantizeOp op,
                               ValueRange sizes, Value norms)
    : e(e), op(op), sizes(sizes), norms(norms), vectorCount(e.index(1)),
      codes(e.size(op.getCodebook(), 0)) {
  for (Value size : sizes)
    vectorCount = e.mul(vectorCount, size);
  width = e.quotient(e.size(op.getCodebook(), 1), op.getGroups());
}

SmallVector<Value>
QuantizeKernel::sumColumns(Value group, int64_t count,
                           function_ref<SmallVector<Value>(Value)> terms) {
  Value first = e.mul(group, width);
  SmallVector<Value> zeros(count, real(0));
  return e.sumOverLanes(first, e.add(first, width), zeros, terms);
}

Value QuantizeKernel::normOf(Value square) {
  return arith::MaximumFOp::create(
      e.builder, e.loc, math::SqrtOp::create(e.builder, e.loc, square),
      real(1e-12));
}

Value QuantizeKernel::normOfCode(Value code, Value group) {
  return normOf(sumColumns(group, 1, [&](Value column) -> SmallVector<Value> {
    Value x = load(op.getCodebook(), code, column);
    return {e.mulFloats(x, x)};
  })[0]);
}

void QuantizeKernel::locate(Value firstVector) {
  Value last = e.sub(vectorCount, e.index(1));
  for (int64_t i = 0; i < kVectors; ++i)
    places.push_back(e.split(e.min(e.add(firstVector, i), last), sizes));
}

SmallVector<Value> QuantizeKernel::distances(Value code, Value group) {
  SmallVector<Value> sums = sumColumns(group, kVectors, [&](Value column) {
    Value ofCode = load(op.getCodebook(), code, column);
    SmallVector<Value> terms;
    for (ArrayRef<Value> place : places) {
      Value x = load(op.getX(), place, column);
      Value difference = e.subFloats(x, ofCode);
      terms.push_back(norms ? e.mulFloats(x, ofCode)
                            : e.mulFloats(difference, difference));
    }
    return terms;
  });
  if (!norms)
    return sums;
  Value ofCode = emit::load(e.builder, e.loc, norms, {code, group});
  for (auto [sum, own] : llvm::zip_equal(sums, ownNorms))
    sum = arith::NegFOp::create(e.builder, e.loc,
                                e.divFloats(sum, e.mulFloats(own, ofCode)));
  return sums;
}

/// By distance, then by code.
Nearest QuantizeKernel::better(const Nearest &one, const Nearest &other) {
  Value isTie = emit::logicalAnd(e.builder, e.loc,
                                 e.equalFloats(one.distance, other.distance),
                                 e.lessThan(one.code, other.code));
  Value isOne = emit::logicalOr(
      e.builder, e.loc, e.lessFloats(one.distance, other.distance), isTie);
  return {e.select(isOne, one.distance, other.distance),
          e.select(isOne, one.code, other.code)};
}

/// The row of a code, by a warp.
void QuantizeKernel::write(Value number, Value group, Value code) {
  SmallVector<Value> place = e.split(number, sizes);
  Value first = e.mul(group, width);
  Type element = cast<MemRefType>(op.getQuantized().getType()).getElementType();
  e.loop(e.add(first, e.lane()), e.add(first, width), kWarpThreads,
         [&](Value column) {
           Value value =
               emit::load(e.builder, e.loc, op.getCodebook(), {code, column});
           memref::StoreOp::create(
               e.builder, e.loc,
               emit::toFloat(e.builder, e.loc, value, element),
               op.getQuantized(), joinIndices(place, column));
         });
  if (op.hasGroupDim())
    place.push_back(group);
  e.choose(e.equal(e.lane(), e.index(0)), [&] {
    memref::StoreOp::create(
        e.builder, e.loc,
        emit::fromIndex(e.builder, e.loc, code, e.builder.getI32Type()),
        op.getCodes(), place);
  });
}

void QuantizeKernel::emit(Value firstVector, Value group) {
  Value found = e.shared({kWarps, kVectors}, f64());
  Value foundCodes = e.shared({kWarps, kVectors}, e.builder.getIndexType());
  locate(firstVector);
  if (norms)
    for (Value square : sumColumns(group, kVectors, [&](Value column) {
           SmallVector<Value> terms;
           for (ArrayRef<Value> place : places) {
             Value x = load(op.getX(), place, column);
             terms.push_back(e.mulFloats(x, x));
           }
           return terms;
         }))
      ownNorms.push_back(normOf(square));
  Value most = real(std::numeric_limits<double>::infinity());
  Value least = real(-std::numeric_limits<double>::infinity());
  SmallVector<Value> start(kVectors, most);
  start.append(kVectors, e.index(0));
  SmallVector<Value> best = e.loop(
      e.warp(), codes, kWarps, start, [&](Value code, ValueRange before) {
        SmallVector<Value> next(2 * kVectors);
        for (auto [i, distance] : llvm::enumerate(distances(code, group))) {
          Value isNumber = arith::CmpFOp::create(
              e.builder, e.loc, arith::CmpFPredicate::ORD, distance, distance);
          Nearest nearest = better({before[i], before[kVectors + i]},
                                   {e.select(isNumber, distance, least), code});
          next[i] = nearest.distance;
          next[kVectors + i] = nearest.code;
        }
        return next;
      });
  e.choose(e.equal(e.lane(), e.index(0)), [&] {
    for (int64_t i = 0; i < kVectors; ++i) {
      SmallVector<Value> at{e.warp(), e.index(i)};
      memref::StoreOp::create(e.builder, e.loc, best[i], found, at);
      memref::StoreOp::create(e.builder, e.loc, best[kVectors + i], foundCodes,
                              at);
    }
  });
  e.barrier();
  // A warp a vector joins what all have found.
  Value mine = e.warp(), number = e.add(firstVector, mine);
  Value isMine =
      emit::logicalAnd(e.builder, e.loc, e.lessThan(mine, e.index(kVectors)),
                       e.lessThan(number, vectorCount));
  e.choose(isMine, [&] {
    Nearest nearest;
    for (int64_t warp = 0; warp < kWarps; ++warp) {
      auto load = [&](Value source) {
        return emit::load(e.builder, e.loc, source, {e.index(warp), mine});
      };
      Nearest next{load(found), load(foundCodes)};
      nearest = warp == 0 ? next : better(nearest, next);
    }
    write(number, group, nearest.code);
  });
}

void effattn::buildVectorQuantize(OpBuilder &builder, VectorQuantizeOp op) {
  LoopEmitter host(builder, op.getLoc());
  Value groups = host.index(op.getGroups());
  SmallVector<Value> sizes =
      getSizes(builder, host.loc, op.getX(), rankOf(op.getX()) - 1);
  Value vectors = host.index(1);
  for (Value size : sizes)
    vectors = host.mul(vectors, size);
  Value norms;
  if (op.getMetric() == Metric::Cosine) {
    SmallVector<Value> ofCodes{host.size(op.getCodebook(), 0), groups};
    norms = memref::AllocOp::create(
        builder, host.loc,
        MemRefType::get({ShapedType::kDynamic, ShapedType::kDynamic},
                        builder.getF64Type()),
        ofCodes);
    KernelEmitter::launchWarps(
        builder, host.loc, "code_norms", ofCodes,
        [&](KernelEmitter &e, ArrayRef<Value> at) {
          Value norm =
              QuantizeKernel(e, op, sizes, norms).normOfCode(at[0], at[1]);
          e.choose(e.equal(e.lane(), e.index(0)), [&] {
            memref::StoreOp::create(e.builder, e.loc, norm, norms, at);
          });
        });
  }
  SmallVector<Value> grid{host.ceilDiv(vectors, kVectors), groups};
  KernelEmitter::launch(
      builder, host.loc, "vector_quantize", host.mul(grid[0], grid[1]),
      kWarps * kWarpThreads, [&](KernelEmitter &e) {
        SmallVector<Value> at = e.split(e.block(), grid);
        QuantizeKernel(e, op, sizes, norms).emit(e.mul(at[0], kVectors), at[1]);
      });
  if (norms)
    memref::DeallocOp::create(builder, host.loc, norms);
  op.erase();
}
