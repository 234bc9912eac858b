//===- EntrySignature.cpp - Names and sizes of a function's boundary ------===//
#include "EntrySignature.h"

#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/ShapeSpec.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::effattn;

std::string effattn::boundaryName(DictionaryAttr attributes, StringRef prefix,
                                  unsigned number) {
  if (attributes)
    if (auto name = attributes.getAs<StringAttr>(EffAttnDialect::kNameAttr))
      return name.str();
  return (prefix + Twine(number)).str();
}

/// The argument of `function` that `value` is, seen through casts.
static std::optional<unsigned> argumentOf(func::FuncOp function, Value value) {
  while (auto cast = value.getDefiningOp<tensor::CastOp>())
    value = cast.getSource();
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != &function.front())
    return std::nullopt;
  return argument.getArgNumber();
}

ArgumentSizes::ArgumentSizes(func::FuncOp function) : function(function) {
  for (auto [number, type] : llvm::enumerate(function.getArgumentTypes()))
    if (auto shaped = dyn_cast<ShapedType>(type))
      for (unsigned dim = 0; dim < shaped.getRank(); ++dim)
        classes.insert({number, dim});
  uniteByOps();
  uniteByShapeAttributes();
  nameClasses();
}

/// Only ops of the entry block always run; what others want is checked when
/// they do.
void ArgumentSizes::uniteByOps() {
  for (Operation &nested : function.front()) {
    llvm::StringMap<ArgumentDim> first;
    for (const SizeUse &use : collectSizeUses(&nested)) {
      std::optional<unsigned> argument = argumentOf(function, use.operand);
      if (!argument || use.orOne)
        continue;
      ArgumentDim dim{*argument, use.dim};
      auto [it, inserted] = first.try_emplace(use.symbol, dim);
      if (!inserted)
        classes.unionSets(it->second, dim);
      if (isa<ComputeOpInterface>(nested) && llvm::isAlpha(use.symbol[0]))
        letters.try_emplace(dim, use.symbol);
    }
  }
}

void ArgumentSizes::uniteByShapeAttributes() {
  llvm::StringMap<ArgumentDim> first;
  for (unsigned number = 0; number < function.getNumArguments(); ++number) {
    auto shape = function.getArgAttrOfType<StringAttr>(
        number, EffAttnDialect::kShapeAttr);
    if (!shape)
      continue;
    SmallVector<StringRef> tokens;
    shape.getValue().split(tokens, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
    for (auto [i, token] : llvm::enumerate(tokens)) {
      ArgumentDim dim{number, unsigned(i)};
      words[dim] = token.str();
      auto [it, inserted] = first.try_emplace(token, dim);
      if (!inserted)
        classes.unionSets(it->second, dim);
    }
  }
}

void ArgumentSizes::nameClasses() {
  Builder builder(function.getContext());
  llvm::StringSet<> taken;
  auto nameClass = [&](ArgumentDim leader) -> Attribute {
    std::string word, letter;
    for (ArgumentDim dim : classes.members(leader)) {
      auto type = cast<ShapedType>(function.getArgumentTypes()[dim.first]);
      if (!type.isDynamicDim(dim.second))
        return builder.getI64IntegerAttr(type.getDimSize(dim.second));
      if (word.empty())
        word = words.lookup(dim);
      if (letter.empty())
        letter = letters.lookup(dim);
    }
    int64_t size;
    if (!word.empty() && !StringRef(word).getAsInteger(10, size))
      return builder.getI64IntegerAttr(size);
    if (!word.empty()) {
      taken.insert(word);
      return builder.getStringAttr(word);
    }
    std::string plain =
        ("arg" + Twine(leader.first) + "_dim" + Twine(leader.second)).str();
    std::string name =
        letter.empty() || taken.contains(letter) ? plain : letter;
    taken.insert(name);
    return builder.getStringAttr(name);
  };
  // Words first, so that no letter takes one that the user chose.
  for (bool withWord : {true, false})
    for (auto [number, type] : llvm::enumerate(function.getArgumentTypes())) {
      auto shaped = dyn_cast<ShapedType>(type);
      for (unsigned dim = 0; shaped && dim < shaped.getRank(); ++dim) {
        ArgumentDim leader = classes.getLeaderValue({number, dim});
        bool hasWord =
            llvm::any_of(classes.members(leader), [&](ArgumentDim member) {
              return words.contains(member);
            });
        if (hasWord == withWord && !names.contains(leader))
          names[leader] = nameClass(leader);
      }
    }
}

Attribute ArgumentSizes::get(ArgumentDim dim) const {
  return names.lookup(classes.getLeaderValue(dim));
}

ArrayAttr ArgumentSizes::getAll(unsigned argument) {
  SmallVector<Attribute> sizes;
  auto shaped = cast<ShapedType>(function.getArgumentTypes()[argument]);
  for (unsigned dim = 0; dim < shaped.getRank(); ++dim)
    sizes.push_back(get({argument, dim}));
  return ArrayAttr::get(function.getContext(), sizes);
}
