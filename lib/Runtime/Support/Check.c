/* What a tensor of the caller must be, and the sentence when it is not. */
#include "Support.h"

enum {
  DeviceCpu = kDLCPU,
  DeviceCudaHost = kDLCUDAHost,
  DeviceRocmHost = kDLROCMHost
};

static struct EffattnText blame(const struct EffattnCall *call, int is_output,
                                int32_t index) {
  struct EffattnText text = effattn_sentence(call->function->name);
  const struct EffattnArgument *arguments =
      is_output ? call->function->outputs : call->function->inputs;
  effattn_put_argument(&text, is_output, index, &arguments[index]);
  return text;
}

static int refuse(const struct EffattnCall *call, int is_output, int32_t index,
                  const char *reason) {
  struct EffattnText text = blame(call, is_output, index);
  effattn_put(&text, reason);
  return EffattnBadArgument;
}

static void put_sizes(struct EffattnText *text, int32_t rank,
                      const int64_t *sizes) {
  enum { MostShown = 16 }; /* a wild rank must not read far past the array */
  effattn_put(text, "[");
  for (int32_t d = 0; d < rank; ++d) {
    if (d)
      effattn_put(text, ", ");
    if (d == MostShown) {
      effattn_put(text, "...");
      break;
    }
    effattn_put_number(text, sizes[d]);
  }
  effattn_put(text, "]");
}

static void put_tensor(struct EffattnText *text, const DLTensor *tensor) {
  effattn_put_type(text, tensor->dtype.code, tensor->dtype.bits,
                   tensor->dtype.lanes);
  put_sizes(text, tensor->ndim, tensor->shape);
}

/* The shape of an argument as the signature has it, or with known sizes (-1
 * where data decides). */
static void put_expected(struct EffattnText *text,
                         const struct EffattnCall *call,
                         const struct EffattnArgument *argument,
                         const int64_t *known) {
  effattn_put_type(text, argument->code, argument->bits, 1);
  effattn_put(text, "[");
  for (int32_t d = 0; d < argument->rank; ++d) {
    int64_t size = known ? known[d] : argument->sizes[d];
    if (d)
      effattn_put(text, ", ");
    if (size >= 0)
      effattn_put_number(text, size);
    else if (known || size == EFFATTN_SIZE_FROM_DATA)
      effattn_put(text, "?");
    else
      effattn_put(text, call->function->symbols[-1 - size]);
  }
  effattn_put(text, "]");
}

static int accepts_type(const struct EffattnArgument *argument,
                        DLDataType type) {
  if (type.lanes != 1 || type.bits != argument->bits)
    return 0;
  /* Whether a byte of i8 has a sign is up to the op that reads it. */
  int takes_bytes = argument->code == EffattnCodeBool ||
                    (argument->code == kDLInt && argument->bits == 8);
  return type.code == argument->code || (takes_bytes && type.code == kDLUInt);
}

/* Records what the sizes say about symbols. Returns the dimension that
 * contradicts, or -1. */
static int32_t bind_symbols(struct EffattnCall *call, int32_t index,
                            const int64_t *sizes) {
  const struct EffattnArgument *argument = &call->function->inputs[index];
  for (int32_t d = 0; d < argument->rank; ++d) {
    int64_t size = argument->sizes[d];
    if (size < 0) {
      int64_t symbol = -1 - size;
      if (call->symbols[symbol] < 0) {
        call->symbols[symbol] = sizes[d];
        call->origins[symbol] = index;
      }
      size = call->symbols[symbol];
    }
    if (size != sizes[d])
      return d;
  }
  return -1;
}

static int refuse_input_shape(struct EffattnCall *call, int32_t index,
                              const DLTensor *tensor, int32_t dimension) {
  const struct EffattnFunction *function = call->function;
  const struct EffattnArgument *argument = &function->inputs[index];
  struct EffattnText text = blame(call, 0, index);
  effattn_put(&text, ": expected ");
  put_expected(&text, call, argument, NULL);
  if (dimension >= 0 && argument->sizes[dimension] < 0) {
    int64_t symbol = -1 - argument->sizes[dimension];
    effattn_put(&text, " with ");
    effattn_put(&text, function->symbols[symbol]);
    effattn_put(&text, " = ");
    effattn_put_number(&text, call->symbols[symbol]);
    effattn_put(&text, " as in ");
    if (call->origins[symbol] == index)
      effattn_put(&text, "an earlier dimension");
    else
      effattn_put_argument(&text, 0, (int32_t)call->origins[symbol],
                           &function->inputs[call->origins[symbol]]);
  }
  effattn_put(&text, ", but got ");
  put_tensor(&text, tensor);
  return EffattnBadArgument;
}

/* Whether a tensor is in the memory of the function's device. */
static int is_on_device(const struct EffattnCall *call,
                        const DLTensor *tensor) {
  const struct EffattnDevice *device = call->function->device;
  return device && device->tensors &&
         (int)tensor->device.device_type == device->tensors;
}

static int check_device(struct EffattnCall *call, int is_output, int32_t index,
                        const DLTensor *tensor) {
  const struct EffattnArgument *arguments =
      is_output ? call->function->outputs : call->function->inputs;
  int device = (int)tensor->device.device_type;
  if (device == DeviceCpu || device == DeviceCudaHost ||
      device == DeviceRocmHost)
    return EffattnDone;
  if (!is_on_device(call, tensor)) {
    struct EffattnText text = blame(call, is_output, index);
    effattn_put(&text, " is on a device of type ");
    effattn_put_number(&text, device);
    effattn_put(&text, " of DLPack, but must be in the memory of the host");
    return EffattnBadArgument;
  }
  if (tensor->device.device_id) {
    struct EffattnText text = blame(call, is_output, index);
    effattn_put(&text, " is on GPU ");
    effattn_put_number(&text, tensor->device.device_id);
    effattn_put(&text, ", but the function runs on GPU 0");
    return EffattnBadArgument;
  }
  if (arguments[index].by_value)
    return refuse(call, is_output, index,
                  " is on the GPU, but a scalar must be in the memory of the "
                  "host");
  if (arguments[index].callee_allocated)
    return refuse(call, is_output, index,
                  " is on the GPU, but the function allocates it in the memory "
                  "of the host");
  return EffattnDone;
}

static int check_pointers(struct EffattnCall *call, int is_output,
                          int32_t index, const DLTensor *tensor) {
  if (!tensor)
    return refuse(call, is_output, index, " is a null pointer");
  int code = check_device(call, is_output, index, tensor);
  if (code)
    return code;
  if (tensor->ndim < 0)
    return refuse(call, is_output, index, " has a negative rank");
  if (tensor->ndim > 0 && !tensor->shape)
    return refuse(call, is_output, index, " has no array of sizes");
  return EffattnDone;
}

static int check_not_negative(struct EffattnCall *call, int is_output,
                              int32_t index, const DLTensor *tensor) {
  for (int32_t d = 0; d < tensor->ndim; ++d)
    if (tensor->shape[d] < 0) {
      struct EffattnText text = blame(call, is_output, index);
      effattn_put(&text, " has a negative size: ");
      put_tensor(&text, tensor);
      return EffattnBadArgument;
    }
  return EffattnDone;
}

/* Fills the view except for its descriptor. Type and shape are right at this
 * point. */
static int describe(struct EffattnCall *call, int is_output, int32_t index,
                    const DLTensor *tensor, enum EffattnUse use,
                    struct EffattnView *view) {
  const struct EffattnArgument *argument = view->argument;
  int64_t element = effattn_element_bytes(argument), bytes = element;
  int overflow = 0;
  view->count = 1;
  for (int32_t d = 0; d < argument->rank; ++d) {
    view->sizes[d] = tensor->shape[d];
    view->count = view->sizes[d] ? view->count : 0;
  }
  for (int32_t d = 0; d < argument->rank && view->count; ++d)
    overflow |= __builtin_mul_overflow(bytes, view->sizes[d], &bytes);
  if (overflow) {
    struct EffattnText text = blame(call, is_output, index);
    effattn_put(&text, " has more bytes than an address can count: ");
    put_tensor(&text, tensor);
    return EffattnBadArgument;
  }
  if (view->count)
    view->count = bytes / element;
  if (tensor->strides)
    memcpy(view->strides, tensor->strides,
           (size_t)argument->rank * sizeof *view->strides);
  else
    effattn_row_major(argument->rank, view->sizes, view->strides);

  view->data =
      tensor->data
          ? (char *)((uintptr_t)tensor->data + (uintptr_t)tensor->byte_offset)
          : NULL;
  view->low = view->high = (uintptr_t)view->data;
  view->packed = NULL;
  view->on_device = is_on_device(call, tensor);
  if (!view->count || use == EffattnShapeOnly)
    return EffattnDone;
  if (!tensor->data)
    return refuse(call, is_output, index,
                  " has elements but a null data pointer");
  if (view->low % (uintptr_t)element) {
    struct EffattnText text = blame(call, is_output, index);
    effattn_put(
        &text, " is at an address that is not a multiple of its element size ");
    effattn_put_number(&text, element);
    return EffattnBadArgument;
  }
  int64_t below = 0, above = element;
  for (int32_t d = 0; d < argument->rank; ++d) {
    int64_t reach;
    if (view->sizes[d] <= 1)
      continue;
    overflow |= __builtin_mul_overflow(view->strides[d], element, &reach);
    overflow |= __builtin_mul_overflow(reach, view->sizes[d] - 1, &reach);
    overflow |= __builtin_add_overflow(*(reach < 0 ? &below : &above), reach,
                                       reach < 0 ? &below : &above);
  }
  overflow |= __builtin_add_overflow(view->low, (uintptr_t)above, &view->high);
  overflow |=
      __builtin_sub_overflow(view->low, 0 - (uintptr_t)below, &view->low);
  if (overflow)
    return refuse(call, is_output, index,
                  " has strides that reach past the end of the address space");
  int is_plain = below == 0 && effattn_is_innermost_contiguous(
                                   argument->rank, view->sizes, view->strides);
  if (view->on_device && !is_plain)
    return refuse(call, is_output, index,
                  " is on the GPU, where its innermost dimension must be "
                  "contiguous and no stride negative");
  return EffattnDone;
}

int effattn_check_input(struct EffattnCall *call, int32_t index,
                        const DLTensor *tensor, enum EffattnUse use) {
  struct EffattnView *view = &call->inputs[index];
  const struct EffattnArgument *argument = view->argument;
  int code = check_pointers(call, 0, index, tensor);
  if (code)
    return code;
  if (tensor->ndim != argument->rank || !accepts_type(argument, tensor->dtype))
    return refuse_input_shape(call, index, tensor, -1);
  if ((code = check_not_negative(call, 0, index, tensor)))
    return code;
  int32_t dimension = bind_symbols(call, index, tensor->shape);
  if (dimension >= 0)
    return refuse_input_shape(call, index, tensor, dimension);
  return describe(call, 0, index, tensor,
                  argument->by_value ? EffattnData : use, view);
}

/* Elements of a tensor that is written must not share memory. Sufficient:
 * ordered by stride, each dimension steps over all that the smaller ones reach.
 */
static int has_distinct_elements(const struct EffattnView *view) {
  int64_t order[EffattnMaxRank];
  int32_t count = 0;
  for (int32_t d = 0; d < view->argument->rank; ++d) {
    if (view->sizes[d] <= 1)
      continue;
    int32_t at = count++;
    for (; at > 0 && view->strides[order[at - 1]] > view->strides[d]; --at)
      order[at] = order[at - 1];
    order[at] = d;
  }
  int64_t reach = 0;
  for (int32_t i = 0; i < count; ++i) {
    int64_t d = order[i];
    if (view->strides[d] <= reach)
      return 0;
    reach += view->strides[d] * (view->sizes[d] - 1);
  }
  return 1;
}

/* A state of the device is copied as a whole. */
static int check_state(struct EffattnCall *call, int32_t index,
                       const struct EffattnView *view) {
  const struct EffattnArgument *argument = view->argument;
  if (argument->state < 0)
    return EffattnDone;
  const struct EffattnView *state = &call->inputs[argument->state];
  int is_apart = view->on_device != state->on_device;
  int is_plain =
      !view->on_device || effattn_same_memory(view, state) ||
      (effattn_is_row_major(argument->rank, view->sizes, view->strides) &&
       effattn_is_row_major(argument->rank, state->sizes, state->strides));
  if (!is_apart && is_plain)
    return EffattnDone;
  struct EffattnText text = blame(call, 1, index);
  effattn_put(&text, is_apart ? " must be in the same memory, of the host or "
                                "the GPU, as "
                              : " must be contiguous, or the memory of ");
  effattn_put_argument(&text, 0, argument->state, state->argument);
  effattn_put(&text, ", which it succeeds");
  return EffattnBadArgument;
}

int effattn_check_output(struct EffattnCall *call, int32_t index,
                         const DLTensor *tensor, const int64_t *sizes) {
  struct EffattnView *view = &call->outputs[index];
  const struct EffattnArgument *argument = view->argument;
  int code = check_pointers(call, 1, index, tensor);
  if (code)
    return code;
  int matches =
      tensor->ndim == argument->rank && accepts_type(argument, tensor->dtype);
  /* The callee writes the sizes of what it allocates. */
  for (int32_t d = 0;
       matches && !argument->callee_allocated && d < argument->rank; ++d)
    matches = tensor->shape[d] == sizes[d];
  if (!matches) {
    struct EffattnText text = blame(call, 1, index);
    effattn_put(&text, ": expected ");
    put_expected(&text, call, argument, sizes);
    effattn_put(&text, ", but got ");
    if (argument->callee_allocated) { /* its sizes mean nothing yet */
      effattn_put_type(&text, tensor->dtype.code, tensor->dtype.bits,
                       tensor->dtype.lanes);
      effattn_put(&text, " of rank ");
      effattn_put_number(&text, tensor->ndim);
    } else {
      put_tensor(&text, tensor);
    }
    return EffattnBadArgument;
  }
  if (argument->callee_allocated)
    return EffattnDone;
  if ((code = describe(call, 1, index, tensor, EffattnData, view)) ||
      !view->count)
    return code;
  for (int32_t d = 0; d < argument->rank; ++d)
    if (view->sizes[d] > 1 && view->strides[d] <= 0) {
      struct EffattnText text = blame(call, 1, index);
      effattn_put(&text, " has the stride ");
      effattn_put_number(&text, view->strides[d]);
      effattn_put(&text, " in dimension ");
      effattn_put_number(&text, d);
      effattn_put(&text, ", but strides of outputs must be positive");
      return EffattnBadArgument;
    }
  if (!has_distinct_elements(view))
    return refuse(call, 1, index,
                  " has strides that let its elements share memory");
  return check_state(call, index, view);
}

static int refuse_overlap(struct EffattnCall *call, int32_t output,
                          int is_output, int32_t other) {
  struct EffattnText text = blame(call, 1, output);
  effattn_put(&text, " overlaps ");
  effattn_put_argument(&text, is_output, other,
                       is_output ? &call->function->outputs[other]
                                 : &call->function->inputs[other]);
  if (!is_output && call->function->outputs[output].state == other)
    effattn_put(&text, " without having the same address and strides, as an "
                       "update in place needs");
  else
    effattn_put(
        &text,
        "; only a state may share the memory of the state that it succeeds");
  return EffattnBadArgument;
}

int effattn_check_overlaps(struct EffattnCall *call) {
  for (int32_t o = 0; o < call->function->output_count; ++o) {
    const struct EffattnView *view = &call->outputs[o];
    if (view->argument->callee_allocated)
      continue;
    for (int32_t i = 0; i < call->function->input_count; ++i) {
      if (view->argument->state == i &&
          effattn_same_memory(view, &call->inputs[i]))
        continue;
      if (effattn_may_overlap(view, &call->inputs[i]))
        return refuse_overlap(call, o, 0, i);
    }
    for (int32_t other = 0; other < o; ++other)
      if (!call->outputs[other].argument->callee_allocated &&
          effattn_may_overlap(view, &call->outputs[other]))
        return refuse_overlap(call, o, 1, other);
  }
  return EffattnDone;
}
