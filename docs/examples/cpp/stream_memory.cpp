// Feeds a stream to an address memory: all tokens at once, and token by token
// with the state updated where it lies. Both give the same.
//
//   effattn-compile ../address_memory.mlir -o address_memory.o
//   c++ -std=c++17 -O2 -Wall -Wextra -I. stream_memory.cpp address_memory.o
//       -lomp -lm -o stream_memory
//   ./stream_memory
//
// effattn-compile wrote the header, which needs nothing but <dlpack/dlpack.h>.

#include "address_memory.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

template <typename T> DLDataType dlType();
template <> DLDataType dlType<float>() { return {kDLFloat, 32, 1}; }
template <> DLDataType dlType<std::int32_t>() { return {kDLInt, 32, 1}; }

/// A part of a tensor: memory of somebody else and its layout. DLPack strides
/// count elements, so a part along any dimension needs no copy.
struct View {
  void *data;
  DLDataType type;
  std::vector<std::int64_t> shape, strides;

  /// The elements [from, from + count) of a dimension.
  View slice(std::size_t dimension, std::int64_t from,
             std::int64_t count) const {
    View part = *this;
    part.shape[dimension] = count;
    part.data =
        static_cast<char *>(data) + from * strides[dimension] * (type.bits / 8);
    return part;
  }

  DLTensor dl() {
    DLTensor tensor{};
    tensor.data = data;
    tensor.device = {kDLCPU, 0};
    tensor.ndim = static_cast<int>(shape.size());
    tensor.dtype = type;
    tensor.shape = shape.data();
    tensor.strides = strides.data();
    return tensor;
  }
};

/// A tensor that owns its memory, zero at first.
template <typename T> class Tensor {
public:
  explicit Tensor(std::vector<std::int64_t> sizes) : shape(std::move(sizes)) {
    std::int64_t count = 1;
    strides.resize(shape.size());
    for (std::size_t i = shape.size(); i-- > 0; count *= shape[i])
      strides[i] = count;
    values.resize(static_cast<std::size_t>(count));
  }

  View view() { return {values.data(), dlType<T>(), shape, strides}; }
  typename std::vector<T>::iterator begin() { return values.begin(); }
  typename std::vector<T>::iterator end() { return values.end(); }

  friend double largestDifference(const Tensor &a, const Tensor &b) {
    double largest = 0;
    for (std::size_t i = 0; i < a.values.size(); ++i)
      largest = std::max(largest, std::abs(double(a.values[i]) - b.values[i]));
    return largest;
  }

private:
  std::vector<std::int64_t> shape, strides;
  std::vector<T> values;
};

/// Calls address_memory; a code other than 0 becomes an exception with the
/// sentence that the compiled function left.
void addressMemory(std::vector<View> inputs, std::vector<View> outputs) {
  std::vector<DLTensor> tensors;
  for (std::vector<View> *views : {&inputs, &outputs})
    for (View &view : *views)
      tensors.push_back(view.dl());
  std::vector<const DLTensor *> in;
  std::vector<DLTensor *> out;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (i < inputs.size())
      in.push_back(&tensors[i]);
    else
      out.push_back(&tensors[i]);
  if (address_memory(in.data(), out.data()) != 0)
    throw std::runtime_error(effattn_last_error());
}

constexpr std::int64_t kRows = 2, kTokens = 48, kBase = 6,
                       kSlots = kBase * kBase * kBase, kValueSize = 16;

struct State {
  explicit State(std::int64_t slots)
      : memory({kRows, slots, kValueSize}), mass({kRows, slots}) {}
  Tensor<float> memory, mass;
};

struct Stream {
  Tensor<float> writeLogits{{kRows, kTokens, 3 * kBase}};
  Tensor<float> readLogits{{kRows, kTokens, 3 * kBase}};
  Tensor<float> values{{kRows, kTokens, kValueSize}};

  Stream() {
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    for (Tensor<float> *tensor : {&writeLogits, &readLogits, &values})
      for (float &value : *tensor)
        value = normal(generator);
  }

  /// Feeds the tokens [from, from + count) and moves the state on. The state
  /// goes in as inputs 3 and 4 and comes out as outputs 3 and 4 in the same
  /// memory: it is updated in place, whatever its size.
  void feed(std::int64_t from, std::int64_t count, State &state,
            Tensor<float> &out) {
    Tensor<std::int32_t> writeIndices({kRows, count, 4});
    Tensor<std::int32_t> readIndices({kRows, count, 4});
    View memory = state.memory.view(), mass = state.mass.view();
    addressMemory({writeLogits.view().slice(1, from, count),
                   readLogits.view().slice(1, from, count),
                   values.view().slice(1, from, count), memory, mass},
                  {out.view().slice(1, from, count), writeIndices.view(),
                   readIndices.view(), memory, mass});
  }
};

/// What a refused call looks like; returns its sentence.
std::string feedTooSmallMemory(Stream &stream) {
  State state(10);
  Tensor<float> out({kRows, kTokens, kValueSize});
  try {
    stream.feed(0, kTokens, state, out);
  } catch (const std::runtime_error &error) {
    return error.what();
  }
  throw std::runtime_error("expected 10 slots to be too few");
}

} // namespace

int main() try {
  Stream stream;
  State whole(kSlots), stepped(kSlots);
  Tensor<float> wholeOut({kRows, kTokens, kValueSize});
  Tensor<float> steppedOut({kRows, kTokens, kValueSize});

  stream.feed(0, kTokens, whole, wholeOut);
  for (std::int64_t token = 0; token < kTokens; ++token)
    stream.feed(token, 1, stepped, steppedOut);

  double difference = std::max({largestDifference(wholeOut, steppedOut),
                                largestDifference(whole.memory, stepped.memory),
                                largestDifference(whole.mass, stepped.mass)});
  std::cout << kTokens << " tokens at once and one by one: largest difference "
            << difference << "\n"
            << "10 slots in place of " << kSlots << ": "
            << feedTooSmallMemory(stream) << "\n";
  return difference < 1e-5 ? 0 : 1;
} catch (const std::exception &error) {
  std::cerr << "stream_memory: " << error.what() << "\n";
  return 1;
}
