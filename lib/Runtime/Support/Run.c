/* The second half of a call: check the outputs, pack, run, hand over. */
#include "Support.h"

static int check_outputs(struct EffattnCall *call, DLTensor *const *outputs) {
  const struct EffattnFunction *function = call->function;
  const int64_t *sizes = call->output_sizes;
  if (!outputs && function->output_count)
    return effattn_refuse_call(function,
                               "the array of outputs is a null pointer");
  for (int32_t o = 0; o < function->output_count; ++o) {
    int code = effattn_check_output(call, o, outputs[o], sizes);
    if (code)
      return code;
    sizes += function->outputs[o].rank;
  }
  return effattn_check_overlaps(call);
}

/* Gives the tensor a packed temporary. Outer broadcast dimensions stay
 * broadcast and cost no memory. */
static int pack(struct EffattnCall *call, int is_output, int32_t index,
                struct EffattnView *view) {
  int32_t rank = view->argument->rank;
  int64_t element = effattn_element_bytes(view->argument),
          sizes[EffattnMaxRank], strides[EffattnMaxRank];
  for (int32_t d = 0; d < rank; ++d)
    sizes[d] = d + 1 < rank && view->strides[d] == 0 && view->sizes[d] > 1
                   ? 1
                   : view->sizes[d];
  int64_t bytes = effattn_row_major(rank, sizes, strides) * element;
  view->packed = _mlir_memref_to_llvm_alloc((uint64_t)bytes);
  if (!view->packed)
    return effattn_out_of_memory(call->function, bytes, is_output, index,
                                 view->argument);
  for (int32_t d = 0; d < rank; ++d)
    if (sizes[d] != view->sizes[d])
      strides[d] = 0;
  effattn_fill_descriptor(view, view->packed, strides);
  if (!is_output)
    effattn_copy(rank, sizes, view->packed, strides, view->data, view->strides,
                 element);
  return EffattnDone;
}

static int stands_packed(const struct EffattnCall *call, int is_output,
                         const struct EffattnView *view) {
  int32_t rank = view->argument->rank;
  if (!view->count || view->on_device)
    return 0;
  if (!effattn_is_innermost_contiguous(rank, view->sizes, view->strides))
    return 1;
  if (!call->function->device)
    return 0;
  /* A device gets the bytes from the first element to the last, and what it
   * gives back may not cover bytes of somebody else. */
  int is_backward = 0;
  for (int32_t d = 0; d < rank; ++d)
    is_backward |= view->sizes[d] > 1 && view->strides[d] < 0;
  return is_backward ||
         (is_output && !effattn_is_row_major(rank, view->sizes, view->strides));
}

/* A temporary of an output has the strides of its descriptor. */
static const int64_t *descriptor_strides(const struct EffattnView *view) {
  return view->descriptor + 3 + view->argument->rank;
}

int effattn_has_successor(const struct EffattnFunction *function,
                          int32_t input) {
  for (int32_t o = 0; o < function->output_count; ++o)
    if (function->outputs[o].state == input)
      return 1;
  return 0;
}

static int prepare_input(struct EffattnCall *call, int32_t index) {
  struct EffattnView *view = &call->inputs[index];
  const struct EffattnArgument *argument = view->argument;
  /* A scalar is normalised where it is loaded; of a state the implementation
   * sees the output's memory. */
  if (argument->by_value || effattn_has_successor(call->function, index))
    return EffattnDone;
  /* On the device, bytes of a bool are taken to be 0 or 1. */
  int is_bool = argument->code == EffattnCodeBool && !view->on_device &&
                !effattn_is_normal_bool(view);
  if (!is_bool && !stands_packed(call, 0, view))
    return EffattnDone;
  int code = pack(call, 0, index, view);
  if (!code && is_bool) {
    int64_t sizes[EffattnMaxRank];
    for (int32_t d = 0; d < argument->rank; ++d)
      sizes[d] = view->sizes[d] > 1 && descriptor_strides(view)[d] == 0
                     ? 1
                     : view->sizes[d];
    effattn_normalise_bool(argument->rank, sizes, view->packed,
                           descriptor_strides(view));
  }
  return code;
}

/* Where the implementation works on this output. */
static int prepare_output(struct EffattnCall *call, int32_t index) {
  struct EffattnView *view = &call->outputs[index];
  const struct EffattnArgument *argument = view->argument;
  effattn_fill_descriptor(view, view->data, view->strides);
  int code =
      stands_packed(call, 1, view) ? pack(call, 1, index, view) : EffattnDone;
  if (code || argument->state < 0)
    return code;
  const struct EffattnView *state = &call->inputs[argument->state];
  call->arguments[argument->state] = view->descriptor;
  if (view->on_device) /* copied there */
    return EffattnDone;
  char *data = view->packed ? view->packed : view->data;
  if (view->packed || !effattn_same_memory(view, state))
    effattn_copy(argument->rank, view->sizes, data, descriptor_strides(view),
                 state->data, state->strides, effattn_element_bytes(argument));
  if (argument->code == EffattnCodeBool)
    effattn_normalise_bool(argument->rank, view->sizes, data,
                           descriptor_strides(view));
  return EffattnDone;
}

/* `scratch` holds what the implementation gives, until that is settled. */
static int compute(struct EffattnCall *call, struct EffattnScratch *scratch) {
  const struct EffattnFunction *function = call->function;
  int32_t count = function->input_count;
  int code;
  for (int32_t i = 0; i < function->input_count; ++i)
    if ((code = prepare_input(call, i)))
      return code;
  for (int32_t o = 0; o < function->output_count; ++o) {
    const struct EffattnArgument *argument = &function->outputs[o];
    if (argument->callee_allocated)
      continue;
    if ((code = prepare_output(call, o)))
      return code;
    if (argument->state < 0)
      call->arguments[count++] = call->outputs[o].descriptor;
  }
  call->arguments[count] = call->results;
  if (function->device) {
    code = effattn_compute_on_device(call);
  } else {
    scratch->count = scratch->starts[0] = 0;
    struct EffattnScratch *outer = effattn_use_scratch(scratch);
    code = function->compute(call->arguments);
    effattn_use_scratch(outer);
  }
  if (code && !*effattn_last_error()) {
    struct EffattnText text = effattn_sentence(function->name);
    effattn_put(&text, "failed with the code ");
    effattn_put_number(&text, code);
  }
  return code;
}

/* Makes sure that each callee-allocated result is memory of its own that `free`
 * takes. */
static int settle_results(struct EffattnCall *call) {
  const struct EffattnFunction *function = call->function;
  const int64_t *words = call->results;
  for (int32_t o = 0; o < function->output_count; ++o) {
    struct EffattnView *view = &call->outputs[o];
    int32_t rank = view->argument->rank;
    if (!view->argument->callee_allocated)
      continue;
    int64_t element = effattn_element_bytes(view->argument);
    const int64_t *strides = words + 3 + rank;
    char *own = (char *)(uintptr_t)words[0];
    const char *data = (const char *)(uintptr_t)words[1] + words[2] * element;
    memcpy(view->sizes, words + 3, (size_t)rank * sizeof *view->sizes);
    view->count = effattn_row_major(rank, view->sizes, view->strides);
    int keeps = own == data && (uintptr_t)own % 64 == 0 &&
                effattn_is_row_major(rank, view->sizes, strides) &&
                effattn_holds(own);
    for (int32_t other = 0; other < o;
         ++other) /* two results may be views of one allocation */
      keeps &= call->outputs[other].packed != own;
    view->packed =
        keeps ? own
              : _mlir_memref_to_llvm_alloc((uint64_t)(view->count * element));
    if (!view->packed)
      return effattn_out_of_memory(function, view->count * element, 1, o,
                                   view->argument);
    if (!keeps)
      effattn_copy(rank, view->sizes, view->packed, view->strides, data,
                   strides, element);
    words += 3 + 2 * rank;
  }
  return EffattnDone;
}

/* Nothing fails from here on. */
static void publish(struct EffattnCall *call, DLTensor *const *outputs) {
  for (int32_t o = 0; o < call->function->output_count; ++o) {
    struct EffattnView *view = &call->outputs[o];
    const struct EffattnArgument *argument = view->argument;
    int32_t rank = argument->rank;
    if (!view->packed)
      continue;
    if (!argument->callee_allocated) {
      effattn_copy(rank, view->sizes, view->data, view->strides, view->packed,
                   descriptor_strides(view), effattn_element_bytes(argument));
      continue;
    }
    effattn_hand_over(view->packed);
    outputs[o]->data = view->packed;
    outputs[o]->byte_offset = 0;
    memcpy(outputs[o]->shape, view->sizes, (size_t)rank * sizeof *view->sizes);
    if (outputs[o]->strides)
      memcpy(outputs[o]->strides, view->strides,
             (size_t)rank * sizeof *view->strides);
  }
}

int effattn_run(struct EffattnCall *call, DLTensor *const *outputs) {
  struct EffattnScratch scratch;
  int code = check_outputs(call, outputs);
  if (!code)
    code = compute(call, &scratch);
  if (!code)
    code = settle_results(call);
  if (!code)
    publish(call, outputs);
  return code;
}
