//===- Arrays.cpp - Arrays of Python as DLPack tensors --------------------===//
#include "Arrays.h"

#include <nanobind/stl/string.h>
#include <optional>

namespace nb = nanobind;
using namespace effattn;

void effattn::raiseError(const std::string &sentence) {
  nb::object type = nb::module_::import_("effattn.error").attr("Error");
  PyErr_SetString(type.ptr(), sentence.c_str());
  throw nb::python_error();
}

/// What the struct module's letters mean; nothing for another byte order.
static std::optional<DLDataType> readFormat(const char *format,
                                            Py_ssize_t bytes) {
  if (*format == '@' || *format == '=' || *format == '<')
    ++format;
  if (!*format || format[1])
    return std::nullopt;
  auto bits = static_cast<uint8_t>(8 * bytes);
  switch (*format) {
  case '?':
    return DLDataType{6, bits, 1}; // kDLBool, which old headers lack
  case 'b':
  case 'h':
  case 'i':
  case 'l':
  case 'q':
    return DLDataType{kDLInt, bits, 1};
  case 'B':
  case 'H':
  case 'I':
  case 'L':
  case 'Q':
    return DLDataType{kDLUInt, bits, 1};
  case 'e':
  case 'f':
  case 'd':
    return DLDataType{kDLFloat, bits, 1};
  default:
    return std::nullopt;
  }
}

/// What `__dlpack_c_exchange_api__` of a type points to, as DLPack 1.2 lays it
/// out; Debian's header is older.
struct ExchangeFunctions {
  struct {
    uint32_t major, minor;
  } version;
  const ExchangeFunctions *older;
  void *allocate, *exportOwned, *import;
  /// Describes the memory of an array, which goes on to own all of it. Returns
  /// 0, or sets a Python exception.
  int (*describe)(void *array, DLTensor *tensor);
  void *currentStream;
};

/// Those of an array's very type: of other types, as PyTorch's tensors that
/// record gradients or have no memory, `__dlpack__` knows what to do.
static const ExchangeFunctions *findExchangeFunctions(nb::handle array) {
  PyObject *names =
      reinterpret_cast<PyTypeObject *>(array.type().ptr())->tp_dict;
  PyObject *capsule =
      names ? PyDict_GetItemString(names, "__dlpack_c_exchange_api__")
            : nullptr;
  if (!capsule || !PyCapsule_IsValid(capsule, "dlpack_exchange_api"))
    return nullptr;
  auto *functions = static_cast<const ExchangeFunctions *>(
      PyCapsule_GetPointer(capsule, "dlpack_exchange_api"));
  while (functions && functions->version.major != 1)
    functions = functions->older;
  return functions;
}

static std::string typeName(nb::handle object) {
  return nb::cast<std::string>(nb::handle(object.type()).attr("__name__"));
}

/// What a module has under a name. Never given back: the callers keep it for as
/// long as the interpreter lives.
static nb::handle importName(const char *module, const char *name) {
  nb::object found = nb::module_::import_(module).attr(name);
  return found.release();
}

/// NumPy has bf16 from another package, and no letter for it. To ask for a
/// buffer first and to fail would take longer than many a call.
static bool isNumPyBFloat16(nb::handle array) {
  static nb::handle ndarray = importName("numpy", "ndarray");
  static nb::handle bfloat16 = importName("ml_dtypes", "bfloat16");
  if (!PyObject_TypeCheck(array.ptr(),
                          reinterpret_cast<PyTypeObject *>(ndarray.ptr())))
    return false;
  return nb::object(array.attr("dtype").attr("type")).is(bfloat16);
}

/// The same of arrays of others, which call it so.
static bool isNamedBFloat16(nb::handle array) {
  nb::object type = nb::getattr(array, "dtype", nb::none());
  return !type.is_none() && nb::hasattr(array, "view") &&
         nb::isinstance<nb::str>(nb::getattr(type, "name", nb::none())) &&
         nb::cast<std::string>(type.attr("name")) == "bfloat16";
}

BorrowedArray::BorrowedArray(nb::handle array, Name name) {
  if (PyObject_CheckBuffer(array.ptr()) && borrowBuffer(array, name))
    return;
  if (!nb::hasattr(array, "__dlpack__"))
    raiseError("expected " + name() +
               " to be an array (NumPy, PyTorch, or anything with __dlpack__), "
               "but got " +
               typeName(array));
  if (!borrowInPlace(array))
    borrowCapsule(array, name);
}

BorrowedArray::~BorrowedArray() { release(); }

void BorrowedArray::release() {
  if (buffer.obj)
    PyBuffer_Release(&buffer);
}

bool BorrowedArray::borrowBuffer(nb::handle array, Name name) {
  bool isBFloat16 = isNumPyBFloat16(array);
  if (!isBFloat16 &&
      PyObject_GetBuffer(array.ptr(), &buffer, PyBUF_RECORDS_RO)) {
    nb::python_error reason;
    isBFloat16 = isNamedBFloat16(array);
    if (!isBFloat16) {
      if (nb::hasattr(array, "__dlpack__") && !nb::hasattr(array, "__array__"))
        return false;
      raiseError("expected " + name() +
                 " to hold numbers that compiled functions know: " +
                 nb::cast<std::string>(nb::str(reason.value())));
    }
  }
  if (isBFloat16) {
    // Borrowed as 16-bit integers, which keep the array.
    static nb::handle uint16 = importName("numpy", "uint16");
    nb::object bits = array.attr("view")(uint16);
    if (PyObject_GetBuffer(bits.ptr(), &buffer, PyBUF_RECORDS_RO))
      throw nb::python_error();
  }
  auto type = readFormat(buffer.format ? buffer.format : "B", buffer.itemsize);
  if (!type) {
    std::string format = buffer.format;
    release();
    raiseError("expected " + name() +
               " to hold bool, integers or floats in the machine's byte order, "
               "but got the format '" +
               format + "'");
  }
  if (isBFloat16)
    type->code = kDLBfloat;
  for (int dim = 0; dim < buffer.ndim; ++dim) {
    if (buffer.strides[dim] % buffer.itemsize) {
      release();
      raiseError("expected the strides of " + name() +
                 " to be multiples of its elements' size");
    }
    strides.push_back(buffer.strides[dim] / buffer.itemsize);
  }
  readOnly = buffer.readonly;
  static_assert(sizeof(Py_ssize_t) == sizeof(int64_t));
  view = {buffer.buf,
          {kDLCPU, 0},
          buffer.ndim,
          *type,
          reinterpret_cast<int64_t *>(buffer.shape),
          strides.data(),
          0};
  return true;
}

/// A tenth of the time that a capsule takes. What it refuses is left to
/// `__dlpack__`, which says why, and so are other devices, whose work may have
/// to be waited for.
bool BorrowedArray::borrowInPlace(nb::handle array) {
  const ExchangeFunctions *functions = findExchangeFunctions(array);
  if (!functions ||
      nb::getattr(array, "requires_grad", nb::none()).is(nb::handle(Py_True)))
    return false;
  if (functions->describe(array.ptr(), &view)) {
    PyErr_Clear();
    return false;
  }
  if (view.device.device_type != kDLCPU)
    return false;
  // Another thread of Python may change those of the array.
  sizes.assign(view.shape, view.shape + view.ndim);
  view.shape = sizes.data();
  if (view.strides) {
    strides.assign(view.strides, view.strides + view.ndim);
    view.strides = strides.data();
  }
  return true;
}

void BorrowedArray::borrowCapsule(nb::handle array, Name name) {
  try {
    capsule = array.attr("__dlpack__")();
  } catch (nb::python_error &error) {
    if (!error.matches(PyExc_Exception))
      throw;
    std::string reason = nb::cast<std::string>(nb::str(error.value()));
    raiseError("cannot borrow the memory of " + name() + ": " +
               reason.substr(0, reason.find('\n')));
  }
  // The capsule's own destructor gives the memory back: the tensor in it is
  // looked at and not taken over.
  auto *managed = static_cast<DLManagedTensor *>(
      PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
  if (!managed)
    throw nb::python_error();
  view = managed->dl_tensor;
}
