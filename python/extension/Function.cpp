//===- Function.cpp - Compiled functions, called from Python --------------===//
#include "Function.h"

#include "Arrays.h"
#include "effattn/Driver/Compiler.h"
#include "effattn/Driver/LargeStack.h"

#include <cstdlib>
#include <deque>
#include <nanobind/ndarray.h>

namespace nb = nanobind;
using namespace effattn;
using mlir::effattn::EntryPoint;

void Function::describe(std::vector<std::string> inputNames,
                        std::vector<Output> outputList) {
  inputs = std::move(inputNames);
  outputs = std::move(outputList);
}

/// The sentence begins with the name of the function.
void Function::raiseLastError() const {
  std::string sentence = entry.lastError();
  raiseError(sentence.empty() ? name + ": failed without a reason" : sentence);
}

std::string Function::describeInput(size_t index) const {
  return "input " + std::to_string(index) + " '" + inputs[index] + "' of " +
         name;
}

/// Makes an array of memory that the function has allocated and that is ours
/// to free.
static nb::object takeOver(const DLTensor &tensor) {
  // A capsule holds no null, which memory of no elements may be.
  void *data = tensor.data ? tensor.data : std::malloc(1);
  nb::capsule owner(data, [](void *data) noexcept { std::free(data); });
  std::vector<size_t> shape(tensor.shape, tensor.shape + tensor.ndim);
  nb::dlpack::dtype bits{static_cast<uint8_t>(nb::dlpack::dtype_code::UInt),
                         tensor.dtype.bits, 1};
  return nb::cast(nb::ndarray<nb::numpy>(data, shape.size(), shape.data(),
                                         owner, nullptr, bits));
}

static bool isKnown(llvm::ArrayRef<int64_t> shape) {
  return llvm::none_of(shape, [](int64_t size) { return size < 0; });
}

nb::list Function::call(nb::sequence arrays, nb::object allocate,
                        nb::object adopt,
                        const std::vector<std::pair<int, int>> &donated) const {
  // Addresses of what is in a deque do not change.
  std::deque<BorrowedArray> loans;
  llvm::SmallVector<DLTensor *, 8> inputTensors;
  size_t count = 0;
  for (nb::handle array : arrays) {
    if (count < inputs.size()) {
      loans.emplace_back(array, [&] { return describeInput(count); });
      inputTensors.push_back(loans.back().tensor());
    }
    ++count;
  }
  if (count != inputs.size())
    raiseError(name + ": expected " + std::to_string(inputs.size()) +
               " inputs, but got " + std::to_string(count));

  llvm::SmallVector<llvm::SmallVector<int64_t, 6>, 4> shapes;
  llvm::SmallVector<int64_t *, 4> shapePointers;
  for (const Output &output : outputs)
    shapes.emplace_back(output.rank);
  for (auto &shape : shapes)
    shapePointers.push_back(shape.data());
  if (entry.outputShapes(inputTensors.data(), shapePointers.data()))
    raiseLastError();

  llvm::SmallVector<nb::object, 4> results(outputs.size());
  llvm::SmallVector<DLTensor *, 4> outputTensors(outputs.size());
  llvm::SmallVector<DLTensor, 4> allocatedByCallee(outputs.size());
  for (auto [output, input] : donated) {
    if (loans[input].isReadOnly())
      raiseError("expected " + describeInput(input) +
                 " to be writable, as it is donated");
    results[output] = nb::borrow(arrays[input]);
    outputTensors[output] = inputTensors[input];
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputTensors[i])
      continue;
    if (isKnown(shapes[i])) {
      nb::list shape;
      for (int64_t size : shapes[i])
        shape.append(size);
      results[i] = allocate(i, nb::tuple(shape));
      loans.emplace_back(results[i], [&, i = i] {
        return "output " + std::to_string(i) + " of " + name;
      });
      outputTensors[i] = loans.back().tensor();
      continue;
    }
    DLTensor &tensor = allocatedByCallee[i];
    tensor = {};
    tensor.device = {kDLCPU, 0};
    tensor.ndim = outputs[i].rank;
    tensor.dtype = outputs[i].type;
    tensor.shape = shapes[i].data();
    outputTensors[i] = &tensor;
  }

  int code;
  {
    nb::gil_scoped_release release;
    code = entry.call(inputTensors.data(), outputTensors.data());
  }
  if (code)
    raiseLastError();
  nb::list list;
  for (size_t i = 0; i < outputs.size(); ++i)
    list.append(results[i].is_valid()
                    ? results[i]
                    : adopt(i, takeOver(allocatedByCallee[i])));
  return list;
}

nb::object Function::takeSpans() const {
  if (!entry.spans)
    return nb::none();
  mlir::effattn::SpanList *recorded = entry.spans(), taken = *recorded;
  *recorded = {};
  std::unique_ptr<mlir::effattn::Span, void (*)(void *)> owner(taken.list,
                                                               std::free);
  nb::list spans;
  for (const mlir::effattn::Span &span :
       llvm::ArrayRef(taken.list, taken.count))
    spans.append(nb::make_tuple(span.name, span.place, span.begin, span.end,
                                span.flops, span.bytes));
  return nb::make_tuple(spans, taken.lost);
}

Library::Library(const std::string &path) {
  auto content = mlir::effattn::readFile(path);
  if (!content)
    raiseError(llvm::toString(content.takeError()));
  auto found = mlir::effattn::listFunctions((*content)->getMemBufferRef());
  if (!found)
    raiseError(llvm::toString(found.takeError()));
  auto library = mlir::effattn::loadLibrary(path);
  if (!library)
    raiseError(llvm::toString(library.takeError()));
  names = std::move(*found);
  handle = *library;
}

Function Library::find(const std::string &name) const {
  auto entry = EntryPoint::find(handle, name);
  if (!entry)
    raiseError(llvm::toString(entry.takeError()));
  return Function(*entry, name);
}
