// RUN: clang -std=c11 -O1 -g -Wall -Wextra -Werror \
// RUN:   -fsanitize=address,undefined -fno-sanitize-recover=undefined \
// RUN:   -D_GNU_SOURCE -Daligned_alloc=failing_aligned_alloc \
// RUN:   -Dmalloc=failing_malloc -I%source_dir/lib/Runtime/Support %s \
// RUN:   %source_dir/lib/Runtime/Support/*.c -lpthread -o %t
// RUN: %t | FileCheck %s --check-prefixes=HEAP,CHECK
// RUN: clang -std=c11 -O1 -g -Wall -Wextra -Werror \
// RUN:   -fsanitize=undefined -fno-sanitize-recover=undefined \
// RUN:   -D_GNU_SOURCE -Daligned_alloc=failing_aligned_alloc \
// RUN:   -Dmalloc=failing_malloc -I%source_dir/lib/Runtime/Support %s \
// RUN:   %source_dir/lib/Runtime/Support/*.c -lpthread -o %t
// RUN: %t | FileCheck %s --check-prefixes=STACK,CHECK
// HEAP: scratch is of the heap
// STACK: scratch is of the stack
// CHECK: all support checks hold

/* The support code against good and bad tensors.
 *
 * Built with sanitizers from the sources that become bitcode, with
 * aligned_alloc and malloc replaced by versions that fail on demand; prints
 * what is wrong. */
#include "Inputs/check.h"
#include <pthread.h>
#include <stdlib.h>

/* ---- Allocators that fail after a number of successes ---- */

static _Thread_local int allocations_left = -1;

static int may_allocate(void) {
  if (allocations_left > 0)
    --allocations_left;
  return allocations_left != 0;
}

void *failing_aligned_alloc(size_t alignment, size_t size) {
  return may_allocate() ? aligned_alloc(alignment, size) : NULL;
}

void *failing_malloc(size_t size) {
  return may_allocate() ? malloc(size) : NULL;
}

/* ---- A function like a compiled one ----
 * out[b,t,e] = scale * q[b,t,e] where mask[b,t], else 0; memory[b,m] += 1;
 * concepts: the kept rows of batch 0. */

struct Descriptor {
  char *allocated, *aligned;
  int64_t offset, dims[];
};

static float *row3(const struct Descriptor *d, int64_t b, int64_t t) {
  return (float *)(void *)d->aligned + d->offset + b * d->dims[3] +
         t * d->dims[4];
}

enum { GoWrong, ReturnView, ReturnInput, ReturnTwice, Leak, Quiet };
static _Thread_local int mode = -1;

static int32_t mix_compute(void *const *arguments) {
  const struct Descriptor *q = arguments[0], *mask = arguments[2],
                          *memory = arguments[3], *out = arguments[4];
  float scale = *(const float *)arguments[1];
  int64_t batch = q->dims[0], tokens = q->dims[1], kept = 0;
  int64_t *results = arguments[5];
  CHECK(q->dims[5] == 1 && out->dims[5] == 1 && memory->dims[3] == 1);
  float *concepts = _mlir_memref_to_llvm_aligned_alloc(
      16, (uint64_t)(tokens + 1) * 4 * sizeof(float));
  if (!concepts)
    return effattn_fail(3, "no memory for {0} rows", &tokens);
  if (mode == Quiet)
    return 7;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t < tokens; ++t) {
      uint8_t keep = (uint8_t)mask->aligned[b * mask->dims[2] + t];
      CHECK(keep <= 1);
      for (int e = 0; e < 4; ++e) {
        row3(out, b, t)[e] = keep ? scale * row3(q, b, t)[e] : 0;
        if (keep && b == 0)
          concepts[kept * 4 + e] = row3(q, b, t)[e];
      }
      kept += keep && b == 0;
    }
  if (mode == GoWrong) {
    int64_t values[] = {kept, -3, INT64_MIN};
    return effattn_fail(2, "{0} rows {kept}, not {1} or {2} {", values);
  }
  for (int64_t b = 0; b < memory->dims[0]; ++b)
    for (int64_t m = 0; m < memory->dims[1]; ++m)
      ((float *)(void *)memory->aligned)[b * memory->dims[2] + m] += 1;
  if (mode == Leak)
    CHECK(_mlir_memref_to_llvm_alloc(100));
  char *data = (char *)concepts;
  if (mode == ReturnInput)
    data = q->aligned, kept = 1;
  results[0] = (int64_t)(uintptr_t)data;
  results[1] = (int64_t)(uintptr_t)data;
  results[2] = mode == ReturnView ? 4 : 0;
  results[3] = mode == ReturnView ? kept - 1 : kept;
  results[4] = results[5] = 4;
  results[6] = 1;
  int64_t *second = results + 7;
  if (mode == ReturnTwice) {
    memcpy(second, results, 7 * sizeof *second);
  } else {
    second[0] = second[1] = (int64_t)(uintptr_t)_mlir_memref_to_llvm_alloc(0);
    if (!second[0])
      return effattn_fail(3, "no memory", NULL);
    second[2] = second[3] = 0;
    second[4] = second[5] = 4;
    second[6] = 1;
  }
  return 0;
}

static int32_t mix_sizes(void *const *arguments) {
  const struct Descriptor *q = arguments[0], *memory = arguments[3];
  int64_t *sizes = arguments[4];
  int64_t values[] = {
      q->dims[0], q->dims[1], 4, memory->dims[0], memory->dims[1], -1,
      4,          -1,         4};
  memcpy(sizes, values, sizeof values);
  return 0;
}

enum { B = -1, T = -2, M = -3 };
static const int64_t q_sizes[] = {B, T, 4}, mask_sizes[] = {B, T},
                     memory_sizes[] = {B, M},
                     concept_sizes[] = {EFFATTN_SIZE_FROM_DATA, 4};
static const struct EffattnArgument mix_inputs[] = {
    {"q", q_sizes, 3, -1, kDLFloat, 32, 0, 0},
    {"scale", NULL, 0, -1, kDLFloat, 32, 1, 0},
    {"mask", mask_sizes, 2, -1, EffattnCodeBool, 8, 0, 0},
    {"memory", memory_sizes, 2, -1, kDLFloat, 32, 0, 0}};
static const struct EffattnArgument mix_outputs[] = {
    {"out", q_sizes, 3, -1, kDLFloat, 32, 0, 0},
    {"memory_out", memory_sizes, 2, 3, kDLFloat, 32, 0, 0},
    {"concepts", concept_sizes, 2, -1, kDLFloat, 32, 0, 1},
    {"rest", concept_sizes, 2, -1, kDLFloat, 32, 0, 1}};
static const char *const symbols[] = {"B", "T", "M"};
static struct EffattnFunction mix = {
    "mix", mix_inputs, mix_outputs, symbols, NULL, mix_compute, mix_sizes, NULL,
    4,     4,          3,           3,       0};

/* A device whose memory the host could read, but for the tensors of the caller:
 * those it never sees. */
static _Thread_local int64_t device_buffers;
static int device_begin(void *stream) {
  CHECK(stream != NULL);
  return device_buffers == 0 ? 0 : 5;
}
static void device_end(void) { CHECK(device_buffers == 0); }
static void *device_allocate(uint64_t bytes) {
  void *memory = failing_aligned_alloc(64, (bytes + 63) / 64 * 64);
  device_buffers += memory != NULL;
  return memory;
}
static void device_release(void *memory) {
  free(memory);
  --device_buffers;
}
static int device_write(void *device, const void *host, int64_t bytes) {
  memcpy(device, host, (size_t)bytes);
  return 0;
}
static int device_read(void *host, const void *device, int64_t bytes) {
  memcpy(host, device, (size_t)bytes);
  return 0;
}
static int device_wait(void) { return EffattnDone; }

static const struct EffattnDevice device = {0,
                                            device_begin,
                                            device_end,
                                            device_allocate,
                                            device_release,
                                            device_write,
                                            device_read,
                                            device_wait};

/* ---- A good call, to be spoiled ---- */

enum { Batch = 2, Tokens = 3, Slots = 5, Room = 64 };

struct Arguments {
  _Alignas(64) float q[Room];
  float scale, memory[Room], out[Room], memory_out[Room];
  uint8_t mask[Room];
  int64_t shapes[8][4], strides[8][4];
  DLTensor tensors[8];
  const DLTensor *inputs[4];
  DLTensor *outputs[4];
};

static void set_tensor(struct Arguments *a, int index, void *data, int code,
                       int bits, int rank, int64_t s0, int64_t s1, int64_t s2) {
  int64_t shape[] = {s0, s1, s2};
  memcpy(a->shapes[index], shape, sizeof shape);
  DLTensor tensor = {data,
                     {kDLCPU, 0},
                     rank,
                     {(uint8_t)code, (uint8_t)bits, 1},
                     a->shapes[index],
                     NULL,
                     0};
  a->tensors[index] = tensor;
  if (index < 4)
    a->inputs[index] = &a->tensors[index];
  else
    a->outputs[index - 4] = &a->tensors[index];
}

static void set_arguments(struct Arguments *a) {
  memset(a, 0, sizeof *a);
  for (int i = 0; i < Room; ++i) {
    a->q[i] = (float)i;
    a->memory[i] = (float)(100 + i);
    a->mask[i] = i % 2 == 0;
    a->out[i] = a->memory_out[i] = -1;
  }
  a->scale = 2;
  set_tensor(a, 0, a->q, kDLFloat, 32, 3, Batch, Tokens, 4);
  set_tensor(a, 1, &a->scale, kDLFloat, 32, 0, 0, 0, 0);
  set_tensor(a, 2, a->mask, EffattnCodeBool, 8, 2, Batch, Tokens, 0);
  set_tensor(a, 3, a->memory, kDLFloat, 32, 2, Batch, Slots, 0);
  set_tensor(a, 4, a->out, kDLFloat, 32, 3, Batch, Tokens, 4);
  set_tensor(a, 5, a->memory_out, kDLFloat, 32, 2, Batch, Slots, 0);
  set_tensor(a, 6, NULL, kDLFloat, 32, 2, -7, -7, 0);
  set_tensor(a, 7, NULL, kDLFloat, 32, 2, -7, -7, 0);
}

static int call(struct Arguments *a) {
  return effattn_call(&mix, a->inputs, a->outputs);
}

static void release(struct Arguments *a) {
  free(a->tensors[6].data);
  free(a->tensors[7].data);
}

/* Element b, t, e of a tensor of the caller. */
static float at(const DLTensor *tensor, const int64_t *strides, int64_t b,
                int64_t t, int64_t e) {
  return *((const float *)(const void *)((const char *)tensor->data +
                                         tensor->byte_offset) +
           b * strides[0] + t * strides[1] + e * strides[2]);
}

static void check_results(struct Arguments *a, const char *name) {
  static const int64_t row_major[] = {Tokens * 4, 4, 1};
  current = name;
  const int64_t *strides = a->tensors[4].strides ? a->strides[4] : row_major;
  for (int64_t b = 0; b < Batch; ++b)
    for (int64_t t = 0; t < Tokens; ++t)
      for (int64_t e = 0; e < 4; ++e) {
        float keep = (b * Tokens + t) % 2 == 0 ? 2 : 0;
        CHECK(at(&a->tensors[4], strides, b, t, e) ==
              keep * (float)((b * Tokens + t) * 4 + e));
      }
  CHECK(a->shapes[6][0] == 2 && a->shapes[6][1] == 4);
  CHECK(a->shapes[7][0] == 0 && a->shapes[7][1] == 4);
  const float *concepts = a->tensors[6].data;
  CHECK(concepts && (uintptr_t)concepts % 64 == 0);
  CHECK(concepts[0] == 0 && concepts[4] == 8 && concepts[7] == 11);
  CHECK(a->tensors[7].data);
}

static void check_memory(const float *memory) {
  for (int i = 0; i < Batch * Slots; ++i)
    CHECK(memory[i] == (float)(101 + i));
}

static void good_calls(void) {
  struct Arguments a;
  current = "row-major";
  set_arguments(&a);
  CHECK(call(&a) == 0);
  check_results(&a, current);
  check_memory(a.memory_out);
  CHECK(a.memory[0] == 100);
  CHECK(*effattn_last_error() == 0);
  release(&a);

  current = "state in place, uint8 mask of any bytes, byte offset";
  set_arguments(&a);
  a.tensors[5].data = a.memory;
  a.tensors[2].dtype.code = kDLUInt;
  for (int i = 0; i < Room; ++i)
    a.mask[i] = i % 2 == 0 ? (uint8_t)(1 + i) : 0;
  a.tensors[0].data = (char *)a.q - 8;
  a.tensors[0].byte_offset = 8;
  a.tensors[6].strides = a.strides[6];
  CHECK(call(&a) == 0);
  check_results(&a, current);
  check_memory(a.memory);
  CHECK(a.strides[6][0] == 4 && a.strides[6][1] == 1);
  CHECK(a.mask[0] == 1 && a.mask[2] == 3);
  release(&a);

  current = "strided query, output and state";
  set_arguments(&a);
  for (int i = 0; i < Batch * Tokens * 4; ++i) /* last dimension backwards */
    a.q[2 * (i / 4 * 4 + 3 - i % 4)] = (float)i;
  a.tensors[0].data = a.q + 6;
  a.tensors[0].strides = a.strides[0];
  a.strides[0][0] = Tokens * 8, a.strides[0][1] = 8, a.strides[0][2] = -2;
  a.tensors[4].strides = a.strides[4];
  a.strides[4][0] = 1, a.strides[4][1] = 2, a.strides[4][2] = 6;
  a.tensors[5].data = a.memory;
  a.tensors[3].strides = a.tensors[5].strides = a.strides[5];
  a.strides[5][0] = 1, a.strides[5][1] = 2;
  CHECK(call(&a) == 0);
  check_results(&a, current);
  check_memory(a.memory);
  release(&a);

  current = "broadcast query";
  set_arguments(&a);
  a.tensors[0].strides = a.strides[0];
  CHECK(call(&a) == 0);
  CHECK(a.out[0] == 0 && a.out[4 * 2 + 3] == 0);
  release(&a);

  current = "broadcast rows, strided columns";
  set_arguments(&a);
  a.tensors[0].strides = a.strides[0];
  a.strides[0][2] = 3;
  CHECK(call(&a) == 0);
  CHECK(a.out[0] == 0 && a.out[3] == 18 && a.out[4 * 2 + 1] == 6);
  release(&a);

  current = "columns of one buffer";
  set_arguments(&a);
  a.tensors[0].strides = a.strides[0];
  a.tensors[4].strides = a.strides[4];
  for (int i = 0; i < 2; ++i) {
    int64_t strides[] = {8 * Tokens, 8, 1};
    memcpy(a.strides[4 * i], strides, sizeof strides);
  }
  a.tensors[4].data = a.q + 4;
  CHECK(call(&a) == 0);
  CHECK(a.q[8 * 2 + 4 + 3] == 2 * (8 * 2 + 3));
  release(&a);

  current = "no elements";
  set_arguments(&a);
  a.shapes[0][1] = a.shapes[2][1] = a.shapes[4][1] = 0;
  a.tensors[0].data = a.tensors[2].data = a.tensors[4].data = NULL;
  CHECK(call(&a) == 0);
  CHECK(a.shapes[6][0] == 0 && a.tensors[6].data);
  check_memory(a.memory_out);
  release(&a);

  current = "null strides of size-1 dimensions are not looked at";
  set_arguments(&a);
  a.shapes[0][0] = a.shapes[2][0] = a.shapes[3][0] = a.shapes[4][0] =
      a.shapes[5][0] = 1;
  a.tensors[4].strides = a.strides[4];
  a.strides[4][0] = -9, a.strides[4][1] = 4, a.strides[4][2] = 1;
  CHECK(call(&a) == 0);
  CHECK(a.out[8] == 16);
  release(&a);
}

static void odd_results(void) {
  struct Arguments a;
  static const struct {
    int mode;
    const char *name;
    int64_t rows;
    float first;
  } cases[] = {{ReturnView, "a view of the result", 1, 8},
               {ReturnInput, "memory of the caller", 1, 0},
               {ReturnTwice, "two results in one allocation", 2, 0},
               {Leak, "memory the function forgot", 2, 0}};
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; ++i) {
    current = cases[i].name;
    mode = cases[i].mode;
    set_arguments(&a);
    CHECK(call(&a) == 0);
    const float *concepts = a.tensors[6].data;
    CHECK(a.shapes[6][0] == cases[i].rows && concepts[0] == cases[i].first);
    CHECK(concepts[1] == cases[i].first + 1);
    CHECK((void *)concepts != (void *)a.q && concepts != a.tensors[7].data);
    release(&a);
  }
  current = "a failing function";
  mode = GoWrong;
  set_arguments(&a);
  CHECK(call(&a) == 2);
  check_text("mix: 2 rows {kept}, not -3 or -9223372036854775808 {");
  CHECK(!a.tensors[6].data);
  current = "a function that fails without a sentence";
  mode = Quiet;
  CHECK(call(&a) == 7);
  check_text("mix: failed with the code 7");
  mode = -1;
}

/* ---- Bad tensors ---- */

#define SPOIL(name, ...)                                                       \
  static void name(struct Arguments *a) { __VA_ARGS__; }

SPOIL(null_tensor, a->inputs[0] = NULL)
SPOIL(null_output, a->outputs[1] = NULL)
SPOIL(on_gpu, a->tensors[0].device.device_type = kDLCUDA)
SPOIL(wrong_rank, a->tensors[0].ndim = 2)
SPOIL(negative_rank, a->tensors[0].ndim = -1)
SPOIL(wrong_type, a->tensors[0].dtype.code = kDLBfloat;
      a->tensors[0].dtype.bits = 16)
SPOIL(lanes, a->tensors[0].dtype.lanes = 2)
SPOIL(unknown_type, a->tensors[0].dtype.code = 9)
SPOIL(wrong_static, a->shapes[0][2] = 5)
SPOIL(wrong_symbol, a->shapes[2][1] = 4)
SPOIL(negative_size, a->shapes[0][1] = -1)
SPOIL(no_shape, a->tensors[0].shape = NULL)
SPOIL(too_large, a->shapes[0][0] = a->shapes[0][1] = (int64_t)1 << 31)
SPOIL(null_data, a->tensors[3].data = NULL)
SPOIL(null_scalar, a->tensors[1].data = NULL)
SPOIL(misaligned, a->tensors[0].byte_offset = 2)
SPOIL(far_strides, a->tensors[0].strides = a->strides[0];
      a->strides[0][0] = INT64_MAX / 2)
SPOIL(wrong_output, a->shapes[4][1] = 2)
SPOIL(reversed_output, a->tensors[4].strides = a->strides[4];
      a->strides[4][0] = 12; a->strides[4][1] = 4; a->strides[4][2] = -1;
      a->tensors[4].data = a->out + 3)
SPOIL(folded_output, a->tensors[4].strides = a->strides[4];
      a->strides[4][0] = 12; a->strides[4][1] = 2; a->strides[4][2] = 1)
SPOIL(same_as_input, a->tensors[4].data = a->q)
SPOIL(shifted_state, a->tensors[5].data = a->memory + 1)
SPOIL(same_as_output, a->tensors[4].data = a->memory_out)
SPOIL(concepts_rank, a->tensors[6].ndim = 3)
SPOIL(concepts_shape, a->tensors[6].shape = NULL)
SPOIL(wild_rank, a->tensors[1].ndim = 20; a->tensors[1].shape = a->shapes[0])

static const struct {
  void (*spoil)(struct Arguments *);
  const char *sentence;
} bad_calls[] = {
    {null_tensor, "mix: input 0 'q' is a null pointer"},
    {null_output, "mix: output 1 'memory_out' is a null pointer"},
    {on_gpu, "mix: input 0 'q' is on a device of type 2 of DLPack, but must be "
             "in the memory of the host"},
    {wrong_rank, "mix: input 0 'q': expected f32[B, T, 4], but got f32[2, 3]"},
    {negative_rank, "mix: input 0 'q' has a negative rank"},
    {wrong_type,
     "mix: input 0 'q': expected f32[B, T, 4], but got bf16[2, 3, 4]"},
    {lanes, "mix: input 0 'q': expected f32[B, T, 4], but got f32x2[2, 3, 4]"},
    {unknown_type,
     "mix: input 0 'q': expected f32[B, T, 4], but got type9_32[2, 3, 4]"},
    {wrong_static,
     "mix: input 0 'q': expected f32[B, T, 4], but got f32[2, 3, 5]"},
    {wrong_symbol, "mix: input 2 'mask': expected bool[B, T] with T = 3 as in "
                   "input 0 'q', but got bool[2, 4]"},
    {negative_size, "mix: input 0 'q' has a negative size: f32[2, -1, 4]"},
    {no_shape, "mix: input 0 'q' has no array of sizes"},
    {too_large, "mix: input 0 'q' has more bytes than an address can count: "
                "f32[2147483648, 2147483648, 4]"},
    {null_data, "mix: input 3 'memory' has elements but a null data pointer"},
    {null_scalar, "mix: input 1 'scale' has elements but a null data pointer"},
    {misaligned, "mix: input 0 'q' is at an address that is not a multiple of "
                 "its element size 4"},
    {far_strides, "mix: input 0 'q' has strides that reach past the end of the "
                  "address space"},
    {wrong_output,
     "mix: output 0 'out': expected f32[2, 3, 4], but got f32[2, 2, 4]"},
    {reversed_output, "mix: output 0 'out' has the stride -1 in dimension 2, "
                      "but strides of outputs must be positive"},
    {folded_output,
     "mix: output 0 'out' has strides that let its elements share memory"},
    {same_as_input,
     "mix: output 0 'out' overlaps input 0 'q'; only a state may share the "
     "memory of the state that it succeeds"},
    {shifted_state,
     "mix: output 1 'memory_out' overlaps input 3 'memory' without having the "
     "same address and strides, as an update in place needs"},
    {same_as_output,
     "mix: output 1 'memory_out' overlaps output 0 'out'; only a state may "
     "share the memory of the state that it succeeds"},
    {concepts_rank, "mix: output 2 'concepts': expected f32[?, 4], but got f32 "
                    "of rank 3"},
    {concepts_shape, "mix: output 2 'concepts' has no array of sizes"},
    {wild_rank, "mix: input 1 'scale': expected f32[], but got f32[2, 3, 4, 0, "
                "0, 0, 0, 0, 2, 3, 0, 0, 2, 5, 0, 0, ...]"},
};

static void bad_tensors(void) {
  struct Arguments a;
  for (unsigned i = 0; i < sizeof bad_calls / sizeof *bad_calls; ++i) {
    current = bad_calls[i].sentence;
    set_arguments(&a);
    bad_calls[i].spoil(&a);
    CHECK(call(&a) == 1);
    check_text(bad_calls[i].sentence);
    CHECK(!a.tensors[6].data && a.memory[0] == 100 && a.memory_out[0] == -1);
  }
  current = "null arrays";
  CHECK(effattn_call(&mix, NULL, a.outputs) == 1);
  check_text("mix: the array of inputs is a null pointer");
  set_arguments(&a);
  CHECK(effattn_call(&mix, a.inputs, NULL) == 1);
  check_text("mix: the array of outputs is a null pointer");
}

/* ---- Shapes, plain form, scalars ---- */

static void shapes(void) {
  struct Arguments a;
  int64_t sizes[4][3];
  int64_t *const pointers[] = {sizes[0], sizes[1], sizes[2], sizes[3]};
  current = "output shapes need no data";
  set_arguments(&a);
  a.tensors[0].data = NULL;
  CHECK(effattn_output_shapes(&mix, a.inputs, pointers) == 0);
  CHECK(sizes[0][0] == 2 && sizes[0][1] == 3 && sizes[0][2] == 4);
  CHECK(*effattn_last_error() == 0);
  CHECK(sizes[1][1] == 5 && sizes[2][0] == -1 && sizes[2][1] == 4);
  CHECK(effattn_output_shapes(&mix, a.inputs, NULL) == 1);
  check_text("mix: the array of shapes is a null pointer");
  int64_t *const partly[] = {sizes[0], NULL, sizes[2], sizes[3]};
  CHECK(effattn_output_shapes(&mix, a.inputs, partly) == 1);
  check_text("mix: output 1 'memory_out' has a null pointer for its shape");
}

static int32_t wrong_sizes(void *const *arguments) {
  mix_sizes(arguments);
  ((int64_t *)arguments[4])[1] -= 1;
  return 0;
}

static int32_t negative_sizes(void *const *arguments) {
  mix_sizes(arguments);
  ((int64_t *)arguments[4])[1] -= 5;
  return 0;
}

static void computed_sizes(void) {
  struct Arguments a;
  struct EffattnFunction function = mix;
  set_arguments(&a);
  function.sizes = wrong_sizes;
  CHECK(effattn_call(&function, a.inputs, a.outputs) == 1);
  check_text("mix: output 0 'out' has the size 2 in dimension 1 for these "
             "inputs, but its signature says T = 3");
  function.sizes = negative_sizes;
  CHECK(effattn_call(&function, a.inputs, a.outputs) == 1);
  check_text("mix: output 0 'out' would have the negative size -2 in dimension "
             "1");
  current = "sizes from the signature alone";
  function.sizes = NULL;
  CHECK(effattn_call(&function, a.inputs, a.outputs) == 0);
  check_results(&a, current);
  release(&a);
}

static void plain(void) {
  struct Arguments a;
  float *concepts = NULL, *rest = NULL;
  int64_t concept_shape[2], rest_shape[2];
  int64_t sizes[] = {Batch, Tokens, Slots};
  set_arguments(&a);
  const void *pointers[] = {a.q,   &a.scale,  a.mask,    a.memory,
                            a.out, a.memory,  &concepts, concept_shape,
                            &rest, rest_shape};
  current = "plain";
  CHECK(effattn_call_plain(&mix, pointers, sizes) == 0);
  CHECK(concept_shape[0] == 2 && concept_shape[1] == 4 && concepts[4] == 8);
  CHECK(rest_shape[0] == 0 && rest);
  check_memory(a.memory);
  free(concepts);
  free(rest);
  pointers[7] = NULL;
  CHECK(effattn_call_plain(&mix, pointers, sizes) == 1);
  check_text("mix: output 2 'concepts' has a null pointer for its data or its "
             "sizes");
  pointers[7] = concept_shape;
  sizes[1] = -4;
  CHECK(effattn_call_plain(&mix, pointers, sizes) == 1);
  check_text("mix: input 0 'q' has a negative size: f32[2, -4, 4]");
  pointers[0] = NULL;
  sizes[1] = Tokens;
  CHECK(effattn_call_plain(&mix, pointers, sizes) == 1);
  check_text("mix: input 0 'q' has elements but a null data pointer");
}

/* Every allocation of a call fails in turn: no crash, no leak. */
static void allocations_fail(void) {
  struct Arguments a;
  int allocations = 0, code;
  current = "allocations that fail";
  do {
    set_arguments(&a);
    a.tensors[0].strides = a.strides[0]; /* a packed query */
    allocations_left = ++allocations;
    code = call(&a);
    allocations_left = -1;
    CHECK(code == 0 || code == 3);
    CHECK(code == 0 || strncmp(effattn_last_error(), "mix: ", 5) == 0);
    CHECK(code == 0 || !a.tensors[6].data);
  } while (code && allocations < 20);
  /* The call, the packed query and two results; with a device four copies and
   * both results once more, on the host. */
  CHECK(allocations == (mix.device ? 11 : 5));
  release(&a);
  allocations_left = 1;
  CHECK(call(&a) == 3);
  allocations_left = -1;
}

/* ---- The list of allocations ---- */

static int32_t many_compute(void *const *arguments) {
  enum { Many = 1000 };
  static _Thread_local void *held[Many];
  (void)arguments;
  for (int i = 0; i < Many; ++i)
    CHECK((held[i] = _mlir_memref_to_llvm_alloc((uint64_t)i)));
  for (int i = 0; i < Many; i += 3)
    _mlir_memref_to_llvm_free(held[i]);
  for (int i = 0; i < 100000; ++i) { /* each new one before the old one goes */
    void *next = _mlir_memref_to_llvm_alloc(1);
    _mlir_memref_to_llvm_free(held[1]);
    held[1] = next;
  }
  CHECK(!_mlir_memref_to_llvm_alloc(UINT64_MAX));
  CHECK(!_mlir_memref_to_llvm_alloc((uint64_t)PTRDIFF_MAX - 3));
  CHECK(!_mlir_memref_to_llvm_aligned_alloc((uint64_t)1 << 63, 1));
  void *aligned = _mlir_memref_to_llvm_aligned_alloc(4096, 1);
  CHECK((uintptr_t)aligned % 4096 == 0);
  _mlir_memref_to_llvm_free(NULL);
  return effattn_fail(2, "enough", NULL);
}

static const struct EffattnFunction many = {
    "many", NULL, NULL, NULL, NULL, many_compute, NULL, NULL, 0, 0, 0, 0, 0};

static int32_t nested_compute(void *const *arguments) {
  CHECK(_mlir_memref_to_llvm_alloc(1));
  CHECK(effattn_call(&many, NULL, NULL) == 2);
  void *pointer = _mlir_memref_to_llvm_alloc(1);
  CHECK(pointer && many_compute(arguments) == 2);
  _mlir_memref_to_llvm_free(pointer);
  return 0;
}

static void allocation_list(void) {
  struct EffattnFunction nested = many;
  current = "allocation list";
  nested.compute = nested_compute;
  CHECK(effattn_call(&many, NULL, NULL) == 2);
  check_text("many: enough");
  CHECK(effattn_call(&nested, NULL, NULL) == 0);
  void *outside = _mlir_memref_to_llvm_alloc(10);
  _mlir_memref_to_llvm_free(outside);
}

/* ---- Scratch on the stack ---- */

static struct EffattnScratch scratch;

/* Blocks of the running call: on the stack where that is used at all. */
static int is_scratch(const void *pointer) {
  uintptr_t start = (uintptr_t)pointer - (uintptr_t)scratch.bytes;
  return start < sizeof scratch.bytes;
}

static void *take(uint64_t bytes) {
  char *block = _mlir_memref_to_llvm_alloc(bytes);
  CHECK(block && (uintptr_t)block % 64 == 0);
  memset(block, 1, bytes);
  return block;
}

static void scratch_blocks(void) {
  current = "scratch on the stack";
  scratch.count = scratch.starts[0] = 0;
  CHECK(!effattn_use_scratch(&scratch));
  void *any = take(1);
  int is_used = is_scratch(any); /* not with AddressSanitizer */
  puts(is_used ? "scratch is of the stack" : "scratch is of the heap");
  _mlir_memref_to_llvm_free(any);
  if (!is_used)
    return (void)effattn_use_scratch(NULL);
  char *first = take(100), *second = take(0), *third = take(1000);
  CHECK(is_scratch(first) && second == first + 128 && third == second + 64);
  _mlir_memref_to_llvm_free(first);
  _mlir_memref_to_llvm_free(second);
  CHECK(take(129) == third + 1024); /* fits none that is free */
  CHECK(take(128) == first && take(64) == second);
  _mlir_memref_to_llvm_free(third);
  _mlir_memref_to_llvm_free(third + 1024); /* the last ones make room */
  CHECK(take(5000) == third);
  void *large = take(EffattnLargestBlock + 1);
  void *aligned = _mlir_memref_to_llvm_aligned_alloc(4096, 1);
  CHECK(!is_scratch(large) && !is_scratch(aligned));
  _mlir_memref_to_llvm_free(large);
  _mlir_memref_to_llvm_free(aligned);
  char *blocks[EffattnScratchBlocks + 1];
  for (uint64_t bytes = 64; bytes <= EffattnLargestBlock; bytes *= 128) {
    int count = 0; /* full, by number and by size */
    while (is_scratch(blocks[count] = take(bytes)))
      ++count;
    CHECK(bytes == 64
              ? scratch.count == EffattnScratchBlocks
              : scratch.starts[scratch.count] + bytes > EffattnScratchBytes);
    for (; count >= 0; --count)
      _mlir_memref_to_llvm_free(blocks[count]);
  }
  CHECK(effattn_use_scratch(NULL) == &scratch);
}

static void long_sentence(void) {
  static char name[3000];
  memset(name, 'x', sizeof name - 1);
  current = "a sentence longer than the buffer";
  CHECK(effattn_fail(2, name, NULL) == 2);
  CHECK(strlen(effattn_last_error()) == EffattnErrorSize - 1);
}

/* ---- CPU features ---- */

static void cpu_features(void) {
#ifdef __x86_64__
  struct Arguments a;
  /* Every x86-64 has SSE2; no CPU has leaf 0x7fffffff. */
  static const struct EffattnCpuFeature sse2[] = {
      {"sse2", 1, 0, 3, 26, 1, 1, 0}};
  static const struct EffattnCpuFeature none[] = {
      {"sse2", 1, 0, 3, 26, 1, 1, 0}, {"sse9", 0x7fffffff, 0, 1, 3, 1, 1, 0}};
  static const struct EffattnCpuFeature state[] = {
      {"sse2", 1, 0, 3, 26, 1, 1, 1u << 31}};
  struct EffattnFunction function = mix;
  current = "CPU features";
  set_arguments(&a);
  function.features = sse2;
  function.feature_count = 1;
  for (int i = 0; i < 2; ++i) {
    CHECK(effattn_call(&function, a.inputs, a.outputs) == 0);
    release(&a);
  }
  function.features = none;
  function.feature_count = 2;
  CHECK(effattn_call(&function, a.inputs, a.outputs) == 4);
  check_text("mix: this object needs the CPU feature sse9, which this machine "
             "lacks");
  function.features = state;
  function.feature_count = 1;
  CHECK(effattn_call(&function, a.inputs, a.outputs) == 4);
#endif
}

/* ---- Two threads with different errors ---- */

static void *thread_main(void *unused) {
  struct Arguments a;
  (void)unused;
  current = "threads";
  CHECK(*effattn_last_error() == 0);
  for (int i = 0; i < 2000; ++i) {
    const unsigned which = (unsigned)i % (sizeof bad_calls / sizeof *bad_calls);
    set_arguments(&a);
    bad_calls[which].spoil(&a);
    CHECK(call(&a) == 1);
    check_text(bad_calls[which].sentence);
    set_arguments(&a);
    CHECK(call(&a) == 0);
    release(&a);
  }
  CHECK(effattn_call(&many, NULL, NULL) == 2);
  return (void *)(uintptr_t)(unsigned)failures;
}

static void threads(void) {
  pthread_t ids[3];
  for (int i = 0; i < 3; ++i)
    pthread_create(&ids[i], NULL, thread_main, NULL);
  for (int i = 0; i < 3; ++i) {
    void *count;
    pthread_join(ids[i], &count);
    failures += (int)(uintptr_t)count;
  }
}

int main(void) {
  for (int i = 0; i < 2; ++i) {
    mix.device = i ? &device : NULL;
    good_calls();
    odd_results();
    bad_tensors();
    shapes();
    computed_sizes();
    plain();
    allocations_fail();
  }
  mix.device = NULL;
  allocation_list();
  scratch_blocks();
  long_sentence();
  cpu_features();
  threads();
  if (!failures)
    puts("all support checks hold");
  return failures != 0;
}
