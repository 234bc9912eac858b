//===- Library.cpp - Compiled functions, loaded and called ----------------===//
#include "Library.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"

#include <chrono>

using namespace llvm;
using namespace mlir::effattn;

static Error refuse(const Twine &sentence) {
  return createStringError(inconvertibleErrorCode(), sentence);
}

std::string CompiledArgument::text() const {
  return "'" + name + "' " + type->name.str() + "[" + join(shape, ", ") + "]";
}

/// Empty when the description of an argument is not what we write.
static std::optional<CompiledArgument> readArgument(const json::Value &value) {
  const json::Object *object = value.getAsObject();
  if (!object)
    return std::nullopt;
  auto name = object->getString("name"), type = object->getString("type");
  const json::Array *shape = object->getArray("shape");
  if (!name || !type || !shape || !findElementType(*type))
    return std::nullopt;
  CompiledArgument argument{name->str(), findElementType(*type), {}};
  for (const json::Value &size : *shape) {
    if (auto text = size.getAsString())
      argument.shape.push_back(text->str());
    else if (auto number = size.getAsInteger())
      argument.shape.push_back(std::to_string(*number));
    else
      return std::nullopt;
  }
  return argument;
}

static bool readArguments(const json::Array *array,
                          std::vector<CompiledArgument> &list) {
  if (!array)
    return false;
  for (const json::Value &value : *array) {
    std::optional<CompiledArgument> argument = readArgument(value);
    if (!argument)
      return false;
    list.push_back(std::move(*argument));
  }
  return true;
}

Error CompiledFunction::readSignature(StringRef text) {
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return value.takeError();
  const json::Object *signature = value->getAsObject();
  if (signature && readArguments(signature->getArray("inputs"), inputList) &&
      readArguments(signature->getArray("outputs"), outputList))
    return Error::success();
  return refuse("the library's signature of '" + functionName +
                "' is malformed");
}

Expected<CompiledFunction> CompiledFunction::find(void *library,
                                                  StringRef name) {
  Expected<EntryPoint> entry = EntryPoint::find(library, name);
  if (!entry)
    return entry.takeError();
  CompiledFunction function;
  function.functionName = name.str();
  function.entry = *entry;
  if (Error error = function.readSignature(entry->signature))
    return error;
  return function;
}

std::vector<Span> CompiledFunction::takeSpans(int64_t &lost) const {
  SpanList *recorded = entry.spans();
  SpanList taken = *recorded;
  *recorded = {};
  std::vector<Span> spans(taken.list, taken.list + taken.count);
  std::free(taken.list);
  lost += taken.lost;
  return spans;
}

/// The sentence begins with the name of the function.
Error CompiledFunction::fail() const {
  StringRef sentence = entry.lastError();
  return refuse(sentence.empty() ? functionName + ": failed without a reason"
                                 : sentence.str());
}

Expected<std::vector<std::vector<int64_t>>>
CompiledFunction::computeShapes(ArrayRef<const DLTensor *> inputs) const {
  std::vector<std::vector<int64_t>> shapes;
  std::vector<int64_t *> pointers;
  for (const CompiledArgument &output : outputList)
    shapes.emplace_back(output.shape.size());
  for (std::vector<int64_t> &shape : shapes)
    pointers.push_back(shape.data());
  if (entry.outputShapes(inputs.data(), pointers.data()))
    return fail();
  return shapes;
}

/// What the callee allocated belongs to us now.
static Tensor takeOver(const DLTensor &view, const ElementType &type) {
  Tensor tensor;
  tensor.type = &type;
  tensor.shape.assign(view.shape, view.shape + view.ndim);
  tensor.strides = getRowMajorStrides(tensor.shape);
  tensor.memory = std::shared_ptr<void>(view.data, std::free);
  return tensor;
}

Expected<std::vector<Tensor>>
CompiledFunction::call(std::vector<Tensor> &inputs, double &seconds) const {
  std::vector<DLTensor> inputViews, outputViews;
  for (Tensor &input : inputs)
    inputViews.push_back(input.view());
  std::vector<const DLTensor *> inputPointers;
  for (const DLTensor &view : inputViews)
    inputPointers.push_back(&view);
  auto shapes = computeShapes(inputPointers);
  if (!shapes)
    return shapes.takeError();

  std::vector<Tensor> outputs(outputList.size());
  for (auto [index, shape] : enumerate(*shapes)) {
    const CompiledArgument &argument = outputList[index];
    if (!is_contained(shape, -1)) {
      Expected<Tensor> tensor = allocateTensor(*argument.type, shape);
      if (!tensor)
        return refuse("output " + Twine(index) + " '" + argument.name +
                      "': " + toString(tensor.takeError()));
      outputs[index] = std::move(*tensor);
      outputViews.push_back(outputs[index].view());
      continue;
    }
    DLTensor view = {};
    view.device = {kDLCPU, 0};
    view.ndim = shape.size();
    view.dtype = argument.type->dlpack;
    view.shape = shape.data();
    outputViews.push_back(view);
  }
  std::vector<DLTensor *> outputPointers;
  for (DLTensor &view : outputViews)
    outputPointers.push_back(&view);

  auto start = std::chrono::steady_clock::now();
  int code = entry.call(inputPointers.data(), outputPointers.data());
  seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  if (code)
    return fail();
  for (auto [index, tensor] : enumerate(outputs))
    if (!tensor.type)
      tensor = takeOver(outputViews[index], *outputList[index].type);
  return outputs;
}
