//===- Signature.h - What a compiled function takes and gives -------------===//
#ifndef EFFATTN_TARGET_SIGNATURE_H
#define EFFATTN_TARGET_SIGNATURE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

#include <optional>
#include <string>
#include <vector>

namespace mlir::effattn {

/// The highest rank of an argument of a compiled function.
inline constexpr int64_t kMaxArgumentRank = 32;

/// How an element type looks at the C boundary.
struct BoundaryElement {
  llvm::StringLiteral name;  ///< in messages and JSON: "f32"
  llvm::StringLiteral cType; ///< in the plain form: "float"
  uint8_t code, bits;        ///< of DLPack
};

/// Returns null for a type that cannot cross the boundary.
const BoundaryElement *getBoundaryElement(Type type);

struct SignatureSize {
  enum class Kind { Static, Symbol, FromData };
  Kind kind;
  int64_t value = 0; ///< the size, or the index of the symbol
  bool operator==(const SignatureSize &other) const {
    return kind == other.kind && value == other.value;
  }
};

struct SignatureArgument {
  std::string name;
  const BoundaryElement *element;
  llvm::SmallVector<SignatureSize> sizes;
  bool byValue = false;
  bool calleeAllocated = false;
  std::optional<int64_t> state; ///< outputs: the input that this one succeeds
};

struct Signature {
  std::string function; ///< the name of the C function
  std::vector<SignatureArgument> inputs, outputs;
  /// Size symbols: those of the inputs first, in order of appearance.
  std::vector<std::string> symbols;
  int64_t inputSymbolCount = 0;

  /// `f32[B, T, 64]`
  std::string getTypeText(const SignatureArgument &argument) const;
};

/// Whether `name` can be declared in C and C++.
bool isCIdentifier(llvm::StringRef name);

/// Reads `effattn.signature` of an implementation or an exported function
/// (docs/design/entry-points.md); a malformed one is an error there.
FailureOr<Signature> parseSignature(Operation *function);

/// The signatures of all functions that have one, in order.
FailureOr<std::vector<Signature>> collectSignatures(ModuleOp module);

/// `{"name": ..., "inputs": [...], "outputs": [...]}`; a shape is a list of
/// sizes, symbols and "?".
llvm::json::Object signatureToJson(const Signature &signature);

/// What the JSON beside an object says besides the signatures.
struct BuildDescription {
  llvm::StringRef version, triple, cpu, threads;
};

void writeSignatures(llvm::raw_ostream &os,
                     llvm::ArrayRef<Signature> signatures,
                     const BuildDescription &build);

} // namespace mlir::effattn

#endif // EFFATTN_TARGET_SIGNATURE_H
