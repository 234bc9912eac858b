// Goes on with a text: a pretrained model, compiled, and its packed weights.
// docs/models.md says where both files are made.
//
//   effattn-compile model.mlir -o model.o
//   c++ -std=c++17 -O2 -Wall -Wextra -I. -DWITH_SENTENCEPIECE generate.cpp
//       model.o -lsentencepiece -lomp -lm -o generate
//   ./generate model.weights 1024 32 "The capital of France is"
//
// nlohmann-json (Debian: nlohmann-json3-dev) reads signatures and the header of
// the weights, sentencepiece (libsentencepiece-dev) the vocabulary in them. The
// arguments are the file, how many tokens caches hold, how many to add, and the
// text. Without WITH_SENTENCEPIECE, text comes and goes as ids of tokens:
//
//   ./generate model.weights 1024 32 2 818 5279 529 7001 563

#include "model.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>
#ifdef WITH_SENTENCEPIECE
#include <sentencepiece_processor.h>
#endif

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using Json = nlohmann::json;
using Sizes = std::vector<std::int64_t>;

DLDataType elementType(const std::string &name) {
  static const std::map<std::string, DLDataType> types = {
      {"f32", {kDLFloat, 32, 1}}, {"bf16", {kDLBfloat, 16, 1}},
      {"i64", {kDLInt, 64, 1}},   {"i32", {kDLInt, 32, 1}},
      {"i8", {kDLInt, 8, 1}},     {"ui8", {kDLUInt, 8, 1}},
      {"bool", {kDLBool, 8, 1}}};
  auto found = types.find(name);
  if (found == types.end())
    throw std::runtime_error("expected a type of weights, but got " + name);
  return found->second;
}

/// Memory of its own, zero at first, or a part of a file.
class Tensor {
public:
  Tensor() = default;
  Tensor(const std::string &type, Sizes sizes, const void *at = nullptr)
      : type(elementType(type)), shape(std::move(sizes)),
        data(const_cast<void *>(at)) {
    if (at)
      return;
    std::size_t bytes = this->type.bits / 8;
    for (std::int64_t size : shape)
      bytes *= static_cast<std::size_t>(size);
    own = std::make_unique<char[]>(bytes);
    data = own.get();
  }

  template <typename T> T *begin() { return static_cast<T *>(data); }
  std::int64_t size(std::size_t dim) const { return shape.at(dim); }

  /// How many bytes it has; `most` and one more for all that have more.
  std::size_t bytesUpTo(std::size_t most) const {
    std::size_t bytes = type.bits / 8;
    for (std::int64_t size : shape) {
      if (size < 0 || (size != 0 && bytes > most / std::size_t(size)))
        return most + 1;
      bytes *= std::size_t(size);
    }
    return bytes;
  }

  DLTensor *dl() {
    header.data = data;
    header.device = {kDLCPU, 0};
    header.ndim = static_cast<int>(shape.size());
    header.dtype = type;
    header.shape = shape.data();
    return &header;
  }

private:
  DLDataType type{};
  Sizes shape;
  void *data = nullptr;
  std::unique_ptr<char[]> own;
  DLTensor header{};
};

/// A number from the command line.
std::int64_t parse(const std::string &text, const std::string &what,
                   std::int64_t least) {
  constexpr std::int64_t most = 1 << 30;
  std::int64_t value = 0;
  const char *end = text.data() + text.size();
  auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end || value < least || value > most)
    throw std::runtime_error("expected " + what + " to be an integer from " +
                             std::to_string(least) + " to " +
                             std::to_string(most) + ", but got '" + text + "'");
  return value;
}

/// The arrays of a packed file, where they are mapped.
class Weights {
public:
  explicit Weights(const std::string &path) try {
    int file = open(path.c_str(), O_RDONLY);
    struct stat about{};
    if (file < 0 || fstat(file, &about) != 0)
      throw std::runtime_error("cannot read " + path);
    size = static_cast<std::size_t>(about.st_size);
    if (!S_ISREG(about.st_mode) || size == 0)
      throw std::runtime_error("expected " + path + " to be a file of weights");
    void *mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (mapped == MAP_FAILED)
      throw std::runtime_error("cannot map " + path);
    begin = static_cast<const char *>(mapped);
    readHeader(path);
  } catch (const Json::exception &error) {
    throw std::runtime_error("expected " + path +
                             " to be a file of weights: " + error.what());
  }
  ~Weights() { munmap(const_cast<char *>(begin), size); }
  Weights(const Weights &) = delete;

  std::map<std::string, Tensor> arrays;

private:
  /// A line of magic, a version, the size of the JSON, the JSON, the arrays.
  void readHeader(const std::string &path) {
    static const std::string magic = "effattn weights\n";
    const std::size_t front = magic.size() + 8;
    std::uint32_t length = 0;
    if (size >= front)
      std::memcpy(&length, begin + magic.size() + 4, sizeof length);
    if (size < front + length ||
        magic.compare(0, magic.size(), begin, magic.size()))
      throw std::runtime_error("expected " + path + " to be a file of weights");
    Json about = Json::parse(begin + front, begin + front + length);
    std::size_t place = front + length;
    if (size != place + about.at("bytes").get<std::size_t>())
      throw std::runtime_error("expected " + path + " to be whole");
    for (const auto &[name, array] : about.at("arrays").items()) {
      std::size_t offset = array.at(2).get<std::size_t>();
      Tensor tensor(array.at(0).get<std::string>(), array.at(1).get<Sizes>(),
                    begin + place + offset);
      std::size_t left = size - place;
      if (offset > left || tensor.bytesUpTo(left) > left - offset)
        throw std::runtime_error("expected " + path + " to hold all of " +
                                 name);
      arrays.emplace(name, std::move(tensor));
    }
  }

  const char *begin = nullptr;
  std::size_t size = 0;
};

/// A text on its way through the model: the caches, and calls that fill them.
class Session {
public:
  Session(Weights &weights, std::int64_t context)
      : weights(weights), sizes{{"B", 1}, {"S", context}, {"W", kWindow}} {}

  /// Takes tokens; the likeliest next one if there was one token.
  std::int32_t take(const std::int32_t *ids, std::int64_t count) {
    bool isOne = count == 1;
    Json signature = Json::parse(isOne ? decode_signature : prefill_signature);
    sizes["T"] = count;
    Tensor tokens("i32", {1, count}), lengths("i64", {1});
    std::copy(ids, ids + count, tokens.begin<std::int32_t>());
    *lengths.begin<std::int64_t>() = count;

    std::vector<const DLTensor *> inputs;
    for (const Json &input : signature.at("inputs"))
      inputs.push_back(find(input, tokens, lengths).dl());
    std::map<std::string, Tensor> results;
    std::vector<DLTensor *> outputs;
    for (const Json &output : signature.at("outputs"))
      if (output.contains("state")) {
        // In place: the next state is where the state is.
        std::size_t input = output.at("state").get<std::size_t>();
        outputs.push_back(const_cast<DLTensor *>(inputs[input]));
      } else {
        Tensor &result = results[output.at("name").get<std::string>()];
        result = make(output);
        outputs.push_back(result.dl());
      }
    int status = (isOne ? decode : prefill)(inputs.data(), outputs.data());
    if (status != 0)
      throw std::runtime_error(effattn_last_error());
    keep(results);
    return isOne ? *results["indices"].begin<std::int32_t>() : -1;
  }

  /// Tokens that the window caches have room for in a call.
  static constexpr std::int64_t kChunk = 512;

private:
  /// Of the window caches: a window of 512, a slack of 256, and a call's.
  static constexpr std::int64_t kWindow = 512 + 256 + kChunk;

  Tensor make(const Json &argument) {
    Sizes shape;
    for (const Json &size : argument.at("shape"))
      shape.push_back(size.is_string() ? sizes.at(size.get<std::string>())
                                       : size.get<std::int64_t>());
    return Tensor(argument.at("type").get<std::string>(), shape);
  }

  Tensor &find(const Json &input, Tensor &ids, Tensor &lengths) {
    std::string name = input.at("name").get<std::string>();
    if (name == "ids" || name == "lengths")
      return name == "ids" ? ids : lengths;
    auto weight = weights.arrays.find(name);
    if (weight != weights.arrays.end())
      return weight->second;
    auto [state, isNew] = states.try_emplace(name);
    if (isNew)
      state->second = make(input);
    return state->second;
  }

  /// What succeeds a state in memory of its own.
  void keep(std::map<std::string, Tensor> &results) {
    for (auto &[name, state] : states)
      if (results.count("next_" + name))
        state = std::move(results["next_" + name]);
  }

  Weights &weights;
  std::map<std::string, std::int64_t> sizes;
  std::map<std::string, Tensor> states;
};

/// Hands each token that follows to `use`, until it returns false or there are
/// `count`.
void generate(Weights &weights, std::int64_t context, std::int64_t count,
              const std::vector<std::int32_t> &ids,
              const std::function<bool(std::int32_t)> &use) {
  Session session(weights, context);
  // The last of the text begins what is added.
  std::int64_t before = static_cast<std::int64_t>(ids.size()) - 1;
  for (std::int64_t at = 0; at < before; at += Session::kChunk)
    session.take(&ids[static_cast<std::size_t>(at)],
                 std::min(Session::kChunk, before - at));
  std::int32_t token = ids.back();
  for (std::int64_t i = 0; i < count; ++i) {
    token = session.take(&token, 1);
    if (!use(token))
      return;
  }
}

#ifdef WITH_SENTENCEPIECE

const char usage[] = "usage: generate WEIGHTS CONTEXT COUNT TEXT\n";

/// Prints a text as far as its tokens spell whole characters.
class Printer {
public:
  explicit Printer(const sentencepiece::SentencePieceProcessor &vocabulary)
      : vocabulary(vocabulary) {}

  void add(int token) {
    tokens.push_back(token);
    std::string text = vocabulary.DecodeIds(tokens);
    // A character may be spelt by several tokens.
    static const std::string unfinished = "\xef\xbf\xbd";
    if (text.size() < unfinished.size() ||
        text.compare(text.size() - unfinished.size(), unfinished.size(),
                     unfinished))
      print(text);
  }
  void finish() { print(vocabulary.DecodeIds(tokens) + "\n"); }

private:
  void print(const std::string &text) {
    std::cout << text.substr(given) << std::flush;
    given = text.size();
  }

  const sentencepiece::SentencePieceProcessor &vocabulary;
  std::vector<int> tokens;
  std::size_t given = 0;
};

void run(Weights &weights, std::int64_t context, std::int64_t count,
         char **words) {
  Tensor &model = weights.arrays.at("tokenizer");
  sentencepiece::SentencePieceProcessor vocabulary;
  auto status = vocabulary.LoadFromSerializedProto(std::string(
      model.begin<char>(), static_cast<std::size_t>(model.size(0))));
  if (!status.ok())
    throw std::runtime_error(status.ToString());
  std::vector<std::int32_t> ids = {vocabulary.bos_id()};
  for (int id : vocabulary.EncodeAsIds(*words))
    ids.push_back(id);
  Printer printer(vocabulary);
  generate(weights, context, count, ids, [&](std::int32_t token) {
    if (token == vocabulary.eos_id())
      return false;
    printer.add(token);
    return true;
  });
  printer.finish();
}

#else

const char usage[] = "usage: generate WEIGHTS CONTEXT COUNT ID...\n";

void run(Weights &weights, std::int64_t context, std::int64_t count,
         char **words) {
  std::vector<std::int32_t> ids;
  for (char **word = words; *word; ++word)
    ids.push_back(static_cast<std::int32_t>(parse(*word, "an id", 0)));
  const char *between = "";
  generate(weights, context, count, ids, [&](std::int32_t token) {
    std::cout << between << token << std::flush;
    between = " ";
    return true;
  });
  std::cout << "\n";
}

#endif

} // namespace

int main(int argc, char **argv) try {
  if (argc < 5) {
    std::cerr << usage;
    return 2;
  }
  std::int64_t context = parse(argv[2], "CONTEXT", 1);
  std::int64_t count = parse(argv[3], "COUNT", 0);
  Weights weights(argv[1]);
  run(weights, context, count, argv + 4);
  return 0;
} catch (const std::bad_alloc &) {
  std::cerr << "generate: out of memory\n";
  return 1;
} catch (const std::exception &error) {
  std::cerr << "generate: " << error.what() << "\n";
  return 1;
}
