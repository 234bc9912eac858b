//===- Results.cpp - Printing and comparing results -----------------------===//
#include "Results.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"

#include <cmath>

using namespace llvm;
using namespace mlir::effattn;

static std::string nameOutput(size_t index, const CompiledArgument &argument) {
  return "output " + std::to_string(index) + " '" + argument.name + "'";
}

void mlir::effattn::printOutput(size_t index, const CompiledArgument &argument,
                                const Tensor &tensor) {
  outs() << nameOutput(index, argument) << ": " << tensor.typeText() << '\n';
  printTensor(outs(), tensor);
}

//===----------------------------------------------------------------------===//
// Comparing
//===----------------------------------------------------------------------===//

namespace {
struct LargestError {
  double error = -1;
  int64_t index = 0;
};
} // namespace

/// Relative to 1 + |x|. Equal infinities agree, and so do two NaNs.
static double measureError(double got, double want) {
  if (got == want || (std::isnan(got) && std::isnan(want)))
    return 0;
  double error = std::fabs(got - want) / (1 + std::fabs(want));
  return std::isnan(error) ? HUGE_VAL : error;
}

static LargestError findLargestError(const Tensor &got, const Tensor &want) {
  LargestError largest;
  for (int64_t i = 0, count = got.count(); i < count; ++i) {
    double error = measureError(got.at(i), want.at(i));
    if (error > largest.error)
      largest = {error, i};
  }
  return largest;
}

static std::string describePosition(ArrayRef<int64_t> shape, int64_t index) {
  SmallVector<std::string> position(shape.size());
  for (int64_t d = static_cast<int64_t>(shape.size()) - 1; d >= 0; --d) {
    position[d] = std::to_string(index % shape[d]);
    index /= shape[d];
  }
  return "[" + join(position, ", ") + "]";
}

Error mlir::effattn::compareOutput(size_t index,
                                   const CompiledArgument &argument,
                                   const Tensor &got, const Tensor &want,
                                   double tolerance) {
  auto refuse = [](const std::string &sentence) {
    return createStringError(inconvertibleErrorCode(), sentence);
  };
  std::string name = nameOutput(index, argument);
  if (got.shape != want.shape)
    return refuse(name + ": --expect has " + want.typeText() + ", but got " +
                  got.typeText());
  LargestError largest = findLargestError(got, want);
  if (largest.error < 0) {
    outs() << name << ": no elements to compare\n";
    return Error::success();
  }
  std::string sentence;
  raw_string_ostream stream(sentence);
  stream << name << format(": largest error %.3g at ", largest.error)
         << describePosition(got.shape, largest.index)
         << format(" (got %.9g, expected %.9g)", got.at(largest.index),
                   want.at(largest.index));
  if (largest.error > tolerance) {
    stream << format(" is above the tolerance %.3g", tolerance);
    return refuse(sentence);
  }
  outs() << sentence << '\n';
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Tracing
//===----------------------------------------------------------------------===//

/// In seconds. One thread: viewers show what is inside of an event below it.
static json::Object makeEvent(StringRef name, StringRef category, double start,
                              double duration) {
  constexpr double microseconds = 1e6;
  return json::Object{{"name", name},
                      {"cat", category},
                      {"ph", "X"}, // an event with a beginning and a duration
                      {"ts", start * microseconds},
                      {"dur", duration * microseconds},
                      {"pid", 1},
                      {"tid", 1}};
}

/// A count and how many of it there are in a nanosecond: 10^9 a second.
static void addRate(json::Object &arguments, StringRef count, int64_t value,
                    StringRef rate, int64_t nanoseconds) {
  if (value < 0)
    return;
  arguments[count] = value;
  if (nanoseconds > 0)
    arguments[rate] = static_cast<double>(value) / nanoseconds;
}

static json::Object makeEvent(const StageTimes &times, const Span &span) {
  int64_t duration = span.end - span.begin;
  json::Object arguments;
  if (*span.place)
    arguments["location"] = span.place;
  addRate(arguments, "flops", span.flops, "GFLOP/s", duration);
  addRate(arguments, "bytes", span.bytes, "GB/s", duration);
  json::Object event = makeEvent(
      span.name, "op", times.since(std::chrono::nanoseconds(span.begin)),
      std::chrono::duration<double>(std::chrono::nanoseconds(duration))
          .count());
  event["args"] = std::move(arguments);
  return event;
}

std::string mlir::effattn::formatTrace(const StageTimes &times,
                                       StringRef function,
                                       ArrayRef<Span> spans) {
  json::Array events;
  for (const StageTime &stage : times.stages())
    events.push_back(makeEvent(stage.name,
                               stage.name == function ? "call" : "compile",
                               stage.start, stage.duration));
  for (const Span &span : spans)
    events.push_back(makeEvent(times, span));
  std::string text;
  raw_string_ostream(text) << json::Value(json::Object{
                                  {"traceEvents", std::move(events)}})
                           << '\n';
  return text;
}
