//===- Schedule.h - Schedules of the transform dialect --------------------===//
#ifndef EFFATTN_SCHEDULE_SCHEDULE_H
#define EFFATTN_SCHEDULE_SCHEDULE_H

#include "mlir/IR/DialectRegistry.h"

namespace mlir::effattn {

/// Adds the ops `transform.effattn.*` to the transform dialect.
void registerScheduleOps(DialectRegistry &registry);

} // namespace mlir::effattn

#endif // EFFATTN_SCHEDULE_SCHEDULE_H
