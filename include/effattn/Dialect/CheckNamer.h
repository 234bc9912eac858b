//===- CheckNamer.h - The op that a check speaks of -----------------------===//
#ifndef EFFATTN_DIALECT_CHECKNAMER_H
#define EFFATTN_DIALECT_CHECKNAMER_H

#include "effattn/Dialect/EffAttn.h"

namespace mlir::effattn {

/// Puts the name of the op that wants it before the sentence of a check that a
/// builder inserts.
class CheckNamer : public OpBuilder::Listener {
public:
  explicit CheckNamer(Operation *op) : op(op) {}
  void notifyOperationInserted(Operation *inserted,
                               OpBuilder::InsertPoint) override {
    if (auto check = dyn_cast<CheckOp>(inserted))
      check.setMessage(
          ("'" + op->getName().getStringRef() + "' op " + check.getMessage())
              .str());
  }

private:
  Operation *op;
};

} // namespace mlir::effattn

#endif // EFFATTN_DIALECT_CHECKNAMER_H
