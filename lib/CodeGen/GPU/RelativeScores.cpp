//===- RelativeScores.cpp - Tables by distance in attention ---------------===//
//
// Keys nearer than R have a row of each table of their own; those further away
// share the first row or the last one. So a tile of keys that is far from all
// queries of a block needs one number of a table for each query.
//
//===----------------------------------------------------------------------===//
#include "AttentionKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

/// In 32 bits, which hold the distance of any two rows of a buffer.
Value AttentionKernel::tableRowOf(Value queryRow, Value keyRow) {
  Type i32 = e.builder.getI32Type();
  auto narrow = [&](Value value) {
    return emit::fromIndex(e.builder, e.loc, value, i32);
  };
  Value first =
      e.sub(e.add(rows.offset, queryRow), e.quotient(call.relative->last, 2));
  Value row = narrow(e.sub(keyRow, first));
  row = e.max(row, narrow(e.index(0)));
  return emit::toIndex(e.builder, e.loc,
                       e.min(row, narrow(call.relative->last)));
}

/// Keys of a tile ascend, as do its queries.
AttentionKernel::TileSide AttentionKernel::sideOf(const KeyTile &tile) {
  Value last = call.relative->last, zero = e.index(0);
  Value lowest = rowOf(tile, zero);
  Value highest = rowOf(tile, e.sub(tile.count, e.index(1)));
  // With a single row, it is the first.
  Value isFirst = e.equal(tableRowOf(rows.first, highest), zero);
  Value isLast = e.equal(tableRowOf(rows.last, lowest), last);
  return {isFirst, emit::logicalOr(e.builder, e.loc, isFirst, isLast)};
}

Value AttentionKernel::keyProduct(const BlockQueries::Place &query,
                                  Value tableRow) {
  return emit::load(e.builder, e.loc, call.relative->keyProducts,
                    {queries.batch, query.head, query.row, tableRow});
}

SmallVector<Value> AttentionKernel::addKeyProducts(ValueRange found,
                                                   const KeyTile &tile,
                                                   const TileSide &side) {
  if (!call.relative->keyProducts)
    return SmallVector<Value>(found);
  int64_t keys = products->keys();
  Value last = e.sub(tile.count, e.index(1));
  Value farRow = e.select(side.isFirst, e.index(0), call.relative->last);
  auto addTo = [&](function_ref<Value(const BlockQueries::Place &, int64_t k)>
                       productOf) {
    SmallVector<Value> sums;
    for (int64_t q = 0; q < products->queries(); ++q) {
      BlockQueries::Place query = queries.at(e, products->queryAt(q));
      for (int64_t k = 0; k < keys; ++k)
        sums.push_back(e.addFloats(found[q * keys + k], productOf(query, k)));
    }
    return sums;
  };
  return e.choose(
      side.isFar, found.getTypes(),
      [&] {
        Value product;
        return addTo([&](const BlockQueries::Place &query, int64_t k) {
          if (k == 0)
            product = keyProduct(query, farRow);
          return product;
        });
      },
      [&] {
        return addTo([&](const BlockQueries::Place &query, int64_t k) {
          Value key = rowOf(tile, e.min(products->keyAt(k), last));
          return keyProduct(query, tableRowOf(query.row, key));
        });
      });
}

/// Each pair of a query and a near key belongs to one thread of the blocks that
/// sum the first columns.
void AttentionKernel::storeNearScores(ValueRange scores, const KeyTile &tile,
                                      const TileSide &side) {
  int64_t keys = products->keys();
  Value zero = e.index(0), last = call.relative->last;
  Value isNear = emit::logicalAnd(
      e.builder, e.loc, emit::logicalNot(e.builder, e.loc, side.isFar),
      e.equal(firstColumn, zero));
  auto storeScore = [&](Value score, const BlockQueries::Place &query,
                        Value key) {
    Value row = tableRowOf(query.row, key);
    Value isOwn = emit::logicalAnd(e.builder, e.loc, e.lessThan(zero, row),
                                   e.lessThan(row, last));
    e.choose(isOwn, [&] {
      Value scaled = areScaledLate ? e.mulFloats(score, scale) : score;
      e.storeFloat(scaled, call.relative->nearScores,
                   {queries.batch, query.head, query.row, row});
    });
  };
  e.choose(isNear, [&] {
    for (int64_t q = 0; q < products->queries(); ++q) {
      Value slot = products->queryAt(q);
      BlockQueries::Place query = queries.at(e, slot);
      Value isQuery = e.isBelow(slot, queries.count);
      for (int64_t k = 0; k < keys; ++k) {
        Value place = products->keyAt(k);
        Value isInside = emit::logicalAnd(e.builder, e.loc, isQuery,
                                          e.isBelow(place, tile.count));
        e.choose(isInside, [&] {
          storeScore(scores[q * keys + k], query, rowOf(tile, place));
        });
      }
    }
  });
}

/// Adds the weight of a key to that of the row, the first or the last, that it
/// shares with others, if it does.
SmallVector<Value> AttentionKernel::addFarWeight(ValueRange far, Value tableRow,
                                                 Value weight) {
  Value zero = emit::f32(e.builder, e.loc, 0);
  Value isFirst = e.equal(tableRow, e.index(0));
  Value isLast = e.equal(tableRow, call.relative->last);
  return {e.addFloats(far[0], e.select(isFirst, weight, zero)),
          e.addFloats(far[1], e.select(isLast, weight, zero))};
}

void AttentionKernel::addFarWeights(State &state, ValueRange weights,
                                    const KeyTile &tile, const TileSide &side) {
  int64_t keys = products->keys();
  Value zero = emit::f32(e.builder, e.loc, 0);
  Value last = e.sub(tile.count, e.index(1));
  auto addAll = [&] {
    SmallVector<Value> next;
    for (int64_t q = 0; q < products->queries(); ++q) {
      Value sum = weights[q * keys];
      for (int64_t k = 1; k < keys; ++k)
        sum = e.addFloats(sum, weights[q * keys + k]);
      next.push_back(
          e.addFloats(state.far[2 * q], e.select(side.isFirst, sum, zero)));
      next.push_back(
          e.addFloats(state.far[2 * q + 1], e.select(side.isFirst, zero, sum)));
    }
    return next;
  };
  auto addSome = [&] {
    SmallVector<Value> all;
    for (int64_t q = 0; q < products->queries(); ++q) {
      BlockQueries::Place query = queries.at(e, products->queryAt(q));
      SmallVector<Value> next{state.far[2 * q], state.far[2 * q + 1]};
      for (int64_t k = 0; k < keys; ++k) {
        Value key = rowOf(tile, e.min(products->keyAt(k), last));
        next = addFarWeight(next, tableRowOf(query.row, key),
                            weights[q * keys + k]);
      }
      llvm::append_range(all, next);
    }
    return all;
  };
  state.far =
      e.choose(side.isFar, TypeRange(ValueRange(state.far)), addAll, addSome);
}

/// By the thread that has the first column, behind the last one.
void AttentionKernel::storeFar(const Row &row, Value isEmpty, Value factor,
                               Value destination, ValueRange leading) {
  Value zero = emit::f32(e.builder, e.loc, 0);
  Value end = e.size(op.getValue(), 3);
  e.choose(e.equal(row.columns.front(), e.index(0)), [&] {
    for (auto [side, sum] : llvm::enumerate(row.far)) {
      SmallVector<Value> to(leading);
      to.push_back(e.add(end, side));
      Value mean = e.select(isEmpty, zero, e.mulFloats(sum, factor));
      e.storeFloat(mean, destination, to);
    }
  });
}
