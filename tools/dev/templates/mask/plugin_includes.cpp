#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

#include "@TARGET@OpsDialect.h.inc"
#define GET_OP_CLASSES
#include "@TARGET@Ops.h.inc"
