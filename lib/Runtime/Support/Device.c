/* A call whose implementation computes in the memory of a device. */
#include "Support.h"

/* Bytes from the first element that a descriptor shows to behind its last;
 * strides are not negative. */
static int64_t extent(const struct EffattnArgument *argument,
                      const int64_t *descriptor) {
  const int64_t *sizes = descriptor + 3, *strides = sizes + argument->rank;
  int64_t last = 0;
  for (int32_t d = 0; d < argument->rank; ++d) {
    if (sizes[d] <= 0)
      return 0;
    last += (sizes[d] - 1) * strides[d];
  }
  return (last + 1) * effattn_element_bytes(argument);
}

static char *host_memory(const struct EffattnView *view) {
  return view->packed ? view->packed : view->data;
}

static int copy_to_device(struct EffattnCall *call, int is_output,
                          int32_t index, struct EffattnView *view,
                          int has_content) {
  if (view->on_device)
    return EffattnDone;
  int64_t bytes = extent(view->argument, view->descriptor);
  void *copy = _mlir_memref_to_llvm_alloc((uint64_t)bytes);
  if (!copy)
    return effattn_out_of_memory(call->function, bytes, is_output, index,
                                 view->argument);
  view->descriptor[0] = view->descriptor[1] = (int64_t)(uintptr_t)copy;
  if (!bytes || !has_content)
    return EffattnDone;
  return call->function->device->write(copy, host_memory(view), bytes);
}

/* Puts a state of the device where its successor is to be. */
static int move_state(struct EffattnCall *call,
                      const struct EffattnView *view) {
  const struct EffattnView *state = &call->inputs[view->argument->state];
  if (!view->count || effattn_same_memory(view, state))
    return EffattnDone;
  return call->function->device->write(
      view->data, state->data,
      view->count * effattn_element_bytes(view->argument));
}

static int copy_all_to_device(struct EffattnCall *call) {
  const struct EffattnFunction *function = call->function;
  int code = EffattnDone;
  for (int32_t i = 0; i < function->input_count && !code; ++i)
    if (!function->inputs[i].by_value && !effattn_has_successor(function, i))
      code = copy_to_device(call, 0, i, &call->inputs[i], 1);
  for (int32_t o = 0; o < function->output_count && !code; ++o)
    if (call->outputs[o].on_device && function->outputs[o].state >= 0)
      code = move_state(call, &call->outputs[o]);
    else if (!function->outputs[o].callee_allocated)
      code = copy_to_device(call, 1, o, &call->outputs[o],
                            function->outputs[o].state >= 0);
  return code;
}

static int copy_outputs_back(struct EffattnCall *call) {
  const struct EffattnFunction *function = call->function;
  int code = EffattnDone;
  for (int32_t o = 0; o < function->output_count && !code; ++o) {
    const struct EffattnView *view = &call->outputs[o];
    int64_t bytes = view->argument->callee_allocated || view->on_device
                        ? 0
                        : extent(view->argument, view->descriptor);
    if (bytes)
      code = function->device->read(
          host_memory(view), (const void *)(uintptr_t)view->descriptor[1],
          bytes);
  }
  return code;
}

/* Puts a result that the implementation allocated into memory of the host. */
static int fetch_result(struct EffattnCall *call, int32_t index,
                        int64_t *descriptor) {
  const struct EffattnFunction *function = call->function;
  const struct EffattnArgument *argument = &function->outputs[index];
  int64_t element = effattn_element_bytes(argument),
          bytes = extent(argument, descriptor);
  const char *device =
      (const char *)(uintptr_t)descriptor[1] + descriptor[2] * element;
  char *host = _mlir_memref_to_llvm_alloc((uint64_t)bytes);
  if (!host)
    return effattn_out_of_memory(function, bytes, 1, index, argument);
  effattn_hand_over(host); /* it outlives the frame of the device */
  descriptor[0] = descriptor[1] = (int64_t)(uintptr_t)host;
  descriptor[2] = 0;
  return bytes ? function->device->read(host, device, bytes) : EffattnDone;
}

/* How many results were fetched. */
static int32_t fetch_results(struct EffattnCall *call, int *code) {
  const struct EffattnFunction *function = call->function;
  struct EffattnFrame device = effattn_enter(function->name, NULL);
  int64_t *descriptor = call->results;
  int32_t count = 0;
  for (int32_t o = 0; o < function->output_count && !*code; ++o) {
    if (!function->outputs[o].callee_allocated)
      continue;
    *code = fetch_result(call, o, descriptor);
    descriptor += 3 + 2 * function->outputs[o].rank;
    count += *code != EffattnOutOfMemory;
  }
  effattn_leave(device);
  return count;
}

/* Makes fetched results memory of the call, as if it had allocated them on the
 * host. */
static int adopt_results(struct EffattnCall *call, int32_t count) {
  const struct EffattnFunction *function = call->function;
  int64_t *descriptor = call->results;
  int code = EffattnDone;
  for (int32_t o = 0; o < function->output_count && count; ++o) {
    if (!function->outputs[o].callee_allocated)
      continue;
    void *memory = (void *)(uintptr_t)descriptor[0];
    if (!effattn_adopt(memory)) {
      free(memory);
      code = effattn_out_of_memory(function, sizeof memory, 1, o,
                                   &function->outputs[o]);
    }
    descriptor += 3 + 2 * function->outputs[o].rank;
    --count;
  }
  return code;
}

int effattn_compute_on_device(struct EffattnCall *call) {
  const struct EffattnFunction *function = call->function;
  int code = function->device->begin(call->stream);
  if (code)
    return code;
  struct EffattnFrame outer = effattn_enter(function->name, function->device);
  code = copy_all_to_device(call);
  if (!code)
    code = function->compute(call->arguments);
  if (!code)
    code = copy_outputs_back(call);
  int32_t fetched = code ? 0 : fetch_results(call, &code);
  if (!code && !call->returns_early)
    code = function->device->wait();
  effattn_leave(outer);
  function->device->end();
  int adopted = adopt_results(call, fetched);
  return code ? code : adopted;
}
