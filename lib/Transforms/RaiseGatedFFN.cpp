//===- RaiseGatedFFN.cpp - Gate and up in one pass over the rows ----------===//
#include "Contraction.h"
#include "GatedProduct.h"
#include "Projection.h"
#include "effattn/Dialect/FeedForwardOps.h"
#include "effattn/Dialect/FusedParts.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_RAISEGATEDFFNPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

static remark::RemarkOpts describeRemark() {
  return remark::RemarkOpts::name("gated-ffn")
      .category("effattn-raise-gated-ffn");
}

static bool isF32(Value tensor) {
  return cast<ShapedType>(tensor.getType()).getElementType().isF32();
}

namespace {
/// down(act(rows gate) * (rows up)).
struct Network {
  Value rows, gate, up, down, destination;
  /// The products with gate, up and down.
  SmallVector<Operation *> products;
  Activation activation;

  static std::optional<Network> match(Value product);
};
} // namespace

std::optional<Network> Network::match(Value product) {
  std::optional<Projection> down = Projection::match(product);
  if (!down)
    return std::nullopt;
  std::optional<GatedProduct> hidden = matchGatedProduct(down->rows);
  if (!hidden)
    return std::nullopt;
  std::optional<Projection> gate = Projection::match(hidden->gate),
                            up = Projection::match(hidden->up);
  if (!gate || !up || gate->rows != up->rows)
    return std::nullopt;
  return Network{gate->rows,
                 gate->weight,
                 up->weight,
                 down->weight,
                 down->destination,
                 {hidden->gate.getDefiningOp(), hidden->up.getDefiningOp(),
                  product.getDefiningOp()},
                 hidden->activation};
}

/// Why the network has to stay as it is, or nothing.
static StringRef whyNot(const Network &network, Value hidden) {
  if (!hidden.hasOneUse())
    return "the hidden layer has other uses";
  if (network.destination.getType() != network.rows.getType() &&
      cast<ShapedType>(network.destination.getType()).getRank() !=
          cast<ShapedType>(network.rows.getType()).getRank())
    return "the rows and the result differ in rank";
  for (Value tensor : {network.rows, network.gate, network.up, network.down,
                       network.destination})
    if (!isF32(tensor))
      return "the products round to less than f32, gated_ffn only its result";
  return "";
}

namespace {
struct RaiseGatedFFNPass
    : effattn::impl::RaiseGatedFFNPassBase<RaiseGatedFFNPass> {
  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> products;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op->getNumResults() == 1 && ContractionLoops::of(op))
        products.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp product : products)
      raise(rewriter, product);
  }

  void raise(IRRewriter &rewriter, linalg::LinalgOp product) {
    std::optional<Network> network = Network::match(product->getResult(0));
    if (!network)
      return;
    Location loc = product.getLoc();
    StringRef reason = whyNot(*network, product.getDpsInputs()[0]);
    if (!reason.empty()) {
      remark::missed(loc, describeRemark()) << reason;
      return;
    }
    Block made;
    OpBuilder builder(rewriter.getContext());
    builder.setInsertionPointToEnd(&made);
    auto raised = GatedFFNOp::create(
        builder, fuseLocation(loc, network->products),
        product->getResultTypes(), network->rows, network->gate, network->up,
        network->down, network->destination, network->activation);
    if (failed(insertIfValid(rewriter, made, product))) {
      remark::missed(loc, describeRemark()) << kContradictorySizes;
      return;
    }
    remark::passed(loc, describeRemark())
        << "gate and up are computed in one pass over the rows";
    rewriter.replaceOp(product, raised);
  }
};
} // namespace
