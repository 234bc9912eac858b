//===- LinalgEmitter.cpp - Short forms for emitting linalg on tensors -----===//
#include "LinalgEmitter.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::effattn;

Value LinalgEmitter::empty(ArrayRef<OpFoldResult> sizes, Type element) {
  // Not tensor.empty: CSE merges those, and two tensors that a loop carries
  // from one tensor.empty on end up in the same memory (MLIR 22.1).
  SmallVector<int64_t> staticSizes;
  SmallVector<Value> dynamicSizes;
  dispatchIndexOpFoldResults(sizes, dynamicSizes, staticSizes);
  return bufferization::AllocTensorOp::create(
      builder, loc, RankedTensorType::get(staticSizes, element), dynamicSizes);
}

Value LinalgEmitter::fill(Value scalar, Value destination) {
  return linalg::FillOp::create(builder, loc, scalar, destination).getResult(0);
}

Value LinalgEmitter::filled(ArrayRef<OpFoldResult> sizes, Value scalar) {
  return fill(scalar, empty(sizes, scalar.getType()));
}

SmallVector<OpFoldResult> LinalgEmitter::sizes(Value tensor) {
  return tensor::getMixedSizes(builder, loc, tensor);
}

Value LinalgEmitter::generate(
    Value destination,
    function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
  return update(destination,
                [&](OpBuilder &nested, Location nestedLoc, ValueRange indices,
                    Value) { return body(nested, nestedLoc, indices); });
}

Value LinalgEmitter::update(
    Value destination,
    function_ref<Value(OpBuilder &, Location, ValueRange, Value)> body) {
  unsigned rank = cast<RankedTensorType>(destination.getType()).getRank();
  return map(ValueRange(), destination,
             [&](OpBuilder &nested, Location nestedLoc, ValueRange elements) {
               SmallVector<Value> indices;
               for (unsigned dim = 0; dim < rank; ++dim)
                 indices.push_back(
                     linalg::IndexOp::create(nested, nestedLoc, dim));
               return body(nested, nestedLoc, indices, elements.back());
             });
}

Value LinalgEmitter::map(
    ValueRange inputs, Value destination,
    function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
  auto type = cast<RankedTensorType>(destination.getType());
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  SmallVector<AffineMap> maps(inputs.size() + 1,
                              builder.getMultiDimIdentityMap(type.getRank()));
  auto generic = linalg::GenericOp::create(
      builder, loc, type, inputs, destination, maps, iterators,
      [&](OpBuilder &nested, Location nestedLoc, ValueRange elements) {
        linalg::YieldOp::create(nested, nestedLoc,
                                body(nested, nestedLoc, elements));
      });
  return generic.getResult(0);
}

Value LinalgEmitter::choose(Value condition, function_ref<Value()> ifTrue,
                            function_ref<Value()> ifFalse) {
  // The branches build at the emitter's builder, which scf.if positions.
  auto branch = [](function_ref<Value()> body) {
    return [body](OpBuilder &nested, Location nestedLoc) {
      scf::YieldOp::create(nested, nestedLoc, body());
    };
  };
  return scf::IfOp::create(builder, loc, condition, branch(ifTrue),
                           branch(ifFalse))
      .getResult(0);
}

Value LinalgEmitter::insert(Value scalar, Value tensor, ValueRange indices) {
  return tensor::InsertOp::create(builder, loc, scalar, tensor, indices);
}

SmallVector<Value>
LinalgEmitter::when(Value condition, ValueRange values,
                    function_ref<SmallVector<Value>()> body,
                    function_ref<SmallVector<Value>()> otherwise) {
  auto branch = scf::IfOp::create(builder, loc, values.getTypes(), condition,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(builder, loc, body());
  builder.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(builder, loc,
                       otherwise ? otherwise() : SmallVector<Value>(values));
  return llvm::to_vector<4>(ValueRange(branch.getResults()));
}

SmallVector<Value>
LinalgEmitter::loop(Value low, Value high, ValueRange values,
                    function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  Value one = emit::index(builder, loc, 1);
  auto loop = scf::ForOp::create(
      builder, loc, low, high, one, values,
      // The terminator comes below: body() builds at the emitter's builder.
      [](OpBuilder &, Location, Value, ValueRange) {});
  OpBuilder::InsertionGuard guard(builder);
  // Without carried values the loop made its own terminator.
  if (values.empty())
    builder.setInsertionPoint(loop.getBody()->getTerminator());
  else
    builder.setInsertionPointToEnd(loop.getBody());
  SmallVector<Value> next =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!values.empty())
    scf::YieldOp::create(builder, loc, next);
  return llvm::to_vector<4>(ValueRange(loop.getResults()));
}

/// Slices of what is known to be empty are neither taken nor put back: their
/// verifier refuses offset 0 where a size is 0.
static bool isEmpty(Type tensor) {
  return llvm::is_contained(cast<ShapedType>(tensor).getShape(), 0);
}

SmallVector<Value> LinalgEmitter::overPlaces(
    ArrayRef<OpFoldResult> sizes, ValueRange values,
    function_ref<SmallVector<Value>(ValueRange, ValueRange)> body) {
  SmallVector<Value> place;
  auto overDims = [&](auto &overDims,
                      ValueRange carried) -> SmallVector<Value> {
    if (place.size() == sizes.size())
      return body(place, carried);
    Value high =
        getValueOrCreateConstantIndexOp(builder, loc, sizes[place.size()]);
    return loop(emit::index(builder, loc, 0), high, carried,
                [&](Value at, ValueRange inner) {
                  place.push_back(at);
                  SmallVector<Value> next = overDims(overDims, inner);
                  place.pop_back();
                  return next;
                });
  };
  return overDims(overDims, values);
}

SmallVector<Value> LinalgEmitter::parallel(
    ArrayRef<OpFoldResult> sizes, ValueRange outputs,
    function_ref<SmallVector<std::pair<Value, Slice>>(ValueRange, ValueRange)>
        body) {
  SmallVector<Value> shared, results(outputs);
  llvm::copy_if(outputs, std::back_inserter(shared),
                [](Value output) { return !isEmpty(output.getType()); });
  if (shared.empty())
    return results;
  auto forall = scf::ForallOp::create(builder, loc, sizes, shared,
                                      /*mapping=*/std::nullopt);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(forall.getTerminator());
  SmallVector<Value> inside(outputs);
  for (unsigned number = 0, next = 0; number < outputs.size(); ++number)
    if (!isEmpty(outputs[number].getType())) {
      inside[number] = forall.getRegionOutArgs()[next];
      results[number] = forall.getResult(next++);
    }
  SmallVector<std::pair<Value, Slice>> slices =
      body(forall.getInductionVars(), inside);
  builder.setInsertionPointToStart(forall.getTerminator().getBody());
  for (auto [slice, output] : llvm::zip_equal(slices, inside)) {
    if (isEmpty(output.getType()))
      continue;
    SmallVector<OpFoldResult> strides(slice.second.offsets.size(),
                                      builder.getIndexAttr(1));
    tensor::ParallelInsertSliceOp::create(builder, loc, slice.first, output,
                                          slice.second.offsets,
                                          slice.second.sizes, strides);
  }
  return results;
}

LinalgEmitter::Slice LinalgEmitter::sliceOf(Value tensor, ValueRange leading) {
  Slice slice{getAsOpFoldResult(leading), sizes(tensor)};
  slice.offsets.resize(slice.sizes.size(), builder.getIndexAttr(0));
  std::fill_n(slice.sizes.begin(), leading.size(), builder.getIndexAttr(1));
  return slice;
}

Value LinalgEmitter::extract(Value tensor, const Slice &slice) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (isEmpty(type))
    return empty(slice.sizes, type.getElementType());
  SmallVector<OpFoldResult> strides(type.getRank(), builder.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(builder, loc, tensor, slice.offsets,
                                        slice.sizes, strides);
}

Value LinalgEmitter::rowOf(Value tensor, ValueRange leading) {
  return rowOf(tensor, sliceOf(tensor, leading), leading.size());
}

Value LinalgEmitter::rowOf(Value tensor, const Slice &slice, unsigned leading) {
  auto type = cast<RankedTensorType>(tensor.getType());
  ArrayRef<OpFoldResult> sizes = ArrayRef(slice.sizes).drop_front(leading);
  auto rowType = RankedTensorType::get(decomposeMixedValues(sizes).first,
                                       type.getElementType());
  if (isEmpty(rowType))
    return empty(sizes, type.getElementType());
  SmallVector<OpFoldResult> strides(type.getRank(), builder.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(builder, loc, rowType, tensor,
                                        slice.offsets, slice.sizes, strides);
}

Value LinalgEmitter::insertRow(Value row, Value tensor, ValueRange leading) {
  if (isEmpty(row.getType()))
    return tensor;
  Slice slice = sliceOf(tensor, leading);
  SmallVector<OpFoldResult> strides(slice.sizes.size(),
                                    builder.getIndexAttr(1));
  return tensor::InsertSliceOp::create(builder, loc, row, tensor, slice.offsets,
                                       slice.sizes, strides);
}

Value LinalgEmitter::copyRow(Value from, ValueRange fromRow, Value to,
                             ValueRange toRow) {
  auto type = cast<ShapedType>(to.getType());
  Value columns = emit::size(builder, loc, to, type.getRank() - 1);
  return loop(emit::index(builder, loc, 0), columns, to,
              [&](Value column, ValueRange carried) -> SmallVector<Value> {
                SmallVector<Value> source(fromRow), target(toRow);
                source.push_back(column);
                target.push_back(column);
                Value copied = emit::toFloat(
                    builder, loc, emit::load(builder, loc, from, source),
                    type.getElementType());
                return {insert(copied, carried[0], target)};
              })[0];
}

SmallVector<Value> LinalgEmitter::rows(
    unsigned leading, ValueRange outputs,
    function_ref<SmallVector<Value>(ValueRange, ValueRange)> body) {
  if (leading == 0)
    return body(ValueRange(), outputs);
  SmallVector<OpFoldResult> counts = sizes(outputs.front());
  counts.truncate(leading);
  return parallel(counts, outputs, [&](ValueRange index, ValueRange owners) {
    SmallVector<Value> parts;
    for (Value owner : owners)
      parts.push_back(rowOf(owner, index));
    parts = body(index, parts);
    SmallVector<std::pair<Value, Slice>> updated;
    for (auto [part, owner] : llvm::zip_equal(parts, owners))
      updated.emplace_back(part, sliceOf(owner, index));
    return updated;
  });
}

Value LinalgEmitter::extend(Value x) {
  return emit::toFloat(builder, loc, x, builder.getF32Type());
}
