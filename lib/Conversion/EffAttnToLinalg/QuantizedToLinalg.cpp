//===- QuantizedToLinalg.cpp - Rows of tables of 4 and 8 bits -------------===//
#include "EmbeddingLowering.h"
#include "effattn/Dialect/CodeChecks.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

namespace {
/// Turns rows of a table into numbers. Codes are brought to one a byte first,
/// whatever their bits, so that one loop along the columns of a group does the
/// rest.
class RowDecoder {
public:
  RowDecoder(OpBuilder &builder, Location loc, const QuantizedTable &table)
      : builder(builder), loc(loc), emitter(builder, loc), table(table),
        zero(emit::index(builder, loc, 0)), one(emit::index(builder, loc, 1)),
        width(emit::size(builder, loc, table.codes8, 1)),
        bytes(emit::size(builder, loc, table.codes4, 1)),
        groups(emit::size(builder, loc, table.scales, 1)) {
    perGroup = arith::DivUIOp::create(builder, loc, width,
                                      emit::max(builder, loc, groups, one));
  }

  /// What decoding a row needs: its codes, and those of its residual.
  SmallVector<Value> makeScratch();

  /// Writes row `id` to `out[at, :]`, rounded to the type of `out`. Returns
  /// `out` and the scratch.
  SmallVector<Value> decode(Value id, Value out, ValueRange at,
                            ValueRange scratch);

  Value getWidth() { return width; }
  Value getGroups() { return groups; }
  Value getColumnsPerGroup() { return perGroup; }

private:
  /// A row of codes and what is multiplied to it.
  struct Part {
    function_ref<Value(Value)> code;
    Value scales, scaleRow;
    Value weight;
  };

  Value copyCodes(Value row, Value codes);
  Value unpackCodes(Value packed, Value row, Value codes);
  /// out[at, c] = sum of the parts at c.
  Value combine(ArrayRef<Part> parts, Value out, ValueRange at);
  Value multiply(Value x, Value y) {
    return arith::MulFOp::create(builder, loc, x, y);
  }

  OpBuilder &builder;
  Location loc;
  LinalgEmitter emitter;
  QuantizedTable table;
  Value zero, one, width, bytes, groups, perGroup;
};
} // namespace

SmallVector<Value> RowDecoder::makeScratch() {
  // Whole bytes: with odd C there is room for the half that is not used.
  Value room = emit::mul(builder, loc, bytes, emit::index(builder, loc, 2));
  SmallVector<Value> scratch;
  for (int64_t rows = table.residualCodes ? 2 : 1; rows > 0; --rows)
    scratch.push_back(emitter.empty(OpFoldResult(room), builder.getI8Type()));
  return scratch;
}

Value RowDecoder::copyCodes(Value row, Value codes) {
  return emitColumns(builder, loc, codes, {}, zero, width, [&](Value column) {
    return emit::load(builder, loc, table.codes8, {row, column});
  });
}

Value RowDecoder::unpackCodes(Value packed, Value row, Value codes) {
  Value four = arith::ConstantIntOp::create(builder, loc, 4, 8);
  auto unpack = [&](Value byte, ValueRange carried) -> SmallVector<Value> {
    Value both = emit::load(builder, loc, packed, {row, byte});
    // Shifting up and down again extends the sign of the low half.
    Value up = arith::ShLIOp::create(builder, loc, both, four);
    Value low = arith::ShRSIOp::create(builder, loc, up, four);
    Value high = arith::ShRSIOp::create(builder, loc, both, four);
    Value first = emit::add(builder, loc, byte, byte);
    Value next = emit::add(builder, loc, first, one);
    return {emitter.insert(high, emitter.insert(low, carried[0], first), next)};
  };
  return emitter.loop(zero, bytes, codes, unpack)[0];
}

Value RowDecoder::combine(ArrayRef<Part> parts, Value out, ValueRange at) {
  auto addGroup = [&](Value group, ValueRange carried) -> SmallVector<Value> {
    SmallVector<Value> scales;
    for (const Part &part : parts)
      scales.push_back(emitter.extend(
          emit::load(builder, loc, part.scales, {part.scaleRow, group})));
    Value first = emit::mul(builder, loc, group, perGroup);
    auto sum = [&](Value offset) {
      Value column = emit::add(builder, loc, first, offset), total;
      for (auto [part, scale] : llvm::zip(parts, scales)) {
        Value code = arith::SIToFPOp::create(builder, loc, builder.getF32Type(),
                                             part.code(column));
        Value term = multiply(code, scale);
        if (part.weight)
          term = multiply(part.weight, term);
        total =
            total ? arith::AddFOp::create(builder, loc, total, term).getResult()
                  : term;
      }
      return total;
    };
    return {emitColumns(builder, loc, carried[0], at, first, perGroup, sum)};
  };
  return emitter.loop(zero, groups, out, addGroup)[0];
}

SmallVector<Value> RowDecoder::decode(Value id, Value out, ValueRange at,
                                      ValueRange scratch) {
  Value row = emit::loadIndex(builder, loc, table.rowIndex, id);
  SmallVector<Value> codes{emitter.choose(
      emit::load(builder, loc, table.rowKind, id),
      [&] { return copyCodes(row, scratch[0]); },
      [&] { return unpackCodes(table.codes4, row, scratch[0]); })};
  if (table.residualCodes)
    codes.push_back(unpackCodes(table.residualCodes, id, scratch[1]));

  auto codeOf = [&](Value column) {
    return emit::load(builder, loc, codes[0], column);
  };
  auto residualOf = [&](Value column) {
    return emit::load(builder, loc, codes[1], column);
  };
  SmallVector<Part> parts{{codeOf, table.scales, id, Value()}};
  if (table.residualCodes)
    parts.push_back({residualOf, table.residualScales, id, Value()});
  auto withNearest = [&](Value source) {
    Value sourceRow = emit::loadIndex(builder, loc, table.rowIndex, source);
    auto nearestOf = [&](Value column) {
      return emit::load(builder, loc, table.codes8, {sourceRow, column});
    };
    Value weight =
        emitter.extend(emit::load(builder, loc, table.nearestWeight, id));
    SmallVector<Part> all(parts);
    all.push_back({nearestOf, table.scales, source, weight});
    return combine(all, out, at);
  };
  if (table.nearest) {
    Value source = emit::loadIndex(builder, loc, table.nearest, id);
    out = emitter.choose(
        emit::lessThan(builder, loc, source, zero),
        [&] { return combine(parts, out, at); },
        [&] { return withNearest(source); });
  } else {
    out = combine(parts, out, at);
  }
  return joinIndices(out, codes);
}

//===----------------------------------------------------------------------===//
// The ops
//===----------------------------------------------------------------------===//

namespace {
class QuantizedEmbeddingLowering : OpLowering<QuantizedEmbeddingOp> {
public:
  QuantizedEmbeddingLowering(OpBuilder &builder, QuantizedEmbeddingOp op)
      : OpLowering(builder, op) {}

  Value run() {
    RowDecoder decoder(builder, loc, op.getQuantizedTable());
    return emitTokenRows(
        builder, loc, op.getOut(), [&] { return decoder.makeScratch(); },
        [&](const TokenRow &row) {
          Value id = emit::loadIndex(builder, loc, op.getIds(), row.place);
          return decoder.decode(id, row.out, row.at, row.scratch);
        });
  }
};

/// Decodes a few rows of the table at a time and multiplies them by every row
/// of x, which is read once for all of them.
class QuantizedMatmulLowering : OpLowering<QuantizedMatmulOp> {
public:
  QuantizedMatmulLowering(OpBuilder &builder, QuantizedMatmulOp op)
      : OpLowering(builder, op), decoder(builder, loc, op.getQuantizedTable()) {
  }

  Value run() {
    auto type = op.getOut().getType();
    checkCodes();
    // The verifier of slices refuses offset 0 where a size is 0.
    if (llvm::is_contained(type.getShape(), 0))
      return op.getOut();
    x = op.getActivation() == Precision::I8 ? roundActivations() : op.getX();
    leading = type.getRank() - 1;
    vocabulary = emit::size(builder, loc, op.getOut(), leading);
    OpFoldResult blocks =
        arith::CeilDivUIOp::create(builder, loc, vocabulary, index(kRows))
            .getResult();
    return emitter.parallel(blocks, op.getOut(),
                            [&](ValueRange block, ValueRange outputs) {
                              return multiplyBlock(block[0], outputs[0]);
                            })[0];
  }

private:
  /// Rows of the table in scratch: what they take stays in the first caches.
  static constexpr int64_t kRows = 16;
  using OwnedSlices = SmallVector<std::pair<Value, LinalgEmitter::Slice>>;

  /// x, each group of columns rounded to multiples of its largest magnitude
  /// over 127. In f64, where no f32 that lies between two multiples is moved
  /// to the other one.
  Value roundActivations();
  void checkCodes();
  Value roundGroup(ValueRange row, Value group, Value rounded);

  OwnedSlices multiplyBlock(Value block, Value out);
  /// Rows [first, first + count) of the table, in scratch.
  Value decodeRows(Value first, Value count);
  /// The product of a row of x and a decoded row.
  Value emitProduct(ValueRange at, Value rows, Value row);

  RowDecoder decoder;
  Value x, vocabulary;
  unsigned leading = 0;
};
} // namespace

/// C8 for every row.
void QuantizedMatmulLowering::checkCodes() {
  scf::ForOp::create(
      builder, loc, index(0), emit::size(builder, loc, op.getRowKind(), 0),
      index(1), ValueRange(), [&](OpBuilder &, Location, Value id, ValueRange) {
        emitRowCodeChecks(builder, loc, op, op.getQuantizedTable(), id);
        scf::YieldOp::create(builder, loc);
      });
}

Value QuantizedMatmulLowering::roundActivations() {
  Value copy = emitter.empty(emitter.sizes(op.getX()), builder.getF32Type());
  unsigned rows = op.getX().getType().getRank() - 1;
  return emitter.rows(rows, copy, [&](ValueRange row, ValueRange parts) {
    return emitter.loop(index(0), decoder.getGroups(), parts[0],
                        [&](Value group, ValueRange carried) {
                          return SmallVector<Value>{
                              roundGroup(row, group, carried[0])};
                        });
  })[0];
}

Value QuantizedMatmulLowering::roundGroup(ValueRange row, Value group,
                                          Value rounded) {
  Type f64 = builder.getF64Type();
  Value perGroup = decoder.getColumnsPerGroup();
  Value first = emit::mul(builder, loc, group, perGroup);
  auto loadWide = [&](Value offset) {
    Value column = emit::add(builder, loc, first, offset);
    return emit::toFloat(builder, loc,
                         load(op.getX(), joinIndices(row, column)), f64);
  };
  Value zero = real(f64, 0.0);
  Value largest = emitter.loop(
      index(0), perGroup, zero,
      [&](Value offset, ValueRange carried) -> SmallVector<Value> {
        Value size = math::AbsFOp::create(builder, loc, loadWide(offset));
        return {arith::MaximumFOp::create(builder, loc, carried[0], size)};
      })[0];
  Value step = arith::DivFOp::create(builder, loc, largest, real(f64, 127.0));
  Value isZero = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ,
                                       step, zero);
  Value divisor = emit::select(builder, loc, isZero, real(f64, 1.0), step);
  return emitColumns(
      builder, loc, rounded, {}, first, perGroup, [&](Value offset) -> Value {
        Value steps = math::RoundEvenOp::create(
            builder, loc,
            arith::DivFOp::create(builder, loc, loadWide(offset), divisor));
        return arith::MulFOp::create(builder, loc, steps, step);
      });
}

Value QuantizedMatmulLowering::decodeRows(Value first, Value count) {
  OpFoldResult width = emitter.sizes(op.getCodes8()).back();
  SmallVector<Value> carried{emitter.empty({builder.getIndexAttr(kRows), width},
                                           builder.getF32Type())};
  carried.append(decoder.makeScratch());
  return emitter.loop(
      index(0), count, carried, [&](Value row, ValueRange values) {
        return decoder.decode(emit::add(builder, loc, first, row), values[0],
                              row, values.drop_front());
      })[0];
}

Value QuantizedMatmulLowering::emitProduct(ValueRange at, Value rows,
                                           Value row) {
  auto contract = arith::FastMathFlags::contract;
  auto inAnyOrder = contract | arith::FastMathFlags::reassoc;
  auto addColumn = [&](Value column, ValueRange sum) -> SmallVector<Value> {
    Value left = emitter.extend(load(x, joinIndices(at, column)));
    Value right = load(rows, {row, column});
    Value term = arith::MulFOp::create(builder, loc, left, right, contract);
    return {arith::AddFOp::create(builder, loc, sum[0], term, inAnyOrder)};
  };
  return emitter.loop(index(0), decoder.getWidth(), emit::f32(builder, loc, 0),
                      addColumn)[0];
}

QuantizedMatmulLowering::OwnedSlices
QuantizedMatmulLowering::multiplyBlock(Value block, Value out) {
  Value first = emit::mul(builder, loc, block, index(kRows));
  Value count = emit::min(builder, loc, index(kRows),
                          emit::sub(builder, loc, vocabulary, first));
  LinalgEmitter::Slice slice{
      SmallVector<OpFoldResult>(leading, builder.getIndexAttr(0)),
      emitter.sizes(out)};
  slice.offsets.push_back(first);
  slice.sizes.back() = count;
  SmallVector<OpFoldResult> strides(leading + 1, builder.getIndexAttr(1));
  Value products = tensor::ExtractSliceOp::create(
      builder, loc, out, slice.offsets, slice.sizes, strides);
  Value rows = decodeRows(first, count);

  Type element = cast<ShapedType>(out.getType()).getElementType();
  SmallVector<Value> low(leading + 1, index(0)), step(leading + 1, index(1));
  SmallVector<Value> high;
  for (unsigned dim = 0; dim < leading; ++dim)
    high.push_back(emit::size(builder, loc, out, dim));
  high.push_back(count);
  scf::LoopNest nest = scf::buildLoopNest(
      builder, loc, low, high, step, products,
      [&](OpBuilder &, Location, ValueRange at, ValueRange carried) {
        Value product = emitProduct(at.drop_back(), rows, at.back());
        Value stored = emit::toFloat(builder, loc, product, element);
        return SmallVector<Value>{emitter.insert(stored, carried[0], at)};
      });
  return {{nest.results[0], slice}};
}

void effattn::populateQuantizedToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerOp<QuantizedEmbeddingOp, QuantizedEmbeddingLowering>,
               LowerOp<QuantizedMatmulOp, QuantizedMatmulLowering>>(
      patterns.getContext());
}
