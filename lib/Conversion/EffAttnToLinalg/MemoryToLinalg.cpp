//===- MemoryToLinalg.cpp - Address memory in linalg: the family ----------===//
#include "MemoryLowering.h"
#include "effattn/Conversion/EffAttnToLinalg.h"

using namespace mlir;
using namespace mlir::effattn;

Value effattn::emitPositive(OpBuilder &builder, Location loc, double value) {
  double smallest = std::numeric_limits<float>::min();
  double largest = std::numeric_limits<float>::max();
  return emit::f32(builder, loc, std::clamp(value, smallest, largest));
}

void effattn::populateMemoryToLinalgPatterns(RewritePatternSet &patterns) {
  populateProductSoftmaxToLinalgPatterns(patterns);
  populateTopKToLinalgPatterns(patterns);
  populateAddressToLinalgPatterns(patterns);
  populateAddressMemoryToLinalgPatterns(patterns);
  populateVectorQuantizeToLinalgPatterns(patterns);
}
