/* The first half of a call: its memory, the checks of inputs, the sizes of
 * outputs. */
#include "Support.h"

int effattn_out_of_memory(const struct EffattnFunction *function, int64_t bytes,
                          int is_output, int32_t index,
                          const struct EffattnArgument *argument) {
  struct EffattnText text = effattn_sentence(function->name);
  effattn_put(&text, "out of memory: cannot allocate ");
  effattn_put_number(&text, bytes);
  effattn_put(&text, " bytes for ");
  if (argument)
    effattn_put_argument(&text, is_output, index, argument);
  else
    effattn_put(&text, "the call");
  return EffattnOutOfMemory;
}

int effattn_refuse_call(const struct EffattnFunction *function,
                        const char *reason) {
  struct EffattnText text = effattn_sentence(function->name);
  effattn_put(&text, reason);
  return EffattnBadArgument;
}

int effattn_refuse_output(const struct EffattnFunction *function, int32_t index,
                          const char *reason) {
  struct EffattnText text = effattn_sentence(function->name);
  effattn_put_argument(&text, 1, index, &function->outputs[index]);
  effattn_put(&text, reason);
  return EffattnBadArgument;
}

void *effattn_take(struct EffattnArena *arena, int64_t bytes) {
  void *part = arena->base ? arena->base + arena->used : NULL;
  arena->used += (bytes + 7) & ~(int64_t)7;
  return part;
}

static struct EffattnView *
place_views(struct EffattnArena *arena, int32_t count,
            const struct EffattnArgument *arguments) {
  struct EffattnView *views =
      effattn_take(arena, count * (int64_t)sizeof *views);
  for (int32_t i = 0; i < count; ++i) {
    int32_t rank = arguments[i].rank;
    int64_t *sizes = effattn_take(arena, rank * 8),
            *strides = effattn_take(arena, rank * 8);
    int64_t *descriptor = effattn_take(arena, (3 + 2 * rank) * 8);
    if (!views)
      continue;
    views[i].argument = &arguments[i];
    views[i].sizes = sizes;
    views[i].strides = strides;
    views[i].descriptor = descriptor;
  }
  return views;
}

static void place_call(struct EffattnArena *arena, struct EffattnCall *call) {
  const struct EffattnFunction *function = call->function;
  int64_t results = 1, dimensions = 0;
  for (int32_t i = 0; i < function->output_count; ++i) {
    dimensions += function->outputs[i].rank;
    if (function->outputs[i].callee_allocated)
      results += 3 + 2 * function->outputs[i].rank;
  }
  call->inputs = place_views(arena, function->input_count, function->inputs);
  call->outputs = place_views(arena, function->output_count, function->outputs);
  call->symbols = effattn_take(arena, function->symbol_count * 8);
  call->origins = effattn_take(arena, function->symbol_count * 8);
  call->output_sizes = effattn_take(arena, dimensions * 8);
  call->results = effattn_take(arena, results * 8);
  call->arguments =
      effattn_take(arena, (function->input_count + function->output_count + 1) *
                              (int64_t)sizeof(void *));
}

/* The memory belongs to the call and goes with it. */
int effattn_prepare(struct EffattnCall *call,
                    const struct EffattnFunction *function) {
  struct EffattnArena arena = {NULL, 0};
  effattn_sentence(NULL); /* a call that succeeds leaves no sentence */
  call->function = function;
  place_call(&arena, call);
  int64_t bytes = arena.used;
  arena.base = _mlir_memref_to_llvm_alloc((uint64_t)bytes);
  if (!arena.base)
    return effattn_out_of_memory(function, bytes, 0, 0, NULL);
  memset(arena.base, 0, (size_t)bytes);
  arena.used = 0;
  place_call(&arena, call);
  for (int32_t s = 0; s < function->symbol_count; ++s)
    call->symbols[s] = call->origins[s] = -1;
  return EffattnDone;
}

/* Describes memory to the implementation, which wants an innermost stride of 1
 * even where it plays no role. */
void effattn_fill_descriptor(struct EffattnView *view, char *data,
                             const int64_t *strides) {
  int32_t rank = view->argument->rank;
  int64_t *words = view->descriptor;
  words[0] = words[1] = (int64_t)(uintptr_t)data;
  words[2] = 0;
  for (int32_t d = 0; d < rank; ++d) {
    words[3 + d] = view->sizes[d];
    words[3 + rank + d] = strides[d];
  }
  if (rank && view->sizes[rank - 1] <= 1)
    words[3 + 2 * rank - 1] = 1;
}

int effattn_check_inputs(struct EffattnCall *call,
                         const DLTensor *const *inputs, enum EffattnUse use) {
  const struct EffattnFunction *function = call->function;
  if (!inputs && function->input_count)
    return effattn_refuse_call(function,
                               "the array of inputs is a null pointer");
  for (int32_t i = 0; i < function->input_count; ++i) {
    struct EffattnView *view = &call->inputs[i];
    int code = effattn_check_input(call, i, inputs[i], use);
    if (code)
      return code;
    effattn_fill_descriptor(view, view->data, view->strides);
    call->arguments[i] = view->argument->by_value ? (void *)view->data
                                                  : (void *)view->descriptor;
  }
  return EffattnDone;
}

/* What the signature says about a size that the function computes. Returns
 * whether they agree. */
static int agree_on_size(struct EffattnCall *call, int32_t output,
                         int32_t dimension, int64_t *computed) {
  const struct EffattnArgument *argument = &call->function->outputs[output];
  int64_t size = argument->sizes[dimension];
  if (size == EFFATTN_SIZE_FROM_DATA) {
    *computed = -1;
    return 1;
  }
  if (size < 0) {
    int64_t symbol = -1 - size;
    if (call->symbols[symbol] < 0)
      call->symbols[symbol] = *computed;
    size = call->symbols[symbol];
  }
  return *computed == size;
}

int effattn_compute_sizes(struct EffattnCall *call) {
  const struct EffattnFunction *function = call->function;
  int64_t *sizes = call->output_sizes;
  call->arguments[function->input_count] = sizes;
  if (function->sizes) {
    int code = function->sizes(call->arguments);
    if (code)
      return code;
  }
  for (int32_t o = 0; o < function->output_count; ++o) {
    const struct EffattnArgument *argument = &function->outputs[o];
    for (int32_t d = 0; d < argument->rank; ++d, ++sizes) {
      int64_t expected = argument->sizes[d];
      if (!function->sizes)
        *sizes = expected >= 0 ? expected
                 : expected == EFFATTN_SIZE_FROM_DATA
                     ? -1
                     : call->symbols[-1 - expected];
      if (expected != EFFATTN_SIZE_FROM_DATA && *sizes < 0) {
        struct EffattnText text = effattn_sentence(function->name);
        effattn_put_argument(&text, 1, o, argument);
        effattn_put(&text, " would have the negative size ");
        effattn_put_number(&text, *sizes);
        effattn_put(&text, " in dimension ");
        effattn_put_number(&text, d);
        return EffattnBadArgument;
      }
      if (agree_on_size(call, o, d, sizes))
        continue;
      struct EffattnText text = effattn_sentence(function->name);
      effattn_put_argument(&text, 1, o, argument);
      effattn_put(&text, " has the size ");
      effattn_put_number(&text, *sizes);
      effattn_put(&text, " in dimension ");
      effattn_put_number(&text, d);
      effattn_put(&text, " for these inputs, but its signature says ");
      if (expected < 0) {
        effattn_put(&text, function->symbols[-1 - expected]);
        effattn_put(&text, " = ");
        expected = call->symbols[-1 - expected];
      }
      effattn_put_number(&text, expected);
      return EffattnBadArgument;
    }
  }
  return EffattnDone;
}
