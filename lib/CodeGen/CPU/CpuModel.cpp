//===- CpuModel.cpp - What tuned code knows of its CPU --------------------===//
#include "effattn/CodeGen/CPU/CpuModel.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

using namespace mlir::effattn;

CpuModel CpuModel::fromFeatures(llvm::ArrayRef<std::string> features) {
  CpuModel model;
  auto has = [&](llvm::StringRef name) {
    return llvm::is_contained(features, name);
  };
  if (has("avx2"))
    model.vectorBits = 256;
  if (has("avx512f") && has("avx512vl")) {
    model.vectorBits = 512;
    model.vectorRegisters = 32;
    model.byteDots = has("avx512vnni");
  } else if (has("avx2")) {
    model.byteDots = has("avxvnni");
  }
  return model;
}

std::string CpuModel::printOptions() const {
  return "vector-bits=" + std::to_string(vectorBits) +
         " vector-registers=" + std::to_string(vectorRegisters) +
         (byteDots ? " byte-dots" : "");
}
