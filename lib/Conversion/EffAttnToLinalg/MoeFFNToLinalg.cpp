//===- MoeFFNToLinalg.cpp - Gated layers of experts -----------------------===//
#include "GatedTile.h"
#include "MoeLowering.h"
#include "OpLowering.h"
#include "RowTiles.h"

using namespace mlir;
using namespace mlir::effattn;

/// Tiles that run in parallel before what they made is added to the tokens.
static constexpr int64_t kWave = 32;

namespace {
/// The tokens of each expert, in order, with the sum of the gates that a token
/// gives it: entries [starts, ends) of `tokens` and `gates`.
struct ExpertGroups {
  Value tokens, gates;
  Value starts, ends;
};

/// Tiles of entries, each of one expert: which, its first entry, how many.
struct ExpertTiles {
  Value experts, firsts, rows;
  Value count;
};

/// Sorts the choices by expert, then works on tiles of tokens of one expert, so
/// that its weights are read once a tile. Waves of tiles run in parallel; what
/// they made is added to the tokens in order, one by one.
class MoeFFNLowering : OpLowering<MoeFFNOp> {
public:
  MoeFFNLowering(OpBuilder &builder, MoeFFNOp op)
      : OpLowering(builder, op), leading(emitter.sizes(op.getExperts())),
        experts(emitter.sizes(op.getGate())[0]), tokens(index(1)) {
    leading.pop_back();
    for (OpFoldResult size : leading)
      tokens = emit::mul(builder, loc, tokens, value(size));
  }

  SmallVector<Value> run() {
    Value out = op.getOut();
    auto type = cast<ShapedType>(out.getType());
    if (llvm::is_contained(type.getShape(), 0))
      return {out};
    Type f32 = builder.getF32Type();
    bool isF32 = type.getElementType() == f32;
    Value sums = isF32 ? out : emitter.empty(emitter.sizes(out), f32);
    sums = emitter.fill(emit::f32(builder, loc, 0.0), sums);
    ExpertGroups groups = group();
    sums = addWaves(groups, tile(groups), sums);
    if (isF32)
      return {sums};
    return {emitter.map(sums, out, [&](OpBuilder &, Location, ValueRange x) {
      return emit::toFloat(builder, loc, x[0], x[1].getType());
    })};
  }

private:
  using Carried = SmallVector<Value>;

  Value value(OpFoldResult size) {
    return getValueOrCreateConstantIndexOp(builder, loc, size);
  }
  Value add(Value lhs, Value rhs) { return emit::add(builder, loc, lhs, rhs); }
  Value emptyIndices(OpFoldResult size) {
    return emitter.empty(size, builder.getIndexType());
  }

  //===--------------------------------------------------------------------===//
  // Sorting
  //===--------------------------------------------------------------------===//

  /// Counting sort: O(choices + experts).
  ExpertGroups group() {
    SmallVector<OpFoldResult> places = emitter.sizes(op.getExperts());
    Value counts = emitter.filled(experts, index(0));
    counts = emitter.overPlaces(
        places, counts, [&](ValueRange place, ValueRange carried) -> Carried {
          Value expert = emit::loadIndex(builder, loc, op.getExperts(), place);
          Value next = add(load(carried[0], expert), index(1));
          return {emitter.insert(next, carried[0], expert)};
        })[0];
    Carried begun =
        emitter.loop(index(0), value(experts),
                     {emptyIndices(experts), emptyIndices(experts), index(0)},
                     [&](Value expert, ValueRange carried) -> Carried {
                       Value start = carried[2];
                       return {emitter.insert(start, carried[0], expert),
                               emitter.insert(start, carried[1], expert),
                               add(start, load(counts, expert))};
                     });
    OpFoldResult choices = getAsOpFoldResult(begun[2]);
    Carried sorted = emitter.overPlaces(
        places,
        {emptyIndices(choices), emitter.empty(choices, builder.getF32Type()),
         begun[1]},
        [&](ValueRange place, ValueRange carried) {
          return enter(place, begun[0], carried);
        });
    return {sorted[0], sorted[1], begun[0], sorted[2]};
  }

  /// Appends a choice to the group of its expert. A token that is there already
  /// is the last one: its gates add up. Carries tokens, gates and ends.
  Carried enter(ValueRange place, Value starts, ValueRange carried) {
    Value token = index(0);
    for (auto [at, size] : llvm::zip_equal(place.drop_back(), leading))
      token = add(emit::mul(builder, loc, token, value(size)), at);
    Value expert = emit::loadIndex(builder, loc, op.getExperts(), place);
    Value gate = emitter.extend(load(op.getGates(), place));
    Value end = load(carried[2], expert);
    Value last = emit::sub(builder, loc, end, index(1));
    Value isFirst = emit::equal(builder, loc, end, load(starts, expert));
    Value isNew = emitter.choose(
        isFirst, [&] { return emit::boolean(builder, loc, true); },
        [&] {
          return emit::logicalNot(
              builder, loc,
              emit::equal(builder, loc, load(carried[0], last), token));
        });
    Value entry = emit::select(builder, loc, isNew, end, last);
    Value sum = emitter.choose(
        isNew, [&] { return gate; },
        [&]() -> Value {
          return arith::AddFOp::create(builder, loc, load(carried[1], entry),
                                       gate);
        });
    return {emitter.insert(token, carried[0], entry),
            emitter.insert(sum, carried[1], entry),
            emitter.insert(add(entry, index(1)), carried[2], expert)};
  }

  /// Number of tiles of an expert.
  Value tilesOf(const ExpertGroups &groups, Value expert) {
    Value entries = emit::sub(builder, loc, load(groups.ends, expert),
                              load(groups.starts, expert));
    return arith::CeilDivUIOp::create(builder, loc, entries,
                                      index(RowTiles::kMaxRows));
  }

  ExpertTiles tile(const ExpertGroups &groups) {
    Value count =
        emitter.loop(index(0), value(experts), index(0),
                     [&](Value expert, ValueRange carried) -> Carried {
                       return {add(carried[0], tilesOf(groups, expert))};
                     })[0];
    OpFoldResult size = getAsOpFoldResult(count);
    Carried filled = emitter.loop(
        index(0), value(experts),
        {emptyIndices(size), emptyIndices(size), emptyIndices(size), index(0)},
        [&](Value expert, ValueRange outer) {
          return emitter.loop(index(0), tilesOf(groups, expert), outer,
                              [&](Value number, ValueRange inner) {
                                return enterTile(groups, expert, number, inner);
                              });
        });
    return {filled[0], filled[1], filled[2], count};
  }

  Carried enterTile(const ExpertGroups &groups, Value expert, Value number,
                    ValueRange carried) {
    Value most = index(RowTiles::kMaxRows), at = carried[3];
    Value first =
        add(load(groups.starts, expert), emit::mul(builder, loc, number, most));
    Value rest = emit::sub(builder, loc, load(groups.ends, expert), first);
    return {emitter.insert(expert, carried[0], at),
            emitter.insert(first, carried[1], at),
            emitter.insert(emit::min(builder, loc, rest, most), carried[2], at),
            add(at, index(1))};
  }

  //===--------------------------------------------------------------------===//
  // Waves
  //===--------------------------------------------------------------------===//

  Value addWaves(const ExpertGroups &groups, const ExpertTiles &tiles,
                 Value sums) {
    Value wave = index(kWave);
    Value capacity = emit::min(builder, loc, tokens, index(RowTiles::kMaxRows));
    Value made = emitter.empty(
        {getAsOpFoldResult(emit::min(builder, loc, tiles.count, wave)),
         getAsOpFoldResult(capacity), emitter.sizes(sums).back()},
        builder.getF32Type());
    Value waves = arith::CeilDivUIOp::create(builder, loc, tiles.count, wave);
    return emitter.loop(
        index(0), waves, {made, sums},
        [&](Value number, ValueRange carried) -> Carried {
          Value first = emit::mul(builder, loc, number, wave);
          Value count = emit::min(builder, loc, wave,
                                  emit::sub(builder, loc, tiles.count, first));
          Value made = makeWave(groups, tiles, first, count, carried[0]);
          Value sums =
              emitter.loop(index(0), count, carried[1],
                           [&](Value member, ValueRange inner) -> Carried {
                             return {addTile(groups, tiles, add(first, member),
                                             member, made, inner[0])};
                           })[0];
          return {made, sums};
        })[1];
  }

  /// Runs `count` tiles in parallel; `made` [tiles, rows, C] takes the results.
  Value makeWave(const ExpertGroups &groups, const ExpertTiles &tiles,
                 Value first, Value count, Value made) {
    return emitter.parallel(
        getAsOpFoldResult(count), made, [&](ValueRange at, ValueRange owners) {
          Value number = add(first, at[0]);
          Value result =
              runTile(groups, tiles, number, emitter.rowOf(owners[0], at));
          return SmallVector<std::pair<Value, LinalgEmitter::Slice>>{
              {result, emitter.sliceOf(owners[0], at)}};
        })[0];
  }

  Value runTile(const ExpertGroups &groups, const ExpertTiles &tiles,
                Value number, Value made) {
    TileEmitter tile(builder, loc);
    Value first = load(tiles.firsts, number), count = load(tiles.rows, number);
    Value rows = emitter.loop(
        index(0), count, tile.tileLike(made),
        [&](Value row, ValueRange carried) -> Carried {
          return {emitter.copyRow(op.getX(), placeOf(groups, add(first, row)),
                                  carried[0], row)};
        })[0];
    Value width = emit::size(builder, loc, made, 1);
    GatedWeights weights{
        op.getGate(), op.getUp(), op.getDown(), {load(tiles.experts, number)}};
    return emitGatedTile(builder, loc, rows, count, weights, op.getActivation(),
                         tile.clear(made, count, width));
  }

  /// The leading indices of the token of an entry.
  SmallVector<Value> placeOf(const ExpertGroups &groups, Value entry) {
    SmallVector<Value> sizes;
    for (OpFoldResult size : leading)
      sizes.push_back(value(size));
    return emitDelinearize(builder, loc, load(groups.tokens, entry), sizes);
  }

  /// Adds gate times what was made to the tokens of a tile.
  Value addTile(const ExpertGroups &groups, const ExpertTiles &tiles,
                Value number, Value member, Value made, Value sums) {
    Value first = load(tiles.firsts, number);
    auto addRow = [&](Value row, ValueRange outer) {
      Value entry = add(first, row);
      Value gate = load(groups.gates, entry);
      SmallVector<Value> place = placeOf(groups, entry);
      auto addElement = [&](Value column, ValueRange inner) -> Carried {
        SmallVector<Value> at(place);
        at.push_back(column);
        Value term = arith::MulFOp::create(builder, loc, gate,
                                           load(made, {member, row, column}),
                                           arith::FastMathFlags::contract);
        Value sum = arith::AddFOp::create(builder, loc, load(inner[0], at),
                                          term, arith::FastMathFlags::contract);
        return {emitter.insert(sum, inner[0], at)};
      };
      return emitter.loop(index(0), emit::size(builder, loc, made, 2), outer,
                          addElement);
    };
    return emitter.loop(index(0), load(tiles.rows, number), sums, addRow)[0];
  }

  SmallVector<OpFoldResult> leading;
  OpFoldResult experts;
  /// How many tokens there are.
  Value tokens;
};
} // namespace

void effattn::populateMoeFFNToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerOp<MoeFFNOp, MoeFFNLowering>>(patterns.getContext());
}
