//===- EffAttnBase.td - Dialect, operand constraints, op base class ------===//
#ifndef EFFATTN_DIALECT_BASE
#define EFFATTN_DIALECT_BASE

include "mlir/IR/OpBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "effattn/Dialect/EffAttnInterfaces.td"

def EffAttn_Dialect : Dialect {
  let name = "effattn";
  let cppNamespace = "::mlir::effattn";
  let summary = "building blocks of efficient attention";
  let description = [{
    Ops of five lines of work that make language models cheaper: concepts
    (ConceptMoE, H-Net), address memory (RAM-Net), hourglass FFNs, separator
    attention (SepLLM) and compressed embeddings.

    Every computing op is in destination style and has two forms: on tensors,
    and, after bufferization, on memrefs. Results and state stand in `outs`;
    state is read from there and updated in place once bufferized. Masks are
    built by small ops inside the mask region of the op that uses them.
  }];
  let hasCanonicalizer = 1;
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    /// On `func.func`: the C signature, see docs/design/entry-points.md.
    static constexpr llvm::StringLiteral kSignatureAttr = "effattn.signature";
    /// On arguments and results: the name in messages and headers.
    static constexpr llvm::StringLiteral kNameAttr = "effattn.name";
    /// On arguments and results: one symbol or size per dimension.
    static constexpr llvm::StringLiteral kShapeAttr = "effattn.shape";
    void registerTypes();
    void registerAttributes();
    void registerOps();
  }];
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
    "::mlir::tensor::TensorDialect"];
}

//===----------------------------------------------------------------------===//
// Operand constraints
//===----------------------------------------------------------------------===//

/// What an operand must look like, in one place: `shape` has one token per
/// dimension, `element` names the element types. The verifier, the run-time
/// checks and the signature of compiled functions all read it.
///
/// Shape tokens: a letter or word (equal words must be equal sizes), an
/// integer, `A|1` (A or 1), `_` (any size, checked by the op), and first of
/// all `...` (any number of leading dimensions, equal across the op; with
/// `...*` the op verifies how many there are).
/// Element names: `f32`, `float` (f32, bf16, f16), `F` (float, all F of an op
/// alike), `bool` (i1), `int` (i32, i64), `i32`, `i8` (signless: the op says
/// whether a byte has a sign).
class EffAttn_ShapeInfo<string s, string e> {
  string shape = s;
  string element = e;
}

def EffAttn_RankedTensorOrMemRef : CPred<
  "::llvm::isa<::mlir::RankedTensorType, ::mlir::MemRefType>($_self)">;

class EffAttn_Shaped<string shape, string element>
  : Type<EffAttn_RankedTensorOrMemRef,
      "[" # shape # "] " # element # " ranked tensor or memref",
      "::mlir::ShapedType">,
    EffAttn_ShapeInfo<shape, element>;

class EffAttn_OptionalShaped<string shape, string element>
  : Optional<EffAttn_Shaped<shape, element>>,
    EffAttn_ShapeInfo<shape, element>;

/// Any number of operands that each look like this.
class EffAttn_VariadicShaped<string shape, string element>
  : Variadic<EffAttn_Shaped<shape, element>>,
    EffAttn_ShapeInfo<shape, element>;

/// One index or i64/i32 for all rows, or one a row.
def EffAttn_Offset : AnyTypeOf<[Index, I64, I32,
    EffAttn_Shaped<"B", "int">], "index, i64, i32, or [B] int ranked tensor or memref">;

/// The shape holds where the operand has one.
def EffAttn_OptionalOffset
  : Optional<EffAttn_Offset>, EffAttn_ShapeInfo<"B", "int">;

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

/// A real parameter: `{epsilon = 1.0e-4}` and `{epsilon = 1.0e-4 : f32}`.
def EffAttn_Real : Attr<Or<[F32Attr.predicate, F64Attr.predicate]>,
                        "f32 or f64 float attribute"> {
  let storageType = "::mlir::FloatAttr";
  let returnType = "double";
  let convertFromStorage = "$_self.getValueAsDouble()";
  let constBuilderCall = "$_builder.getF64FloatAttr($0)";
  let valueType = F64;
}

//===----------------------------------------------------------------------===//
// Op base class
//===----------------------------------------------------------------------===//

/// `name=shape:element;` for every operand group of `args`, in order.
class EffAttn_ShapeSpec<dag args> {
  string text = !foldl("", !range(!size(args)), acc, i,
    !if(!initialized(!getdagarg<EffAttn_ShapeInfo>(args, i)),
      acc # !getdagname(args, i) # "="
        # !getdagarg<EffAttn_ShapeInfo>(args, i).shape # ":"
        # !getdagarg<EffAttn_ShapeInfo>(args, i).element # ";",
      !if(!initialized(!getdagarg<TypeConstraint>(args, i)),
        acc # !getdagname(args, i) # "=;",
        acc)));
}

/// A computing op: destination style, inits are the trailing operands.
/// `initCount` is C++ over `adaptor`; `readsInitBody` is C++ over `init`, the
/// position of an init: true where the op reads the init as state. Ops of
/// plugins have a `dialect` of their own.
///
/// `flops` and `touched` say what a call costs, for traces (docs/tutorials/
/// trace-a-run.md says what counts). A formula is a sum of products,
/// "2 ... C F + 3 ... C", of integers, size symbols, `...` (all leading sizes
/// multiplied), and names of operands, which stand for their elements. Of an
/// attention, `pairs` are the kept pairs of a query and a key, and `keys` the
/// valid keys, of all batch rows and one head. A product with a symbol of an
/// operand that is not given is 0. `touched` has an entry `operand=formula;`
/// for each operand of which only a part may be read or written.
class EffAttn_ComputeOp<string mnemonic, list<Trait> traits = [],
                        string initCount = "1",
                        string readsInitBody = "false",
                        Dialect dialect = EffAttn_Dialect>
  : Op<dialect, mnemonic, traits # [
      EffAttn_ComputeOpInterface, DestinationStyleOpInterface,
      DeclareOpInterfaceMethods<InferTypeOpInterface>,
      DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
                                ["reifyResultShapes"]>,
      DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let results = (outs Variadic<AnyRankedTensor>:$results);
  string flops = "";
  string touched = "";
  code computeDeclaration = [{
    static ::llvm::StringRef getShapeSpec() { return "}]
      # EffAttn_ShapeSpec<arguments>.text # [{"; }
    static unsigned countInits(Adaptor adaptor) { return }] # initCount # [{; }
    unsigned getInitCount() {
      return countInits(Adaptor(getOperation()->getOperands(), *this));
    }
    bool readsInit(unsigned init) { return }] # readsInitBody # [{; }
    static ::llvm::StringRef getFlopFormula() { return "}] # flops # [{"; }
    static ::llvm::StringRef getTouchedFormulas() { return "}]
      # touched # [{"; }
    ::mlir::MutableOperandRange getDpsInitsMutable() {
      unsigned count = getInitCount();
      return ::mlir::MutableOperandRange(
          getOperation(), getOperation()->getNumOperands() - count, count);
    }
  }];
  code moreDeclaration = "";
  /// The op implements `emitPreconditions`.
  bit hasPreconditions = 0;
  let extraClassDeclaration = computeDeclaration
    # !if(hasPreconditions,
          "  void emitPreconditions(::mlir::OpBuilder &builder);\n", "")
    # moreDeclaration;
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *context, std::optional<::mlir::Location> location,
        ::mlir::ValueRange operands, ::mlir::DictionaryAttr attributes,
        ::mlir::OpaqueProperties properties, ::mlir::RegionRange regions,
        ::llvm::SmallVectorImpl<::mlir::Type> &inferred) {
      Adaptor adaptor(operands, attributes, properties, regions);
      return ::mlir::effattn::detail::inferInitTypes(
          operands, countInits(adaptor), inferred);
    }
    ::llvm::LogicalResult $cppClass::reifyResultShapes(
        ::mlir::OpBuilder &builder,
        ::mlir::ReifiedRankedShapedTypeDims &shapes) {
      return ::mlir::effattn::detail::reifyInitShapes(*this, builder, shapes);
    }
    void $cppClass::getEffects(
        ::llvm::SmallVectorImpl<::mlir::MemoryEffects::EffectInstance>
            &effects) {
      ::mlir::effattn::detail::getComputeEffects(*this, effects);
    }
  }];
}

#endif // EFFATTN_DIALECT_BASE
