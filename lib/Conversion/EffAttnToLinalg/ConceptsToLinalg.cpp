//===- ConceptsToLinalg.cpp - Chunking and mapping back, plainly ----------===//
#include "ConceptLowering.h"
#include "effattn/Conversion/EffAttnToLinalg.h"

using namespace mlir;
using namespace mlir::effattn;

using OwnedSlices = SmallVector<std::pair<Value, LinalgEmitter::Slice>>;

namespace {
/// First the tokens at the kept boundaries, row by row, then a gather of all
/// rows of all concepts in parallel.
class ChunkLowering : ConceptLowering<ChunkOp> {
public:
  ChunkLowering(OpBuilder &builder, ChunkOp op)
      : ConceptLowering(builder, op) {}

  SmallVector<Value> run() {
    SmallVector<OpFoldResult> sizes = emitter.sizes(op.getConcepts());
    sizes.pop_back();
    Value boundaries = emitter.empty(sizes, builder.getIndexType());
    SmallVector<Value> found =
        emitter.parallel(sizes[0], {boundaries, op.getCounts()},
                         [&](ValueRange at, ValueRange outputs) {
                           return findBoundaries(at[0], outputs[0], outputs[1]);
                         });
    SmallVector<Value> concepts = emitter.parallel(
        sizes, op.getConcepts(), [&](ValueRange at, ValueRange outputs) {
          Value concept = emitter.rowOf(outputs[0], at);
          return OwnedSlices{{gather(at, found[0], found[1], concept),
                              emitter.sliceOf(outputs[0], at)}};
        });
    return {concepts[0], found[1]};
  }

private:
  /// Writes the tokens of the kept boundaries [N], unspecified past their
  /// count, and the count.
  OwnedSlices findBoundaries(Value row, Value boundaries, Value counts) {
    SmallVector<Value> found =
        emitter.loop(index(0), validTokens(op.getMask(), row),
                     {emitter.rowOf(boundaries, row), index(0)},
                     [&](Value token, ValueRange carried) {
                       return visitToken(row, token, carried[0], carried[1]);
                     });
    Value count = emit::fromIndex(builder, loc, found[1], builder.getI32Type());
    Value written = emitter.fill(count, emitter.rowOf(counts, row));
    return {{found[0], emitter.sliceOf(boundaries, row)},
            {written, emitter.sliceOf(counts, row)}};
  }

  SmallVector<Value> visitToken(Value row, Value token, Value boundaries,
                                Value count) {
    Value fits = emit::lessThan(builder, loc, count,
                                emit::size(builder, loc, boundaries, 0));
    Value isKept =
        emit::logicalAnd(builder, loc, load(op.getMask(), {row, token}), fits);
    Value next = emitter.choose(
        isKept,
        [&]() -> Value {
          return tensor::InsertOp::create(builder, loc, token, boundaries,
                                          count);
        },
        [&] { return boundaries; });
    return {next, emit::add(builder, loc, count, toCount(isKept))};
  }

  /// Fills a row of the concepts: the row of h at its boundary, or zeros.
  Value gather(ValueRange at, Value boundaries, Value counts, Value concept) {
    Value count = emit::loadIndex(builder, loc, counts, at[0]);
    return emitter.choose(
        emit::lessThan(builder, loc, at[1], count),
        [&]() -> Value {
          Value token = load(boundaries, at);
          Value source = emitter.rowOf(op.getH(), {at[0], token});
          return linalg::CopyOp::create(builder, loc, source, concept)
              .getResult(0);
        },
        [&] {
          Type element =
              cast<RankedTensorType>(concept.getType()).getElementType();
          return emitter.fill(real(element, 0.0), concept);
        });
  }
};

/// Columns that a task of dechunk has at least, so that what it reads and
/// writes of a row is a stretch of memory; tasks of a row of the batch at most;
/// and elements of a row that are worth several.
constexpr int64_t kTaskColumns = 256, kMostTasks = 8, kSharedElements = 1 << 16;

/// Rows in parallel, and equal shares of the columns, which are averaged on
/// their own; the average lives in `state`.
class DechunkLowering : ConceptLowering<DechunkOp> {
public:
  DechunkLowering(OpBuilder &builder, DechunkOp op)
      : ConceptLowering(builder, op) {}

  SmallVector<Value> run() {
    int64_t shares = countShares();
    if (shares == 1)
      return visitRows(shares);
    return emitter.when(
        isLong(), {op.getOut(), op.getState()},
        [&] { return visitRows(shares); }, [&] { return visitRows(1); });
  }

private:
  int64_t width() {
    return cast<ShapedType>(op.getOut().getType()).getDimSize(2);
  }

  /// Of a width that is known; 1 where they would not be equal.
  int64_t countShares() {
    if (ShapedType::isDynamic(width()))
      return 1;
    int64_t shares = std::min(kMostTasks, width() / kTaskColumns);
    while (shares > 1 && width() % shares)
      --shares;
    return std::max<int64_t>(shares, 1);
  }

  /// Whether there are so many tokens that a row is worth several tasks.
  Value isLong() {
    Value tokens = emit::size(builder, loc, op.getOut(), 1);
    return emit::lessEqual(builder, loc, index(kSharedElements / width()),
                           tokens);
  }

  SmallVector<Value> visitRows(int64_t shares) {
    SmallVector<OpFoldResult> tasks = {emitter.sizes(op.getOut()).front()};
    if (shares > 1)
      tasks.push_back(builder.getIndexAttr(shares));
    return emitter.parallel(
        tasks, {op.getOut(), op.getState()},
        [&](ValueRange at, ValueRange outputs) {
          Value row = at[0];
          chooseColumns(at.drop_front(), shares);
          SmallVector<Value> written =
              visitRow(row, partOf(outputs[0], row), partOf(outputs[1], row));
          return OwnedSlices{{written[0], sliceOf(outputs[0], row)},
                             {written[1], sliceOf(outputs[1], row)}};
        });
  }

  void chooseColumns(ValueRange share, int64_t shares) {
    firstColumn = Value();
    if (share.empty())
      return;
    columns = width() / shares;
    firstColumn = emit::mul(builder, loc, share[0], index(columns));
  }

  /// The task's columns behind the leading indices of a tensor.
  LinalgEmitter::Slice sliceOf(Value tensor, ValueRange leading) {
    LinalgEmitter::Slice slice = emitter.sliceOf(tensor, leading);
    if (firstColumn) {
      slice.offsets.back() = firstColumn;
      slice.sizes.back() = builder.getIndexAttr(columns);
    }
    return slice;
  }
  Value partOf(Value tensor, ValueRange leading) {
    return emitter.rowOf(tensor, sliceOf(tensor, leading), leading.size());
  }

  /// `out` [T, C] and `average` [C] of a row after its tokens.
  SmallVector<Value> visitRow(Value row, Value out, Value average) {
    if (!op.getResume())
      average = clear(average);
    Value tokens = validTokens(op.getMask(), row);
    // Carries out, the average and how many concepts it holds.
    SmallVector<Value> scanned = emitter.loop(
        index(0), tokens, {out, average, index(0)},
        [&](Value token, ValueRange carried) {
          return visitToken(row, token, carried[0], carried[1], carried[2]);
        });
    if (!op.getLengths())
      return {scanned[0], scanned[1]};
    SmallVector<Value> padded = emitter.loop(
        tokens, emit::size(builder, loc, out, 0), scanned[0],
        [&](Value token, ValueRange carried) -> SmallVector<Value> {
          Value zeros = clear(emitter.rowOf(carried[0], token));
          return {emitter.insertRow(zeros, carried[0], token)};
        });
    return {padded[0], scanned[1]};
  }

  SmallVector<Value> visitToken(Value row, Value token, Value out,
                                Value average, Value concepts) {
    if (op.getSequenceIds())
      average = restart(row, token, average);
    Value fits = emit::lessThan(builder, loc, concepts,
                                emit::size(builder, loc, op.getY(), 1));
    Value isKept =
        emit::logicalAnd(builder, loc, load(op.getMask(), {row, token}), fits);
    average = emitter.choose(
        isKept, [&] { return absorb(row, token, concepts, average); },
        [&] { return average; });
    Value written = write(row, token, average, emitter.rowOf(out, token));
    return {emitter.insertRow(written, out, token), average,
            emit::add(builder, loc, concepts, toCount(isKept))};
  }

  Value clear(Value tensor) {
    Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
    return emitter.fill(real(element, 0.0), tensor);
  }

  /// The average, 0 again where another sequence begins.
  Value restart(Value row, Value token, Value average) {
    // Token 0 is compared with itself: only changes inside the row count.
    Value previous = emit::max(
        builder, loc, emit::sub(builder, loc, token, index(1)), index(0));
    return emitter.choose(
        differ(op.getSequenceIds(), row, token, previous),
        [&] { return clear(average); }, [&] { return average; });
  }

  /// (1 - pi) e + pi y.
  Value absorb(Value row, Value token, Value concept, Value average) {
    double epsilon = op.getEpsilon();
    Value pi = clamp(load(op.getP(), {row, token}), epsilon, 1.0 - epsilon);
    Value rest =
        arith::SubFOp::create(builder, loc, emit::f32(builder, loc, 1.0), pi);
    return emitter.map(
        partOf(op.getY(), {row, concept}), average,
        [&](OpBuilder &, Location, ValueRange elements) -> Value {
          Value y = emitter.extend(elements[0]);
          Value kept = arith::MulFOp::create(builder, loc, rest, elements[1]);
          Value fresh = arith::MulFOp::create(builder, loc, pi, y);
          return arith::AddFOp::create(builder, loc, kept, fresh);
        });
  }

  /// What a token receives, into `out` [C].
  Value write(Value row, Value token, Value average, Value out) {
    SmallVector<Value> inputs = {average};
    if (op.getResidual())
      inputs.push_back(partOf(op.getResidual(), {row, token}));
    return emitter.map(
        inputs, out, [&](OpBuilder &, Location, ValueRange elements) {
          Value sum = elements[0];
          if (op.getResidual())
            sum = arith::AddFOp::create(builder, loc,
                                        emitter.extend(elements[1]), sum);
          return emit::toFloat(builder, loc, sum, elements.back().getType());
        });
  }

  /// Where the task's columns begin, and how many there are; null where it has
  /// all of them.
  Value firstColumn;
  int64_t columns = 0;
};
} // namespace

void effattn::populateConceptsToLinalgPatterns(RewritePatternSet &patterns) {
  populateBoundariesToLinalgPatterns(patterns);
  patterns.add<LowerOp<ChunkOp, ChunkLowering>,
               LowerOp<DechunkOp, DechunkLowering>>(patterns.getContext());
}
