//===- Npy.cpp - NumPy's .npy files ---------------------------------------===//
#include "Npy.h"

#include "effattn/Driver/Compiler.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cstring>

using namespace llvm;
using namespace mlir::effattn;

static constexpr StringLiteral magic("\x93NUMPY");

namespace {
/// What the header of a file says.
struct Header {
  std::string type;
  bool fortranOrder = false;
  SmallVector<int64_t> shape;
};

/// Reads the header: a Python dictionary of three entries.
class HeaderParser {
public:
  explicit HeaderParser(StringRef text) : rest(text) {}

  /// False when the text is no such dictionary.
  bool parse(Header &header);

private:
  bool eat(StringRef token) {
    rest = rest.ltrim();
    return rest.consume_front(token);
  }
  bool parseString(StringRef &text);
  bool parseBool(bool &value);
  bool parseShape(SmallVectorImpl<int64_t> &shape);
  bool parseEntry(Header &header);

  StringRef rest;
  unsigned seen = 0;
};
} // namespace

bool HeaderParser::parseString(StringRef &text) {
  StringRef quote = eat("'") ? "'" : eat("\"") ? "\"" : "";
  if (quote.empty())
    return false;
  size_t end = rest.find(quote);
  if (end == StringRef::npos)
    return false;
  text = rest.take_front(end);
  rest = rest.drop_front(end + 1);
  return true;
}

bool HeaderParser::parseBool(bool &value) {
  if (eat("True"))
    return value = true;
  value = false;
  return eat("False");
}

bool HeaderParser::parseShape(SmallVectorImpl<int64_t> &shape) {
  if (!eat("("))
    return false;
  while (!eat(")")) {
    int64_t size;
    rest = rest.ltrim();
    if (rest.consumeInteger(10, size) || size < 0)
      return false;
    rest.consume_front("L"); // Python 2 wrote long integers so
    shape.push_back(size);
    if (!eat(",") && !rest.ltrim().starts_with(")"))
      return false;
  }
  return true;
}

bool HeaderParser::parseEntry(Header &header) {
  StringRef key;
  if (!parseString(key) || !eat(":"))
    return false;
  if (key == "descr") {
    seen |= 1;
    rest = rest.ltrim();
    StringRef type;
    if (rest.starts_with("[")) { // a structure: refused later, by its text
      header.type =
          rest.take_until([](char c) { return c == ']'; }).str() + "]";
      rest = rest.drop_front(std::min(rest.size(), rest.find(']') + 1));
      return true;
    }
    if (!parseString(type))
      return false;
    header.type = type.str();
    return true;
  }
  if (key == "fortran_order") {
    seen |= 2;
    return parseBool(header.fortranOrder);
  }
  seen |= 4;
  return key == "shape" && parseShape(header.shape);
}

bool HeaderParser::parse(Header &header) {
  if (!eat("{"))
    return false;
  while (!eat("}")) {
    if (!parseEntry(header))
      return false;
    if (!eat(",") && !rest.ltrim().starts_with("}"))
      return false;
  }
  return seen == 7;
}

static Error refuse(StringRef path, const Twine &reason) {
  return createStringError(inconvertibleErrorCode(), path + reason);
}

/// Takes what precedes the data off the front of the bytes.
static Expected<Header> readHeader(StringRef path, StringRef &bytes) {
  if (!bytes.consume_front(magic))
    return refuse(path,
                  " is no .npy file: expected it to begin with \\x93NUMPY");
  if (bytes.size() < 2)
    return refuse(path, " is truncated within its header");
  unsigned version = static_cast<uint8_t>(bytes[0]);
  if (version < 1 || version > 3)
    return refuse(path, ": expected version 1, 2 or 3 of the .npy format, but "
                        "got " +
                            Twine(version));
  bytes = bytes.drop_front(2);
  size_t width = version == 1 ? 2 : 4;
  if (bytes.size() < width)
    return refuse(path, " is truncated within its header");
  size_t length = version == 1 ? support::endian::read16le(bytes.data())
                               : support::endian::read32le(bytes.data());
  bytes = bytes.drop_front(width);
  if (bytes.size() < length)
    return refuse(path, " is truncated within its header");
  Header header;
  if (!HeaderParser(bytes.take_front(length)).parse(header))
    return refuse(path, " has a malformed header: expected a dictionary with "
                        "'descr', 'fortran_order' and 'shape'");
  bytes = bytes.drop_front(length);
  return header;
}

static void swapBytes(char *data, int64_t count, int64_t width) {
  for (int64_t i = 0; i < count; ++i, data += width)
    std::reverse(data, data + width);
}

static SmallVector<int64_t> getColumnMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t d = 1; d < shape.size(); ++d)
    strides[d] = strides[d - 1] * shape[d - 1];
  return strides;
}

Expected<Tensor> mlir::effattn::readNpy(StringRef path) {
  auto file = readFile(path);
  if (!file)
    return file.takeError();
  StringRef bytes = (*file)->getBuffer();
  Expected<Header> header = readHeader(path, bytes);
  if (!header)
    return header.takeError();
  StringRef name = header->type;
  bool bigEndian = name.starts_with(">");
  if (name.find_first_of("<>|=") == 0)
    name = name.drop_front();
  const ElementType *type = findNumpyType(name);
  if (!type)
    return refuse(path, ": expected elements of bool, an integer, a float, or "
                        "the bits of bf16 as V2, but got the dtype '" +
                            header->type + "'");
  int64_t needed = is_contained(header->shape, 0) ? 0 : type->bytes();
  for (int64_t size : header->shape)
    if (MulOverflow(needed, size, needed))
      return refuse(path, " has a shape with more bytes than memory can hold");
  if (static_cast<int64_t>(bytes.size()) < needed)
    return refuse(path, " is truncated: its header promises " + Twine(needed) +
                            " bytes of data, but " + Twine(bytes.size()) +
                            " follow");
  Expected<Tensor> tensor = allocateTensor(*type, header->shape);
  if (!tensor)
    return refuse(path, ": " + toString(tensor.takeError()));
  char *data = static_cast<char *>(tensor->memory.get());
  std::memcpy(data, bytes.data(), needed);
  if (bigEndian)
    swapBytes(data, needed / type->bytes(), type->bytes());
  if (header->fortranOrder && needed)
    tensor->strides = getColumnMajorStrides(header->shape);
  return tensor;
}

std::string mlir::effattn::formatNpy(const Tensor &tensor) {
  std::string header;
  raw_string_ostream stream(header);
  StringRef type = tensor.type->name == "bf16" ? "u2" : tensor.type->numpy;
  stream << "{'descr': '" << (tensor.type->bytes() == 1 ? '|' : '<') << type
         << "', 'fortran_order': False, 'shape': (";
  for (int64_t size : tensor.shape)
    stream << size << (tensor.rank() == 1 ? "," : ", ");
  if (tensor.rank() > 1)
    header.resize(header.size() - 2);
  stream << "), }";
  // Data begins at a multiple of 64 bytes, after 6 + 2 + 2 bytes and a newline.
  size_t before = magic.size() + 4;
  header.append(alignTo(before + header.size() + 1, 64) - before -
                    header.size() - 1,
                ' ');
  header += '\n';
  std::string text = magic.str();
  text += {'\x01', '\x00', static_cast<char>(header.size() & 0xff),
           static_cast<char>(header.size() >> 8)};
  return text + header + packRowMajor(tensor);
}
