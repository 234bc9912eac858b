//===- Tiling.cpp - Sizes of caches and blocks that a user gives ----------===//
#include "effattn/Driver/Compiler.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"

using namespace mlir::effattn;

static llvm::Error refuse(const llvm::Twine &sentence) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), sentence);
}

static llvm::Expected<std::vector<std::string>>
readFileOf(llvm::StringRef path) {
  auto file = readFile(path);
  if (!file)
    return file.takeError();
  auto json = llvm::json::parse((*file)->getBuffer());
  if (!json)
    return refuse(path + ": expected JSON, but " +
                  llvm::toString(json.takeError()));
  const llvm::json::Object *root = json->getAsObject();
  const llvm::json::Object *tiling = root ? root->getObject("tiling") : nullptr;
  if (!tiling)
    return refuse(path + ": expected an object with an object 'tiling'");
  std::vector<std::string> entries;
  for (const auto &[name, value] : *tiling) {
    std::optional<int64_t> number = value.getAsInteger();
    if (!number)
      return refuse(path + ": expected the tiling '" + name.str() +
                    "' to be an integer");
    entries.push_back(name.str() + ":" + std::to_string(*number));
  }
  return entries;
}

llvm::Expected<std::vector<std::string>>
mlir::effattn::readTiling(llvm::StringRef argument) {
  if (argument.ends_with(".json"))
    return readFileOf(argument);
  std::vector<std::string> entries;
  for (llvm::StringRef entry : llvm::split(argument, ','))
    if (!entry.empty())
      entries.push_back(entry.str());
  return entries;
}
