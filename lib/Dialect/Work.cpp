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

/// Adds up bytes; what is given twice to be read counts once.
class ByteCounter {
public:
  ByteCounter(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  /// `elements` are those that are touched, at most; null for all. They are
  /// touched `times`: read, written, or both.
  void add(Value operand, unsigned times, Value elements = {}) {
    auto type = dyn_cast<ShapedType>(operand.getType());
    if (!type || !type.getElementType().isIntOrIndexOrFloat())
      return;
    Value all = emitElements(builder, loc, operand);
    if (elements)
      all = emit::min(builder, loc, all, elements);
    Type element = type.getElementType();
    int64_t bits = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
    Value own =
        emit::mul(builder, loc, all,
                  emit::index(builder, loc, times * llvm::divideCeil(bits, 8)));
    sum = sum ? emit::add(builder, loc, sum, own) : own;
  }

  Value get() { return sum ? sum : emit::index(builder, loc, 0); }

  void addInput(Value operand, Value elements = {}) {
    if (inputs.insert(operand).second)
      add(operand, /*times=*/1, elements);
  }

private:
  OpBuilder &builder;
  Location loc;
  Value sum;
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

static Work emitWorkOf(OpBuilder &builder, ComputeOpInterface op) {
  FormulaEmitter formulas(builder, op);
  Work work;
  if (StringRef flops = op.getFlopFormula(); !flops.empty())
    work.flops = formulas.emit(flops);

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
        bytes.add(operand, op.readsInit(number - firstInit) ? 2 : 1, elements);
      ++number;
    }
  // What masks and scores look at.
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  for (Value value : captured)
    bytes.addInput(value);
  work.bytes = bytes.get();
  return work;
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

static Work emitWorkOf(OpBuilder &builder, linalg::LinalgOp op) {
  ByteCounter bytes(builder, op.getLoc());
  for (OpOperand &init : op.getDpsInitsMutable()) {
    bool isRead =
        op.payloadUsesValueFromOperand(&init) && !isFilled(init.get());
    bytes.add(init.get(), isRead ? 2 : 1);
  }
  for (OpOperand *input : op.getDpsInputOperands())
    if (op.payloadUsesValueFromOperand(input))
      bytes.addInput(input->get());
  return {emitFlops(builder, op), bytes.get()};
}

Work effattn::emitWork(OpBuilder &builder, Operation *op) {
  if (auto compute = dyn_cast<ComputeOpInterface>(op))
    return emitWorkOf(builder, compute);
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return emitWorkOf(builder, linalgOp);
  return {};
}

StringRef effattn::nameComputation(Operation *op) {
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || generic.getNumParallelLoops() != generic.getNumLoops())
    return op->getName().getStringRef();
  auto body = generic.getBody()->without_terminator();
  return llvm::hasSingleElement(body) ? body.begin()->getName().getStringRef()
                                      : op->getName().getStringRef();
}
