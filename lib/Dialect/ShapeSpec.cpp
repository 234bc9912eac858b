//===- ShapeSpec.cpp - Read the shape specification of an op --------------===//
#include "effattn/Dialect/ShapeSpec.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::effattn;

SmallVector<OperandSpec> effattn::parseShapeSpec(StringRef text) {
  SmallVector<OperandSpec> specs;
  SmallVector<StringRef> entries;
  text.split(entries, ';', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef entry : entries) {
    OperandSpec spec;
    StringRef shape;
    std::tie(spec.name, shape) = entry.split('=');
    spec.shaped = shape.contains(':');
    std::tie(shape, spec.element) = shape.split(':');
    spec.anyLeading = shape.consume_front("...");
    spec.opVerifiesRank = shape.consume_front("*");
    shape.split(spec.sizes, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
    specs.push_back(std::move(spec));
  }
  return specs;
}

/// Uses of one operand; `rank` fits the specification (the verifier saw to it).
static void collectOperand(const OperandSpec &spec, Value operand,
                           SmallVectorImpl<SizeUse> &uses) {
  auto type = dyn_cast<ShapedType>(operand.getType());
  if (!spec.shaped || !type)
    return;
  unsigned leading = type.getRank() - spec.sizes.size();
  for (unsigned dim = 0; dim < leading; ++dim)
    uses.push_back({operand, spec.name.str(), dim, "." + std::to_string(dim)});
  for (auto [i, token] : llvm::enumerate(spec.sizes)) {
    if (!llvm::isAlpha(token[0]))
      continue;
    SizeUse use{operand, spec.name.str(), unsigned(leading + i), ""};
    StringRef symbol = token;
    use.orOne = symbol.consume_back("|1");
    use.symbol = symbol.str();
    uses.push_back(std::move(use));
  }
}

SmallVector<SizeUse> effattn::collectSizeUses(ComputeOpInterface op) {
  SmallVector<SizeUse> uses;
  for (auto [group, spec] : llvm::enumerate(parseShapeSpec(op.getShapeSpec())))
    for (Value operand : op.getOperandGroup(group))
      collectOperand(spec, operand, uses);
  auto user = dyn_cast<MaskUserOpInterface>(op.getOperation());
  if (!user || user.getMaskRegion().empty())
    return uses;
  for (Operation &nested : user.getMaskRegion().front()) {
    auto mask = dyn_cast<MaskOpInterface>(nested);
    if (!mask)
      continue;
    for (auto [group, spec] :
         llvm::enumerate(parseShapeSpec(mask.getShapeSpec())))
      for (Value operand : mask.getOperandGroup(group))
        collectOperand(spec, operand, uses);
  }
  return uses;
}

/// Operands of a linalg op are indexed by its loops; where an index is a loop
/// itself, the size is the loop's.
static SmallVector<SizeUse> collectLinalgSizeUses(linalg::LinalgOp op) {
  SmallVector<SizeUse> uses;
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<ShapedType>(operand.get().getType()))
      continue;
    std::string name = "operand " + std::to_string(operand.getOperandNumber());
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (auto [dim, index] : llvm::enumerate(map.getResults()))
      if (auto loop = dyn_cast<AffineDimExpr>(index))
        uses.push_back({operand.get(), name, unsigned(dim),
                        "d" + std::to_string(loop.getPosition())});
  }
  return uses;
}

SmallVector<SizeUse> effattn::collectSizeUses(Operation *op) {
  if (auto compute = dyn_cast<ComputeOpInterface>(op))
    return collectSizeUses(compute);
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return collectLinalgSizeUses(linalgOp);
  return {};
}

std::string effattn::describeSize(const SizeUse &use) {
  StringRef meaning = llvm::StringSwitch<StringRef>(use.symbol)
                          .Case("B", "rows")
                          .Case("C", "width")
                          .Case("Cb", "bytes")
                          .Case("Cg", "groups")
                          .Case("D", "head size")
                          .Case("Dh", "hidden width")
                          .Case("Dn", "domains")
                          .Case("E", "value size")
                          .Case("F", "hidden width")
                          .Case("G", "head count")
                          .Case("H", "head count")
                          .Case("K", "kept slots")
                          .Case("Kb", "blocks")
                          .Case("Ke", "choices")
                          .Case("Kr", "read slots")
                          .Case("L", "cache size")
                          .Case("M", "slots")
                          .Case("N", "concepts")
                          .Case("Nr", "distances")
                          .Case("P", "values per digit")
                          .Case("Q", "codebook size")
                          .Case("R", "rank")
                          .Case("S", "key count")
                          .Case("T", "token count")
                          .Case("U", "digits")
                          .Case("V", "vocabulary")
                          .Case("X", "experts")
                          .Default("size");
  // Not "key key count".
  if (meaning.starts_with(use.operandName + " "))
    return meaning.str();
  return use.operandName + " " + meaning.str();
}
