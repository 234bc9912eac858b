//===- Tensor.cpp - Tensors of the host -----------------------------------===//
#include "Tensor.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/APInt.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"

#include <cstdlib>
#include <cstring>

using namespace llvm;
using namespace mlir::effattn;

// The code of bool is 6, which old headers of DLPack do not name.
static constexpr uint8_t Int = kDLInt, UInt = kDLUInt, Float = kDLFloat,
                         BFloat = kDLBfloat, Bool = 6;

/// bf16 has no type in NumPy: its bits are kept as V2 or, where bf16 is wanted,
/// as u2. The types from ui16 on only explain what a file holds.
static constexpr ElementType types[] = {
    {"f32", {Float, 32, 1}, "f4"}, {"f64", {Float, 64, 1}, "f8"},
    {"f16", {Float, 16, 1}, "f2"}, {"bf16", {BFloat, 16, 1}, "V2"},
    {"bool", {Bool, 8, 1}, "b1"},  {"i8", {Int, 8, 1}, "i1"},
    {"i16", {Int, 16, 1}, "i2"},   {"i32", {Int, 32, 1}, "i4"},
    {"i64", {Int, 64, 1}, "i8"},   {"ui8", {UInt, 8, 1}, "u1"},
    {"ui16", {UInt, 16, 1}, "u2"}, {"ui32", {UInt, 32, 1}, "u4"},
    {"ui64", {UInt, 64, 1}, "u8"}};

const ElementType *mlir::effattn::findElementType(StringRef name) {
  if (name == "i1")
    name = "bool";
  const auto *found = find_if(
      types, [&](const ElementType &type) { return type.name == name; });
  return found == std::end(types) ? nullptr : found;
}

const ElementType *mlir::effattn::findNumpyType(StringRef name) {
  const auto *found = find_if(
      types, [&](const ElementType &type) { return type.numpy == name; });
  return found == std::end(types) ? nullptr : found;
}

int64_t Tensor::count() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

DLTensor Tensor::view() {
  DLTensor view = {};
  view.data = memory.get();
  view.device = {kDLCPU, 0};
  view.ndim = rank();
  view.dtype = type->dlpack;
  view.shape = shape.data();
  view.strides = strides.data();
  return view;
}

static const char *locate(const Tensor &tensor, int64_t index) {
  int64_t offset = 0;
  for (int64_t d = tensor.rank() - 1; d >= 0; --d) {
    offset += index % tensor.shape[d] * tensor.strides[d];
    index /= tensor.shape[d];
  }
  return static_cast<const char *>(tensor.memory.get()) +
         offset * tensor.type->bytes();
}

template <typename T> static T load(const char *place) {
  T value;
  std::memcpy(&value, place, sizeof value);
  return value;
}

static double loadHalf(const fltSemantics &semantics, const char *place) {
  APFloat value(semantics, APInt(16, load<uint16_t>(place)));
  bool lost;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return value.convertToDouble();
}

static int64_t loadInteger(const ElementType &type, const char *place) {
  uint64_t bits = 0;
  std::memcpy(&bits, place, type.bytes()); // little endian
  return type.dlpack.code == Int ? SignExtend64(bits, type.dlpack.bits) : bits;
}

static double loadValue(const ElementType &type, const char *place) {
  if (type.dlpack.code == BFloat)
    return loadHalf(APFloat::BFloat(), place);
  if (type.dlpack.code != Float) {
    int64_t value = loadInteger(type, place);
    return type.dlpack.code == UInt ? static_cast<uint64_t>(value) : value;
  }
  if (type.dlpack.bits == 16)
    return loadHalf(APFloat::IEEEhalf(), place);
  return type.dlpack.bits == 32 ? load<float>(place) : load<double>(place);
}

double Tensor::at(int64_t index) const {
  return loadValue(*type, locate(*this, index));
}

void Tensor::adopt(const ElementType &wanted) {
  if (wanted.name == "bf16" && type->name == "ui16")
    type = &wanted;
}

std::string Tensor::typeText() const {
  std::string text = (type->name + "[").str();
  raw_string_ostream stream(text);
  interleaveComma(shape, stream);
  stream << ']';
  return text;
}

SmallVector<int64_t>
mlir::effattn::getRowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t d = static_cast<int64_t>(shape.size()) - 2; d >= 0; --d)
    strides[d] = strides[d + 1] * shape[d + 1];
  return strides;
}

Expected<Tensor> mlir::effattn::allocateTensor(const ElementType &type,
                                               ArrayRef<int64_t> shape) {
  Tensor tensor;
  tensor.type = &type;
  tensor.shape.assign(shape.begin(), shape.end());
  // A zero anywhere makes the tensor empty, however large the other sizes are.
  int64_t bytes = is_contained(shape, 0) ? 0 : type.bytes();
  bool overflow = false;
  for (int64_t size : shape)
    overflow |= MulOverflow(bytes, size, bytes) != 0 || size < 0;
  constexpr int64_t alignment = 64;
  void *memory =
      overflow || bytes > INT64_MAX - alignment
          ? nullptr
          : std::aligned_alloc(alignment, alignTo(bytes + 1, alignment));
  if (!memory)
    return createStringError(inconvertibleErrorCode(),
                             "out of memory: cannot allocate " +
                                 tensor.typeText());
  tensor.memory = std::shared_ptr<void>(memory, std::free);
  std::memset(memory, 0xff, bytes);
  if (bytes)
    tensor.strides = getRowMajorStrides(shape);
  else
    tensor.strides.assign(shape.size(), 1);
  return tensor;
}

std::string mlir::effattn::packRowMajor(const Tensor &tensor) {
  int64_t count = tensor.count(), bytes = tensor.type->bytes();
  const char *data = static_cast<const char *>(tensor.memory.get());
  if (!count ||
      ArrayRef(tensor.strides) == ArrayRef(getRowMajorStrides(tensor.shape)))
    return std::string(data, count * bytes);
  std::string packed;
  packed.reserve(count * bytes);
  for (int64_t i = 0; i < count; ++i)
    packed.append(locate(tensor, i), bytes);
  return packed;
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

static Error refuseScalar(StringRef text, const Twine &reason) {
  return createStringError(inconvertibleErrorCode(),
                           "--input=" + text + ": " + reason);
}

static std::optional<APFloat> parseFloat(StringRef text) {
  APFloat value(APFloat::IEEEdouble());
  auto status = value.convertFromString(text, APFloat::rmNearestTiesToEven);
  if (!status) {
    consumeError(status.takeError());
    return std::nullopt;
  }
  return value;
}

static std::optional<uint64_t> parseFloatBits(StringRef text,
                                              const ElementType &type) {
  std::optional<APFloat> value = parseFloat(text);
  if (!value)
    return std::nullopt;
  const fltSemantics &semantics = type.dlpack.code == BFloat ? APFloat::BFloat()
                                  : type.dlpack.bits == 16 ? APFloat::IEEEhalf()
                                  : type.dlpack.bits == 32
                                      ? APFloat::IEEEsingle()
                                      : APFloat::IEEEdouble();
  bool lost;
  value->convert(semantics, APFloat::rmNearestTiesToEven, &lost);
  return value->bitcastToAPInt().getZExtValue();
}

static std::optional<uint64_t> parseIntegerBits(StringRef text,
                                                const ElementType &type) {
  if (type.dlpack.code == Bool) {
    if (text == "true" || text == "1")
      return 1;
    return text == "false" || text == "0" ? std::optional<uint64_t>(0)
                                          : std::nullopt;
  }
  if (type.dlpack.code == UInt) {
    uint64_t value;
    if (text.getAsInteger(10, value) || !isUIntN(type.dlpack.bits, value))
      return std::nullopt;
    return value;
  }
  int64_t value;
  if (text.getAsInteger(10, value) || !isIntN(type.dlpack.bits, value))
    return std::nullopt;
  return static_cast<uint64_t>(value);
}

bool mlir::effattn::looksLikeScalar(StringRef text) {
  auto [value, type] = text.rsplit(':');
  if (value.empty() || type.empty() || value.contains('/'))
    return false;
  return findElementType(type) || parseFloat(value) || value == "true" ||
         value == "false";
}

Expected<Tensor> mlir::effattn::parseScalar(StringRef text) {
  auto [value, typeName] = text.rsplit(':');
  const ElementType *type = findElementType(typeName);
  if (!type)
    return refuseScalar(text, "expected a scalar such as 3.5:f32, but '" +
                                  typeName + "' is no element type");
  bool isFloat = type->dlpack.code == Float || type->dlpack.code == BFloat;
  std::optional<uint64_t> bits =
      isFloat ? parseFloatBits(value, *type) : parseIntegerBits(value, *type);
  if (!bits)
    return refuseScalar(text, "expected a value of " + type->name +
                                  ", but got '" + value + "'");
  Expected<Tensor> tensor = allocateTensor(*type, {});
  if (tensor)
    std::memcpy(tensor->memory.get(), &*bits, type->bytes());
  return tensor;
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

static void printValue(raw_ostream &os, const Tensor &tensor, int64_t index) {
  const char *place = locate(tensor, index);
  uint8_t code = tensor.type->dlpack.code;
  if (code == Bool)
    os << (*place ? "true" : "false");
  else if (code == UInt)
    os << static_cast<uint64_t>(loadInteger(*tensor.type, place));
  else if (code == Int)
    os << loadInteger(*tensor.type, place);
  else
    os << format(tensor.type->dlpack.bits == 64 ? "%.15g" : "%.7g",
                 loadValue(*tensor.type, place));
}

/// Rows longer than twice this are shortened in tensors with many elements.
static constexpr int64_t edgeItems = 3, manyElements = 256;

static void printRows(raw_ostream &os, const Tensor &tensor, int64_t dimension,
                      int64_t first) {
  if (dimension == tensor.rank())
    return printValue(os, tensor, first);
  int64_t size = tensor.shape[dimension], step = 1;
  for (int64_t d = dimension + 1; d < tensor.rank(); ++d)
    step *= tensor.shape[d];
  bool innermost = dimension + 1 == tensor.rank();
  bool shortened = tensor.count() > manyElements && size > 2 * edgeItems;
  auto separate = [&] {
    os << ',';
    if (innermost)
      os << ' ';
    else
      os << '\n' << std::string(dimension + 1, ' ');
  };
  os << '[';
  for (int64_t i = 0; i < size; ++i) {
    if (i)
      separate();
    if (shortened && i == edgeItems) {
      os << "...";
      i = size - edgeItems - 1;
      continue;
    }
    printRows(os, tensor, dimension + 1, first + i * step);
  }
  os << ']';
}

void mlir::effattn::printTensor(raw_ostream &os, const Tensor &tensor) {
  printRows(os, tensor, 0, 0);
  os << '\n';
}
