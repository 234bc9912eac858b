//===- Mutate.cpp - Changes that leave IR nearly valid --------------------===//
//
// Bytes that change anywhere seldom give text that is parsed. Most changes here
// are of tokens: a number, a type or a value in place of another one, in one
// place or in all; lines that move; another pass to run.
//
//===----------------------------------------------------------------------===//
#include "Steps.h"

#include "llvm/ADT/StringExtras.h"

#include <cstring>
#include <random>

using namespace mlir;
using namespace mlir::effattn;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

namespace {
enum class Kind { Value, Number, Word, Other };

struct Token {
  Kind kind;
  StringRef text;
};

class Mutation {
public:
  Mutation(StringRef text, unsigned seed) : text(text.str()), random(seed) {}

  /// Applies one of the changes.
  void change();
  const std::string &get() const { return text; }

private:
  void changeToken();
  void changeLine();
  void changeRun();
  StringRef chooseInstead(const Token &old, ArrayRef<Token> tokens);

  size_t below(size_t end) { return random() % end; }
  template <typename Range> auto choose(const Range &range) {
    return range[below(std::size(range))];
  }

  std::string text;
  std::minstd_rand random;
};
} // namespace

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

static bool continuesWord(char c) {
  return llvm::isAlnum(c) || c == '_' || c == '.' || c == '$';
}

/// The next token, which is not empty. In `4x?xf32` the sizes are tokens.
static Token lex(StringRef rest, char before) {
  char first = rest.front();
  if (first == '%')
    return {Kind::Value,
            rest.take_front(
                1 + rest.drop_front().take_while(continuesWord).size())};
  bool isSeparator = first == 'x' && (llvm::isDigit(before) || before == '?');
  if (isSeparator)
    return {Kind::Other, rest.take_front(1)};
  if (llvm::isDigit(first))
    return {Kind::Number, rest.take_while(llvm::isDigit)};
  if (first == '?')
    return {Kind::Number, rest.take_front(1)};
  if (continuesWord(first))
    return {Kind::Word, rest.take_while(continuesWord)};
  return {Kind::Other, rest.take_front(1)};
}

static std::vector<Token> lexAll(StringRef text) {
  std::vector<Token> tokens;
  char before = ' ';
  while (!text.empty()) {
    tokens.push_back(lex(text, before));
    before = tokens.back().text.back();
    text = text.drop_front(tokens.back().text.size());
  }
  return tokens;
}

StringRef Mutation::chooseInstead(const Token &old, ArrayRef<Token> tokens) {
  static constexpr llvm::StringLiteral numbers[] = {
      "0",  "1",   "2",    "3",       "4",
      "5",  "7",   "8",    "16",      "17",
      "64", "100", "1024", "1000003", "4294967296",
      "?",  "-1",  "?",    "1",       "9223372036854775807"};
  static constexpr llvm::StringLiteral types[] = {"f32", "f64",   "bf16", "f16",
                                                  "i1",  "i4",    "i8",   "i32",
                                                  "i64", "index", "none"};
  if (old.kind == Kind::Number && below(2) == 0)
    return choose(numbers);
  if (llvm::is_contained(types, old.text) && below(4) != 0)
    return choose(types);
  if (old.text == "true" || old.text == "false")
    return old.text == "true" ? "false" : "true";
  // Another of the same kind.
  for (int tries = 0; tries < 50; ++tries) {
    const Token &other = choose(tokens);
    if (other.kind == old.kind && other.text != old.text)
      return other.text;
  }
  return "";
}

void Mutation::changeToken() {
  std::vector<Token> tokens = lexAll(text);
  if (tokens.empty())
    return;
  size_t place = below(tokens.size());
  for (int tries = 0; tries < 50 && tokens[place].kind == Kind::Other; ++tries)
    place = below(tokens.size());
  Token old = tokens[place];
  std::string instead = chooseInstead(old, tokens).str();
  // Types and sizes agree with each other more often if all of them change.
  bool everywhere = old.kind != Kind::Value && below(2) == 0;
  std::string changed;
  for (auto [i, token] : llvm::enumerate(tokens)) {
    bool isSame = token.kind == old.kind && token.text == old.text;
    changed +=
        i == place || (everywhere && isSame) ? StringRef(instead) : token.text;
  }
  text = std::move(changed);
}

//===----------------------------------------------------------------------===//
// Lines
//===----------------------------------------------------------------------===//

void Mutation::changeLine() {
  std::string copy = text;
  SmallVector<StringRef> lines;
  StringRef(copy).split(lines, '\n');
  size_t one = below(lines.size()), other = below(lines.size());
  switch (below(3)) {
  case 0:
    lines.erase(lines.begin() + one);
    break;
  case 1:
    lines.insert(lines.begin() + one, lines[other]);
    break;
  default:
    std::swap(lines[one], lines[other]);
  }
  text = llvm::join(lines, "\n");
}

void Mutation::changeRun() {
  std::string rest = text;
  if (!fuzz::getRun(text).empty()) {
    size_t end = text.find('\n');
    rest = end == std::string::npos ? "" : text.substr(end + 1);
  }
  text = "// run: " + choose(fuzz::getRuns()) + "\n" + rest;
}

void Mutation::change() {
  switch (below(10)) {
  case 0:
    return changeRun();
  case 1:
  case 2:
    return changeLine();
  default:
    return changeToken();
  }
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t most, unsigned seed) {
  StringRef input(reinterpret_cast<const char *>(data), size);
  bool isBytecode = input.starts_with("ML\xefR");
  if (isBytecode || size == 0 || seed % 8 == 0)
    return LLVMFuzzerMutate(data, size, most);
  Mutation mutation(input, seed);
  for (unsigned changes = 1 + seed % 3; changes > 0; --changes)
    mutation.change();
  const std::string &changed = mutation.get();
  size_t length = std::min(changed.size(), most);
  std::memcpy(data, changed.data(), length);
  return length;
}
