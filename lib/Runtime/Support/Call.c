/* The entries over DLPack. */
#include "Support.h"

static int run(struct EffattnCall *call, const struct EffattnFunction *function,
               const DLTensor *const *inputs, DLTensor *const *outputs) {
  int code = effattn_check_cpu(function);
  if (code)
    return code;
  struct EffattnFrame outer = effattn_enter(function->name, NULL);
  code = effattn_prepare(call, function);
  if (!code)
    code = effattn_check_inputs(call, inputs, EffattnData);
  if (!code)
    code = effattn_compute_sizes(call);
  if (!code)
    code = effattn_run(call, outputs);
  effattn_leave(outer);
  return code;
}

int effattn_call(const struct EffattnFunction *function,
                 const DLTensor *const *inputs, DLTensor *const *outputs) {
  struct EffattnCall call = {.stream = EFFATTN_STREAM_OF_THREAD};
  return run(&call, function, inputs, outputs);
}

int effattn_call_on_stream(const struct EffattnFunction *function,
                           const DLTensor *const *inputs,
                           DLTensor *const *outputs, void *stream) {
  struct EffattnCall call = {.stream = stream, .returns_early = 1};
  return run(&call, function, inputs, outputs);
}

static int write_shapes(const struct EffattnCall *call,
                        int64_t *const *shapes) {
  const struct EffattnFunction *function = call->function;
  const int64_t *sizes = call->output_sizes;
  if (!shapes && function->output_count)
    return effattn_refuse_call(function,
                               "the array of shapes is a null pointer");
  for (int32_t o = 0; o < function->output_count; ++o) {
    int32_t rank = function->outputs[o].rank;
    if (!rank)
      continue;
    if (!shapes[o])
      return effattn_refuse_output(function, o,
                                   " has a null pointer for its shape");
    memcpy(shapes[o], sizes, (size_t)rank * sizeof *sizes);
    sizes += rank;
  }
  return EffattnDone;
}

int effattn_output_shapes(const struct EffattnFunction *function,
                          const DLTensor *const *inputs,
                          int64_t *const *shapes) {
  struct EffattnCall call;
  int code = effattn_check_cpu(function);
  if (code)
    return code;
  struct EffattnFrame outer = effattn_enter(function->name, NULL);
  code = effattn_prepare(&call, function);
  if (!code)
    code = effattn_check_inputs(&call, inputs, EffattnShapeOnly);
  if (!code)
    code = effattn_compute_sizes(&call);
  if (!code)
    code = write_shapes(&call, shapes);
  effattn_leave(outer);
  return code;
}
