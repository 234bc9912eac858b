//===- Work.cpp - How much an op computes and moves -----------------------===//
#include "effattn/Dialect/Work.h"
#include "KeptPairs.h"
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/Emit.h"
#include "effattn/Dialect/ShapeSpec.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Formulas
//===----------------------------------------------------------------------===//

static Value emitElements(OpBuilder &builder, Location loc, Value shaped) {
  Value count = emit::index(builder, loc, 1);
  for (int64_t dim : llvm::seq(cast<ShapedType>(shaped.getType()).getRank()))
    count =
        emit::mul(builder, loc, count, emit::size(builder, loc, shaped, dim));
  return count;
}

/// 0 for what is not a tensor or memref of numbers.
static int64_t getElementBytes(Value shaped) {
  auto type = dyn_cast<ShapedType>(shaped.getType());
  if (!type || !type.getElementType().isIntOrIndexOrFloat())
    return 0;
  Type element = type.getElementType();
  return element.isIndex()
             ? 8
             : llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

Value effattn::emitBytes(OpBuilder &builder, Location loc, Value shaped) {
  int64_t size = getElementBytes(shaped);
  if (!size)
    return {};
  return emit::mul(builder, loc, emitElements(builder, loc, shaped),
                   emit::index(builder, loc, size));
}

namespace {
/// Evaluates the formulas of an op (EffAttn_ComputeOp says what they are).
class FormulaEmitter {
public:
  FormulaEmitter(OpBuilder &builder, ComputeOpInterface op)
      : builder(builder), op(op), loc(op.getLoc()), uses(collectSizeUses(op)),
        specs(parseShapeSpec(op.getShapeSpec())) {}

  Value emit(StringRef formula) {
    SmallVector<StringRef> products;
    formula.split(products, '+');
    Value sum;
    for (StringRef product : products) {
      Value term = emitProduct(product);
      sum = sum ? emit::add(builder, loc, sum, term) : term;
    }
    return sum;
  }

private:
  Value emitProduct(StringRef text) {
    SmallVector<StringRef> factors;
    text.split(factors, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
    Value product = emit::index(builder, loc, 1);
    for (StringRef factor : factors)
      product = emit::mul(builder, loc, product, emitFactor(factor));
    return product;
  }

  Value emitFactor(StringRef factor) {
    int64_t number;
    if (!factor.getAsInteger(10, number))
      return emit::index(builder, loc, number);
    if (factor == "...")
      return emitLeading();
    if (factor == "pairs")
      return getKeptPairs().pairs;
    if (factor == "keys" && getKeptPairs().keys)
      return getKeptPairs().keys;
    if (Value size = emitSize(factor))
      return size;
    for (auto [group, spec] : llvm::enumerate(specs))
      if (spec.name == factor && !op.getOperandGroup(group).empty())
        return emitElements(builder, loc, op.getOperandGroup(group).front());
    return emit::index(builder, loc, 0);
  }

  /// The size of a symbol; null where no operand has it.
  Value emitSize(StringRef symbol) {
    const SizeUse *use = llvm::find_if(uses, [&](const SizeUse &use) {
      return use.symbol == symbol && !use.orOne;
    });
    return use == uses.end() ? Value()
                             : emit::size(builder, loc, use->operand, use->dim);
  }

  Value emitLeading() {
    Value product = emit::index(builder, loc, 1);
    for (unsigned dim = 0;; ++dim) {
      Value size = emitSize("." + std::to_string(dim));
      if (!size)
        return product;
      product = emit::mul(builder, loc, product, size);
    }
  }

  const KeptPairs &getKeptPairs() {
    if (!kept)
      kept = emitKeptPairs(builder, op);
    return *kept;
  }

  OpBuilder &builder;
  ComputeOpInterface op;
  Location loc;
  SmallVector<SizeUse> uses;
  SmallVector<OperandSpec> specs;
  std::optional<KeptPairs> kept;
};

/// Notes bytes; what is given twice to be read counts once.
class ByteCounter {
public:
  ByteCounter(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  /// `elements` are those that are touched, at most; null for all.
  void addInput(Value operand, Value elements = {}) {
    if (inputs.insert(operand).second)
      add(operand, /*isRead=*/true, /*isWritten=*/false, elements);
  }
  void addInit(Value operand, bool isRead, Value elements = {}) {
    add(operand, isRead, /*isWritten=*/true, elements);
  }

  SmallVector<Traffic> take() { return std::move(traffic); }

private:
  void add(Value operand, bool isRead, bool isWritten, Value elements) {
    int64_t size = getElementBytes(operand);
    if (!size)
      return;
    Value count = emitElements(builder, loc, operand);
    if (elements)
      count = emit::min(builder, loc, count, elements);
    Value bytes =
        emit::mul(builder, loc, count, emit::index(builder, loc, size));
    traffic.push_back({operand, bytes, isRead, isWritten});
  }

  OpBuilder &builder;
  Location loc;
  SmallVector<Traffic> traffic;
  DenseSet<Value> inputs;
};
} // namespace

//===----------------------------------------------------------------------===//
// Ops of the dialect
//===----------------------------------------------------------------------===//

static llvm::StringMap<StringRef> readTouchedFormulas(StringRef text) {
  llvm::StringMap<StringRef> formulas;
  SmallVector<StringRef> entries;
  text.split(entries, ';', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef entry : entries) {
    auto [operand, formula] = entry.split('=');
    formulas[operand] = formula;
  }
  return formulas;
}

static Costs emitCostsOf(OpBuilder &builder, ComputeOpInterface op) {
  FormulaEmitter formulas(builder, op);
  Costs costs;
  if (StringRef flops = op.getFlopFormula(); !flops.empty())
    costs.flops = formulas.emit(flops);

  auto touched = readTouchedFormulas(op.getTouchedFormulas());
  ByteCounter bytes(builder, op.getLoc());
  unsigned firstInit = op->getNumOperands() - op.getInitCount(), number = 0;
  for (auto [group, spec] : llvm::enumerate(parseShapeSpec(op.getShapeSpec())))
    for (Value operand : op.getOperandGroup(group)) {
      auto formula = touched.find(spec.name);
      Value elements =
          formula == touched.end() ? Value() : formulas.emit(formula->second);
      if (number < firstInit)
        bytes.addInput(operand, elements);
      else
        bytes.addInit(operand, op.readsInit(number - firstInit), elements);
      ++number;
    }
  // What masks and scores look at.
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  for (Value value : captured)
    bytes.addInput(value);
  costs.traffic = bytes.take();
  return costs;
}

//===----------------------------------------------------------------------===//
// Ops of linalg
//===----------------------------------------------------------------------===//

/// Arithmetic, not a choice, a comparison or a conversion.
static bool isArithmetic(Operation &op) {
  if (op.getNumResults() != 1)
    return false;
  Type type = getElementTypeOrSelf(op.getResult(0).getType());
  if (isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op))
    return !type.isIndex();
  if (isa<CastOpInterface, arith::ConstantOp, arith::SelectOp>(op))
    return false;
  return isa<FloatType>(type) &&
         isa<arith::ArithDialect, math::MathDialect>(*op.getDialect());
}

/// What the op computes at each of its iterations times their number; null
/// where an operand does not show the number.
static Value emitFlops(OpBuilder &builder, linalg::LinalgOp op) {
  Location loc = op.getLoc();
  Value flops = emit::index(
      builder, loc,
      llvm::count_if(op.getBlock()->without_terminator(), isArithmetic));
  SmallVector<SizeUse> uses = collectSizeUses(op);
  for (unsigned loop : llvm::seq(op.getNumLoops())) {
    const SizeUse *use = llvm::find_if(uses, [&](const SizeUse &use) {
      return use.symbol == "d" + std::to_string(loop);
    });
    if (use == uses.end())
      return {};
    flops = emit::mul(builder, loc, flops,
                      emit::size(builder, loc, use->operand, use->dim));
  }
  return flops;
}

/// A result that begins as a constant is only written.
static bool isFilled(Value value) {
  return value.getDefiningOp<linalg::FillOp>() != nullptr;
}

static Costs emitCostsOf(OpBuilder &builder, linalg::LinalgOp op) {
  ByteCounter bytes(builder, op.getLoc());
  for (OpOperand &init : op.getDpsInitsMutable()) {
    bool isRead =
        op.payloadUsesValueFromOperand(&init) && !isFilled(init.get());
    bytes.addInit(init.get(), isRead);
  }
  for (OpOperand *input : op.getDpsInputOperands())
    if (op.payloadUsesValueFromOperand(input))
      bytes.addInput(input->get());
  return {emitFlops(builder, op), bytes.take()};
}

//===----------------------------------------------------------------------===//
// Any op
//===----------------------------------------------------------------------===//

bool effattn::isComputation(Operation *op) {
  return isa<ComputeOpInterface>(op) ||
         (isa<linalg::LinalgDialect>(op->getDialect()) &&
          isa<DestinationStyleOpInterface>(op) && !isa<linalg::FillOp>(op));
}

std::optional<Costs> effattn::emitCosts(OpBuilder &builder, Operation *op) {
  if (auto compute = dyn_cast<ComputeOpInterface>(op))
    return emitCostsOf(builder, compute);
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return emitCostsOf(builder, linalgOp);
  return std::nullopt;
}

Work effattn::emitWork(OpBuilder &builder, Operation *op) {
  std::optional<Costs> costs = emitCosts(builder, op);
  if (!costs)
    return {};
  Location loc = op->getLoc();
  Value bytes = emit::index(builder, loc, 0);
  for (const Traffic &part : costs->traffic)
    for (bool isTouched : {part.isRead, part.isWritten})
      if (isTouched)
        bytes = emit::add(builder, loc, bytes, part.bytes);
  return {costs->flops, bytes};
}

StringRef effattn::nameComputation(Operation *op) {
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || generic.getNumParallelLoops() != generic.getNumLoops())
    return op->getName().getStringRef();
  auto body = generic.getBody()->without_terminator();
  return llvm::hasSingleElement(body) ? body.begin()->getName().getStringRef()
                                      : op->getName().getStringRef();
}
