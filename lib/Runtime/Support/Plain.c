/* The entry for contiguous tensors given as pointers and sizes. */
#include "Support.h"

/* Contiguous tensors for the pointers of the plain form. */
struct PlainTensors {
  DLTensor *tensors;
  const DLTensor **inputs;
  DLTensor **outputs;
};

static void place_tensors(struct EffattnArena *arena,
                          const struct EffattnFunction *function,
                          struct PlainTensors *plain) {
  int32_t inputs = function->input_count, outputs = function->output_count;
  plain->tensors =
      effattn_take(arena, (inputs + outputs) * (int64_t)sizeof(DLTensor));
  plain->inputs = effattn_take(arena, inputs * (int64_t)sizeof(DLTensor *));
  plain->outputs = effattn_take(arena, outputs * (int64_t)sizeof(DLTensor *));
  for (int32_t i = 0; i < inputs + outputs; ++i) {
    const struct EffattnArgument *argument =
        i < inputs ? &function->inputs[i] : &function->outputs[i - inputs];
    int64_t *shape = effattn_take(arena, argument->rank * 8);
    if (!plain->tensors)
      continue;
    DLTensor *tensor = &plain->tensors[i];
    tensor->data = NULL;
    tensor->device.device_type = kDLCPU;
    tensor->device.device_id = 0;
    tensor->ndim = argument->rank;
    tensor->dtype.code = argument->code;
    tensor->dtype.bits = argument->bits;
    tensor->dtype.lanes = 1;
    tensor->shape = shape;
    tensor->strides = NULL;
    tensor->byte_offset = 0;
    if (i < inputs)
      plain->inputs[i] = tensor;
    else
      plain->outputs[i - inputs] = tensor;
  }
}

static int prepare_plain(struct PlainTensors *plain,
                         const struct EffattnFunction *function) {
  struct EffattnArena arena = {NULL, 0};
  place_tensors(&arena, function, plain);
  int64_t bytes = arena.used;
  arena.base = _mlir_memref_to_llvm_alloc((uint64_t)bytes);
  if (!arena.base)
    return effattn_out_of_memory(function, bytes, 0, 0, NULL);
  arena.used = 0;
  place_tensors(&arena, function, plain);
  return EffattnDone;
}

static void set_plain_inputs(struct PlainTensors *plain,
                             const struct EffattnFunction *function,
                             const void *const *pointers,
                             const int64_t *sizes) {
  for (int32_t i = 0; i < function->input_count; ++i) {
    plain->tensors[i].data = (void *)(uintptr_t)pointers[i];
    for (int32_t d = 0; d < function->inputs[i].rank; ++d) {
      int64_t size = function->inputs[i].sizes[d];
      plain->tensors[i].shape[d] = size < 0 ? sizes[-1 - size] : size;
    }
  }
}

/* Sets the outputs to the sizes that the function computed, and fails on a null
 * pointer. */
static int set_plain_outputs(struct PlainTensors *plain,
                             const struct EffattnCall *call,
                             const void *const *pointers) {
  const struct EffattnFunction *function = call->function;
  const int64_t *sizes = call->output_sizes;
  for (int32_t o = 0; o < function->output_count; ++o) {
    const struct EffattnArgument *argument = &function->outputs[o];
    if (argument->callee_allocated) {
      if (!pointers[0] || !pointers[1])
        return effattn_refuse_output(
            function, o, " has a null pointer for its data or its sizes");
      pointers += 2;
    } else {
      plain->outputs[o]->data = (void *)(uintptr_t)*pointers++;
      memcpy(plain->outputs[o]->shape, sizes,
             (size_t)argument->rank * sizeof *sizes);
    }
    sizes += argument->rank;
  }
  return EffattnDone;
}

static void publish_plain(const struct PlainTensors *plain,
                          const struct EffattnFunction *function,
                          const void *const *pointers) {
  for (int32_t o = 0; o < function->output_count; ++o) {
    const struct EffattnArgument *argument = &function->outputs[o];
    if (!argument->callee_allocated) {
      ++pointers;
      continue;
    }
    const DLTensor *tensor = plain->outputs[o];
    memcpy((void *)(uintptr_t)pointers[0], &tensor->data, sizeof tensor->data);
    memcpy((void *)(uintptr_t)pointers[1], tensor->shape,
           (size_t)argument->rank * sizeof *tensor->shape);
    pointers += 2;
  }
}

int effattn_call_plain(const struct EffattnFunction *function,
                       const void *const *pointers, const int64_t *sizes) {
  struct EffattnCall call = {.stream = EFFATTN_STREAM_OF_THREAD};
  struct PlainTensors plain;
  const void *const *output_pointers = pointers + function->input_count;
  int code = effattn_check_cpu(function);
  if (code)
    return code;
  struct EffattnFrame outer = effattn_enter(function->name, NULL);
  code = effattn_prepare(&call, function);
  if (!code)
    code = prepare_plain(&plain, function);
  if (!code) {
    set_plain_inputs(&plain, function, pointers, sizes);
    code = effattn_check_inputs(&call, plain.inputs, EffattnData);
  }
  if (!code)
    code = effattn_compute_sizes(&call);
  if (!code)
    code = set_plain_outputs(&plain, &call, output_pointers);
  if (!code)
    code = effattn_run(&call, plain.outputs);
  if (!code)
    publish_plain(&plain, function, output_pointers);
  effattn_leave(outer);
  return code;
}
