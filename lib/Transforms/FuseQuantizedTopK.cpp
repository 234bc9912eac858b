//===- FuseQuantizedTopK.cpp - The best logits without all of them --------===//
#include "effattn/Dialect/EmbeddingOps.h"
#include "effattn/Dialect/MemoryOps.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

#include <algorithm>

namespace mlir::effattn {
#define GEN_PASS_DEF_FUSEQUANTIZEDTOPKPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// Rows of the vocabulary that are multiplied before their best are taken: few
/// enough for the logits to stay in the cache, many beside the kept ones, as of
/// N logits in any order about K (1 + ln(N / K)) are among the best K so far.
static int64_t getBlock(int64_t k) {
  constexpr int64_t kLeast = 1024, kMost = 16384, kTimesKept = 64;
  return std::max(k, std::clamp(kTimesKept * k, kLeast, kMost));
}

static remark::RemarkOpts describeRemark() {
  return remark::RemarkOpts::name("quantized-top-k")
      .category("effattn-fuse-quantized-top-k");
}

/// Why the logits have to exist, or nothing.
static StringRef whyNot(TopKOp topK, QuantizedMatmulOp product) {
  if (topK.getK() == 0)
    return "nothing is kept";
  if (!product->hasOneUse())
    return "the logits have other uses, so they exist anyway";
  if (product.getNearest())
    return "rows take from other rows, which may stand in another block";
  return "";
}

namespace {
using Sizes = SmallVector<OpFoldResult>;

/// The rewrite of one top_k(quantized_matmul(x, table)): a parallel loop over
/// blocks of the vocabulary keeps the best of each, and top_k of those gives
/// the result. A last block that is not full is filled up with -inf, which
/// comes after everything else.
class BlockedTopK {
public:
  BlockedTopK(OpBuilder &builder, TopKOp topK, QuantizedMatmulOp product)
      : builder(builder), loc(topK.getLoc()), topK(topK), product(product),
        block(getBlock(topK.getK())) {
    leading = tensor::getMixedSizes(builder, loc, product.getX());
    leading.pop_back();
    vocabulary = tensor::DimOp::create(builder, loc, product.getScales(), 0);
    blockCount =
        arith::CeilDivUIOp::create(builder, loc, vocabulary, index(block));
  }

  /// The values and indices that replace those of `topK`.
  std::pair<Value, Value> run();

private:
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  }
  OpFoldResult count(int64_t value) { return builder.getIndexAttr(value); }
  Sizes with(ArrayRef<OpFoldResult> more) {
    Sizes sizes(leading);
    llvm::append_range(sizes, more);
    return sizes;
  }
  Value empty(const Sizes &sizes, Type element) {
    return tensor::EmptyOp::create(builder, loc, sizes, element);
  }

  Value sliceVocabulary(Value table, Value start, Value rows);
  /// [leading..., block] logits from row `start` of the vocabulary on.
  Value emitLogits(Value start);
  /// The best of a block and where they stand in the vocabulary.
  std::pair<Value, Value> emitBest(Value logits, Value start);
  /// Every block's best: [leading..., blocks, K] each.
  std::pair<Value, Value> emitBlocks();
  /// indices[..., places / K, places % K].
  Value gather(Value indices, Value places);

  OpBuilder &builder;
  Location loc;
  TopKOp topK;
  QuantizedMatmulOp product;
  int64_t block;
  Sizes leading;
  Value vocabulary, blockCount;
};
} // namespace

Value BlockedTopK::sliceVocabulary(Value table, Value start, Value rows) {
  if (!table)
    return table;
  Sizes sizes = tensor::getMixedSizes(builder, loc, table);
  Sizes offsets(sizes.size(), count(0)), strides(sizes.size(), count(1));
  offsets[0] = start;
  sizes[0] = rows;
  return tensor::ExtractSliceOp::create(builder, loc, table, offsets, sizes,
                                        strides);
}

Value BlockedTopK::emitLogits(Value start) {
  Value left = arith::SubIOp::create(builder, loc, vocabulary, start);
  Value rows = arith::MinUIOp::create(builder, loc, left, index(block));
  auto element = cast<FloatType>(getElementTypeOrSelf(product.getOut()));
  Value least = arith::ConstantOp::create(
      builder, loc,
      builder.getFloatAttr(element, APFloat::getInf(element.getFloatSemantics(),
                                                    /*Negative=*/true)));
  Value filled = linalg::FillOp::create(builder, loc, least,
                                        empty(with(count(block)), element))
                     .getResult(0);
  Sizes offsets(leading.size() + 1, count(0)),
      strides(leading.size() + 1, count(1)), sizes = with(OpFoldResult(rows));
  Value part = tensor::ExtractSliceOp::create(builder, loc, filled, offsets,
                                              sizes, strides);
  auto slice = [&](Value table) { return sliceVocabulary(table, start, rows); };
  Value logits =
      QuantizedMatmulOp::create(
          builder, loc, part.getType(), product.getX(), product.getCodes4(),
          product.getCodes8(), slice(product.getRowKind()),
          slice(product.getRowIndex()), slice(product.getScales()),
          slice(product.getResidualCodes()), slice(product.getResidualScales()),
          /*nearest=*/Value(),
          /*nearest_weight=*/Value(), part, product.getActivationAttr())
          .getResult(0);
  return tensor::InsertSliceOp::create(builder, loc, logits, filled, offsets,
                                       sizes, strides);
}

std::pair<Value, Value> BlockedTopK::emitBest(Value logits, Value start) {
  Type element = getElementTypeOrSelf(logits), i32 = builder.getI32Type();
  Value values = empty(with(count(topK.getK())), element);
  Value indices = empty(with(count(topK.getK())), i32);
  auto best = TopKOp::create(builder, loc,
                             TypeRange{values.getType(), indices.getType()},
                             logits, values, indices, topK.getKAttr());
  Value first = arith::IndexCastOp::create(builder, loc, i32, start);
  auto shift = linalg::MapOp::create(
      builder, loc, best.getResult(1), empty(with(count(topK.getK())), i32),
      [&](OpBuilder &nested, Location nestedLoc, ValueRange arguments) {
        Value sum =
            arith::AddIOp::create(nested, nestedLoc, arguments[0], first);
        linalg::YieldOp::create(nested, nestedLoc, sum);
      });
  return {best.getResult(0), shift->getResult(0)};
}

std::pair<Value, Value> BlockedTopK::emitBlocks() {
  Sizes whole = with({blockCount, count(topK.getK())});
  SmallVector<Value> outputs{
      empty(whole, getElementTypeOrSelf(product.getOut())),
      empty(whole, builder.getI32Type())};
  auto loop =
      scf::ForallOp::create(builder, loc, OpFoldResult(blockCount), outputs,
                            /*mapping=*/std::nullopt);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(loop.getTerminator());
  Value number = loop.getInductionVar(0);
  Value start = arith::MulIOp::create(builder, loc, number, index(block));
  auto [values, indices] = emitBest(emitLogits(start), start);
  SmallVector<Value> tiles{values, indices};
  Sizes offsets(leading.size(), count(0)), strides(whole.size(), count(1)),
      sizes = with({count(1), count(topK.getK())});
  offsets.append({number, count(0)});
  builder.setInsertionPointToEnd(loop.getTerminator().getBody());
  for (auto [tile, output] : llvm::zip(tiles, loop.getRegionIterArgs()))
    tensor::ParallelInsertSliceOp::create(builder, loc, tile, output, offsets,
                                          sizes, strides);
  return {loop.getResult(0), loop.getResult(1)};
}

Value BlockedTopK::gather(Value indices, Value places) {
  unsigned rank = leading.size() + 1;
  SmallVector<AffineMap> maps(2, builder.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  Value kept = index(topK.getK());
  auto body = [&](OpBuilder &nested, Location nestedLoc, ValueRange arguments) {
    Value place = arith::IndexCastOp::create(
        nested, nestedLoc, nested.getIndexType(), arguments[0]);
    SmallVector<Value> at;
    for (unsigned dim = 0; dim + 1 < rank; ++dim)
      at.push_back(linalg::IndexOp::create(nested, nestedLoc, dim));
    at.push_back(arith::DivUIOp::create(nested, nestedLoc, place, kept));
    at.push_back(arith::RemUIOp::create(nested, nestedLoc, place, kept));
    Value found = tensor::ExtractOp::create(nested, nestedLoc, indices, at);
    linalg::YieldOp::create(nested, nestedLoc, found);
  };
  return linalg::GenericOp::create(builder, loc, topK.getIndices().getType(),
                                   places, topK.getIndices(), maps, iterators,
                                   body)
      .getResult(0);
}

std::pair<Value, Value> BlockedTopK::run() {
  auto [values, indices] = emitBlocks();
  SmallVector<ReassociationIndices> groups;
  for (unsigned dim = 0; dim < leading.size(); ++dim)
    groups.push_back({dim});
  groups.push_back({int64_t(leading.size()), int64_t(leading.size() + 1)});
  Value candidates =
      tensor::CollapseShapeOp::create(builder, loc, values, groups);
  Value places = empty(with(count(topK.getK())), builder.getI32Type());
  auto best = TopKOp::create(
      builder, loc, TypeRange{topK.getValues().getType(), places.getType()},
      candidates, topK.getValues(), places, topK.getKAttr());
  return {best.getResult(0), gather(indices, best.getResult(1))};
}

namespace {
struct FuseQuantizedTopKPass
    : effattn::impl::FuseQuantizedTopKPassBase<FuseQuantizedTopKPass> {
  void runOnOperation() override {
    SmallVector<TopKOp> heads;
    getOperation()->walk([&](TopKOp op) {
      if (op->getNumResults() && op.getX().getDefiningOp<QuantizedMatmulOp>())
        heads.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (TopKOp topK : heads)
      fuse(rewriter, topK);
  }

  void fuse(IRRewriter &rewriter, TopKOp topK) {
    auto product = topK.getX().getDefiningOp<QuantizedMatmulOp>();
    StringRef reason = whyNot(topK, product);
    if (!reason.empty()) {
      remark::missed(topK.getLoc(), describeRemark()) << reason;
      return;
    }
    remark::passed(topK.getLoc(), describeRemark())
        << "the best logits are kept block by block of the vocabulary";
    rewriter.setInsertionPoint(topK);
    auto [values, indices] = BlockedTopK(rewriter, topK, product).run();
    rewriter.replaceOp(topK, {values, indices});
    rewriter.eraseOp(product);
  }
};
} // namespace
