//===- EntrySignature.h - Names and sizes of a function's boundary --------===//
#ifndef EFFATTN_LIB_TRANSFORMS_ENTRYSIGNATURE_H
#define EFFATTN_LIB_TRANSFORMS_ENTRYSIGNATURE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/EquivalenceClasses.h"

namespace mlir::effattn {

/// A dimension of a function argument.
using ArgumentDim = std::pair<unsigned, unsigned>;

/// Which dynamic sizes of a function's arguments are equal, and their symbols.
///
/// Sizes are equal where `effattn.shape` gives them one name, or where an op
/// that always runs wants them to be. A symbol is the name from
/// `effattn.shape`, else the letter of the op that uses it (B, T, ...), else
/// `arg2_dim0`.
class ArgumentSizes {
public:
  explicit ArgumentSizes(func::FuncOp function);

  /// A string for a symbol, an integer for a size that is known.
  Attribute get(ArgumentDim dim) const;
  ArrayAttr getAll(unsigned argument);

private:
  void uniteByOps();
  void uniteByShapeAttributes();
  void nameClasses();

  func::FuncOp function;
  llvm::EquivalenceClasses<ArgumentDim> classes;
  llvm::DenseMap<ArgumentDim, std::string> letters;
  llvm::DenseMap<ArgumentDim, std::string> words;
  /// By the leader of the class.
  llvm::DenseMap<ArgumentDim, Attribute> names;
};

/// `effattn.name`, or `prefix` and the number.
std::string boundaryName(DictionaryAttr attributes, StringRef prefix,
                         unsigned number);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TRANSFORMS_ENTRYSIGNATURE_H
