// A reader of JSON: enough for signatures and headers of weights.

#ifndef EFFATTN_EXAMPLES_JSON_H
#define EFFATTN_EXAMPLES_JSON_H

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// A value: of what it can be, one has content.
struct Json {
  std::string text;
  double number = 0;
  std::vector<Json> items;
  std::map<std::string, Json> fields;
  bool isText = false;

  bool has(const std::string &name) const { return fields.count(name) != 0; }
  const Json &operator[](const std::string &name) const {
    auto found = fields.find(name);
    if (found == fields.end())
      throw std::runtime_error("expected a field " + name + ", but got none");
    return found->second;
  }
  std::int64_t integer() const { return static_cast<std::int64_t>(number); }
};

class JsonReader {
public:
  /// The text ends with a character that is no part of a number.
  explicit JsonReader(std::string text) : text(std::move(text)) {}

  Json read() {
    Json value;
    switch (peek()) {
    case '{':
      readAll('}', [&] {
        std::string name = readText();
        expect(':');
        value.fields[name] = read();
      });
      break;
    case '[':
      readAll(']', [&] { value.items.push_back(read()); });
      break;
    case '"':
      value.text = readText();
      value.isText = true;
      break;
    default:
      readWord(value);
    }
    return value;
  }

private:
  char peek() {
    while (at < text.size() &&
           std::isspace(static_cast<unsigned char>(text[at])))
      ++at;
    if (at == text.size())
      throw std::runtime_error("expected more JSON, but it ends");
    return text[at];
  }
  void expect(char wanted) {
    if (peek() != wanted)
      throw std::runtime_error(std::string("expected '") + wanted +
                               "' in JSON, but got '" + text[at] + "'");
    ++at;
  }

  template <typename ReadItem> void readAll(char end, ReadItem readItem) {
    ++at;
    while (peek() != end) {
      readItem();
      if (peek() != end)
        expect(',');
    }
    ++at;
  }

  std::string readText() {
    expect('"');
    std::string found;
    for (; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\')
        ++at;
      if (at < text.size())
        found += text[at];
    }
    expect('"');
    return found;
  }

  /// A number, or true, false or null, which count as 1 and 0.
  void readWord(Json &value) {
    std::size_t begin = at;
    while (at < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[at])) ||
            text[at] == '-' || text[at] == '+' || text[at] == '.'))
      ++at;
    std::string word = text.substr(begin, at - begin);
    char *end = nullptr;
    value.number = word == "true" ? 1 : std::strtod(word.c_str(), &end);
    if (word.empty() ||
        (*(end ? end : "") && word != "false" && word != "null"))
      throw std::runtime_error("expected a value in JSON, but got '" + word +
                               "'");
  }

  std::string text;
  std::size_t at = 0;
};

#endif
