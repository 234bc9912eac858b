//===- LinalgEmitter.h - Short forms for emitting linalg on tensors -------===//
#ifndef EFFATTN_LIB_CONVERSION_LINALGEMITTER_H
#define EFFATTN_LIB_CONVERSION_LINALGEMITTER_H

#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::effattn {

/// A builder at a location with the few shapes of tensor code that the
/// reference lowering is made of.
class LinalgEmitter {
public:
  LinalgEmitter(OpBuilder &builder, Location loc)
      : builder(builder), loc(loc) {}

  /// An uninitialised tensor with memory of its own.
  Value empty(ArrayRef<OpFoldResult> sizes, Type element);
  /// A tensor of `sizes` filled with a scalar.
  Value filled(ArrayRef<OpFoldResult> sizes, Value scalar);
  /// `destination` filled with a scalar of its element type.
  Value fill(Value scalar, Value destination);
  /// Sizes of a tensor, static where known.
  SmallVector<OpFoldResult> sizes(Value tensor);

  /// Computes every element of `destination` from its indices; the previous
  /// contents are not read. `body` gets one index per dimension and returns a
  /// value of the element type.
  Value generate(Value destination,
                 function_ref<Value(OpBuilder &, Location, ValueRange)> body);

  /// The same with the previous element, which `body` gets last; it is read
  /// only if used.
  Value
  update(Value destination,
         function_ref<Value(OpBuilder &, Location, ValueRange, Value)> body);

  /// Computes every element of `destination` from the elements of `inputs`,
  /// tensors of its shape, at the same place; `body` gets those and, last, the
  /// previous element of `destination`.
  Value map(ValueRange inputs, Value destination,
            function_ref<Value(OpBuilder &, Location, ValueRange)> body);

  /// Runs one of two branches: unlike arith.select, what the other one would
  /// load or compute does not happen. Both return a value of the same type.
  Value choose(Value condition, function_ref<Value()> ifTrue,
               function_ref<Value()> ifFalse);

  /// `tensor` with one element replaced.
  Value insert(Value scalar, Value tensor, ValueRange indices);

  /// What `body` returns where `condition` holds, else what `otherwise` does
  /// or, without it, `values`. For tensors to stay in place, bodies return
  /// insertions into those of `values`.
  SmallVector<Value> when(Value condition, ValueRange values,
                          function_ref<SmallVector<Value>()> body,
                          function_ref<SmallVector<Value>()> otherwise = {});

  /// A sequential loop from `low` to `high` that carries `values`. `body` gets
  /// the counter and the carried values and returns their successors.
  SmallVector<Value>
  loop(Value low, Value high, ValueRange values,
       function_ref<SmallVector<Value>(Value, ValueRange)> body);

  /// A sequential loop over every index in [0, sizes), in row-major order.
  SmallVector<Value>
  overPlaces(ArrayRef<OpFoldResult> sizes, ValueRange values,
             function_ref<SmallVector<Value>(ValueRange, ValueRange)> body);

  /// A parallel loop over every index in [0, sizes) of independent iterations
  /// that each own a slice of the outputs: an scf.forall. `body` gets the
  /// indices and the outputs, and returns for every output the value of its
  /// slice; `slice` says where: offsets, sizes (strides are 1). An output that
  /// is known to be empty stays as it is.
  struct Slice {
    SmallVector<OpFoldResult> offsets;
    SmallVector<OpFoldResult> sizes;
  };
  SmallVector<Value> parallel(
      ArrayRef<OpFoldResult> sizes, ValueRange outputs,
      function_ref<SmallVector<std::pair<Value, Slice>>(ValueRange, ValueRange)>
          body);

  /// What `tensor` holds in a slice, of the same rank.
  Value extract(Value tensor, const Slice &slice);
  /// What `tensor` holds at the `leading` indices: a slice of its other
  /// dimensions. And `tensor` with such a slice in its place.
  Value rowOf(Value tensor, ValueRange leading);
  /// The same of a slice that has one index of each leading dimension.
  Value rowOf(Value tensor, const Slice &slice, unsigned leading);
  Value insertRow(Value row, Value tensor, ValueRange leading);
  /// Where that slice lies.
  Slice sliceOf(Value tensor, ValueRange leading);
  /// `to` with a row replaced: its last dimension, behind `toRow`, becomes that
  /// of `from` behind `fromRow`, converted to its float type.
  Value copyRow(Value from, ValueRange fromRow, Value to, ValueRange toRow);

  /// An scf.forall over the rows of `outputs`: each iteration owns what lies
  /// behind one index of their first `leading` dimensions, which are equal.
  /// `body` gets that index and, for every output, its row, and returns the
  /// rows' successors. Without leading dimensions there is one row, no loop.
  SmallVector<Value>
  rows(unsigned leading, ValueRange outputs,
       function_ref<SmallVector<Value>(ValueRange, ValueRange)> body);

  /// x as f32, whatever float type it has.
  Value extend(Value x);

private:
  OpBuilder &builder;
  Location loc;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_LINALGEMITTER_H
