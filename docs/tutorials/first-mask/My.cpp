//===- My.cpp - The dialect my as a plugin of effattn-opt -----------------===//
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

#include "MyOpsDialect.h.inc"
#define GET_OP_CLASSES
#include "MyOps.h.inc"

using namespace mlir;
using namespace mlir::effattn;
using namespace my;

#include "MyOpsDialect.cpp.inc"
#define GET_OP_CLASSES
#include "MyOps.cpp.inc"

void MyDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "MyOps.cpp.inc"
      >();
}

// C1: positions can be divided by the size, and it can be added to them.
LogicalResult BlockMaskOp::verify() {
  int64_t size = getSize();
  if (size >= 1 && size <= INT32_MAX)
    return success();
  return emitOpError("expected size to be at least 1 and below 2^31, but got ")
         << size;
}

/// floor(position / size): positions before the first key are negative.
static Value blockOf(OpBuilder &builder, Location loc, Value position,
                     int64_t size) {
  return arith::FloorDivSIOp::create(builder, loc, position,
                                     emit::index(builder, loc, size));
}

Value BlockMaskOp::emitKeep(OpBuilder &builder, Location loc,
                            const MaskPoint &point) {
  Value own = blockOf(builder, loc, point.queryPosition, getSize());
  Value other = blockOf(builder, loc, point.keyPosition, getSize());
  return emit::equal(builder, loc, own, other);
}

/// From the start of the first query's block to the end of the last one's.
MaskSupport BlockMaskOp::emitSupport(OpBuilder &builder, Location loc,
                                     const QueryRange &queries) {
  Value size = emit::index(builder, loc, getSize());
  Value first = blockOf(builder, loc, queries.first, getSize());
  Value last = blockOf(builder, loc, queries.last, getSize());
  Value low = emit::mul(builder, loc, first, size);
  Value begin = emit::mul(builder, loc, last, size);
  KeyRange band{low, emit::add(builder, loc, begin, size)};
  return {band, band};
}

/// What `--load-dialect-plugin` looks for.
extern "C" LLVM_ATTRIBUTE_WEAK DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "My", "0.1",
          [](DialectRegistry *registry) { registry->insert<MyDialect>(); }};
}

/// What `--load-pass-plugin` looks for.
extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "My", "0.1", [] {}};
}
