//===- DataFlow.h - Which ops a graph shows, and where values come from ---===//
#ifndef EFFATTN_LIB_TARGET_DATAFLOW_H
#define EFFATTN_LIB_TARGET_DATAFLOW_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::effattn {

/// How values flow through the body of a function when bookkeeping is left out:
/// constants, sizes, empty and filled tensors, casts and views, checks.
class DataFlow {
public:
  explicit DataFlow(Region &body);

  /// Whether the op only holds other ops: a loop or a choice.
  static bool isGroup(Operation *op);
  /// Whether the op is a node of the graph.
  static bool isNode(Operation *op);

  /// The values of nodes that `value` comes from: results of ops, arguments of
  /// the function, and values that a loop carries. In the order of the IR.
  SmallVector<Value> findSources(Value value) const;

  /// Whether each step of a loop hands `value` on to the next.
  bool isCarried(Value value) const;
  /// What a block argument or a result of a group may be.
  ArrayRef<Value> getIncoming(Value value) const;
  /// Whether `incoming` goes back to the loop that carries `value`.
  static bool isFedBack(Value value, Value incoming);

private:
  void addRegions(Operation *op);
  void addBranches(Operation *op);

  Region &body;
  DenseMap<Value, SmallVector<Value, 2>> incoming;
};

/// What an op does with an operand of its own.
struct Access {
  bool reads = false;
  /// Memory or, of a tensor, the destination of a result.
  bool writes = false;
};
Access getAccess(OpOperand &operand);

/// Whether `argument` looks like a weight: its sizes are numbers, and all ops
/// take it as a parameter, which has no part for each row or token.
bool isWeight(BlockArgument argument);
/// Whether a constant holds numbers that are not all the same.
bool isWeight(Operation *op);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TARGET_DATAFLOW_H
