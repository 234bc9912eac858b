//===- Place.cpp - Where an op stands in the source -----------------------===//
#include "effattn/Dialect/Place.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/Path.h"

using namespace mlir;

std::string effattn::describePlace(Location loc) {
  std::string text;
  loc->walk([&](Location nested) {
    auto file = dyn_cast<FileLineColLoc>(nested);
    if (!file || file.getFilename().strref().starts_with("<") ||
        file.getFilename() == "-")
      return WalkResult::advance();
    text = (llvm::sys::path::filename(file.getFilename().strref()) + ":" +
            Twine(file.getLine()) + ":" + Twine(file.getColumn()))
               .str();
    return WalkResult::interrupt();
  });
  return text;
}
