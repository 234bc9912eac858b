/* Support code embedded into every compiled module: private declarations.
 *
 * Freestanding C11: it is compiled to bitcode for every target that the
 * compiler can produce objects for, without that target's C library headers.
 * Everything but effattn_last_error and effattn_spans is hidden and internal to
 * the module it is linked into. docs/design/entry-points.md is the contract;
 * lib/Target/EmitEntryPoints.cpp emits the constants described here. */
#ifndef EFFATTN_RUNTIME_SUPPORT_H
#define EFFATTN_RUNTIME_SUPPORT_H

#include <dlpack/dlpack.h>
#include <stddef.h>
#include <stdint.h>

void *malloc(size_t size);
void *aligned_alloc(size_t alignment, size_t size);
void free(void *pointer);
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int byte, size_t size);

/* ---- What the compiler emits ---- */

/* A size of an argument: a static size, else -1 - symbol, else decided by data.
 */
#define EFFATTN_SIZE_FROM_DATA INT64_MIN
/* DLPack's code of bool, which old headers lack. */
enum { EffattnCodeBool = 6 };
/* The emitter refuses functions with arguments of a higher rank. */
enum { EffattnMaxRank = 32 };

struct EffattnArgument {
  const char *name;
  const int64_t *sizes;
  int32_t rank;
  int32_t state; /* outputs: the input that this one succeeds, else -1 */
  uint8_t code;  /* DLPack's type code */
  uint8_t bits;
  uint8_t by_value;
  uint8_t callee_allocated;
};

/* A field of a register of cpuid that must have a least value, and the register
 * state the system must save. */
struct EffattnCpuFeature {
  const char *name;
  uint32_t leaf, subleaf;
  uint32_t reg; /* 0..3: eax, ebx, ecx, edx */
  uint32_t shift, mask, minimum;
  uint32_t state; /* bits of XCR0 */
};

/* Where the memory is that a function computes in, when that is not the
 * host's. Functions that return an int return a code and leave the sentence. */
struct EffattnDevice {
  /* DLPack's type of the tensors that are in its memory; 0 without any. */
  int32_t tensors;
  /* Around every call. What follows is queued on a stream of the device. */
  int (*begin)(void *stream);
  void (*end)(void);
  /* NULL when there is not enough memory. */
  void *(*allocate)(uint64_t bytes);
  void (*release)(void *memory);
  /* From the host or the device. */
  int (*write)(void *device, const void *memory, int64_t bytes);
  /* Waits for every kernel launched before. */
  int (*read)(void *host, const void *device, int64_t bytes);
  int (*wait)(void);
};

struct EffattnFunction {
  const char *name;
  const struct EffattnArgument *inputs;
  const struct EffattnArgument *outputs;
  const char *const
      *symbols; /* those of the inputs first, in order of appearance */
  const struct EffattnCpuFeature *features;
  /* Runs the implementation. The array holds pointers to memref descriptors or
   * scalars: all inputs, the outputs of the caller that succeed no state, and,
   * when there are callee-allocated outputs, the memory for a struct of their
   * descriptors followed by the status. */
  int32_t (*compute)(void *const *arguments);
  /* Computes the sizes of all outputs; the last pointer is an int64_t array.
   * NULL when the table says all. */
  int32_t (*sizes)(void *const *arguments);
  const struct EffattnDevice *device; /* NULL for the host */
  int32_t input_count, output_count, symbol_count, input_symbol_count,
      feature_count;
};

/* ---- What compiled modules call ---- */

enum EffattnCode {
  EffattnDone = 0,
  EffattnBadArgument = 1,
  EffattnBadData = 2,
  EffattnOutOfMemory = 3,
  EffattnBadCpu = 4,
  EffattnBadDevice = 5,
};

int effattn_call(const struct EffattnFunction *function,
                 const DLTensor *const *inputs, DLTensor *const *outputs);
/* For a GPU: queues the work on a stream of the caller, and waits for it only
 * where the host needs what it gives: to look at a check, at a size that data
 * decides, at an output of the host. */
int effattn_call_on_stream(const struct EffattnFunction *function,
                           const DLTensor *const *inputs,
                           DLTensor *const *outputs, void *stream);
int effattn_output_shapes(const struct EffattnFunction *function,
                          const DLTensor *const *inputs,
                          int64_t *const *shapes);
int effattn_call_plain(const struct EffattnFunction *function,
                       const void *const *pointers, const int64_t *sizes);
int effattn_fail(int code, const char *format, const int64_t *arguments);
__attribute__((weak, visibility("default"))) const char *
effattn_last_error(void);

/* ---- Traced functions ---- */

/* An op that ran. Counts are -1 where they are not known. */
struct EffattnSpan {
  const char *name;   /* of the op */
  const char *place;  /* file:line:column in the source, or empty */
  int64_t begin, end; /* nanoseconds of the monotonic clock */
  int64_t flops, bytes;
};

/* Those of a thread, in the order in which they ended. Who takes the list owns
 * it (`free`) and leaves zeros here. Objects built by different versions share
 * it when linked together: neither struct ever changes. */
struct EffattnSpans {
  struct EffattnSpan *list;
  int64_t count, capacity;
  int64_t lost; /* for want of memory, or past 2^20 */
};

__attribute__((weak, visibility("default"))) struct EffattnSpans *
effattn_spans(void);
/* Nanoseconds of the monotonic clock. */
int64_t effattn_now(void);
/* Ends a span now. */
void effattn_record_span(int64_t begin, const char *name, const char *place,
                         int64_t flops, int64_t bytes);

void *_mlir_memref_to_llvm_alloc(uint64_t size);
void *_mlir_memref_to_llvm_aligned_alloc(uint64_t alignment, uint64_t size);
void _mlir_memref_to_llvm_free(void *pointer);

/* ---- Text ---- */

/* Objects built by different versions share one buffer when linked together:
 * this size never changes. */
enum { EffattnErrorSize = 1024 };

/* Appends to the thread's error text and cuts what does not fit. */
struct EffattnText {
  char *at, *end;
};

/* Starts a new sentence: `name: `, without the prefix when name is NULL. */
struct EffattnText effattn_sentence(const char *name);
/* The same with the name of the running function. */
struct EffattnText effattn_sentence_of_call(void);
void effattn_put(struct EffattnText *text, const char *part);
void effattn_put_number(struct EffattnText *text, int64_t number);
/* Appends `input 1 'k'`. */
void effattn_put_argument(struct EffattnText *text, int is_output,
                          int32_t index,
                          const struct EffattnArgument *argument);
/* Appends `f32`. */
void effattn_put_type(struct EffattnText *text, unsigned code, unsigned bits,
                      unsigned lanes);

/* ---- Memory of the running call ---- */

/* The state of the thread before a call, to be put back after it. */
struct EffattnFrame {
  const char *name;
  const struct EffattnDevice *device;
  int64_t mark;
};

/* What is allocated until the frame is left is memory of the device, or of the
 * host without one. */
struct EffattnFrame effattn_enter(const char *name,
                                  const struct EffattnDevice *device);
/* Releases everything the call allocated and still holds. */
void effattn_leave(struct EffattnFrame frame);
/* Whether the running call allocated this memory and still holds it. */
int effattn_holds(const void *pointer);
/* Makes memory of the running call plain memory that survives it. */
void effattn_hand_over(const void *pointer);
/* The opposite; 0 when there is no memory to remember it in. */
int effattn_adopt(void *pointer);

/* Scratch of an implementation, on the stack of its thread: models take
 * hundreds of small blocks a call, and a heap takes as long for those as some
 * of their ops. A block that is free is taken again where it is large enough,
 * and the last ones make room for others. */
enum {
  EffattnScratchBytes = 65536,
  EffattnScratchBlocks = 64,
  EffattnLargestBlock = 8192 /* to leave room for others */
};
struct EffattnScratch {
  _Alignas(64) char bytes[EffattnScratchBytes];
  uint32_t count;
  /* Where each block starts, and where the next one will; the lowest bit is set
   * for blocks that are free. */
  uint32_t starts[EffattnScratchBlocks + 1];
};

/* Lets the running call allocate from `scratch`, from the heap where it is NULL
 * or full, and returns what it had before. */
struct EffattnScratch *effattn_use_scratch(struct EffattnScratch *scratch);

/* ---- Tensors ---- */

/* A checked tensor. Its arrays live in the memory of the call. */
struct EffattnView {
  const struct EffattnArgument *argument;
  char *data;
  int64_t *sizes;
  int64_t *strides; /* in elements */
  int64_t count;
  uintptr_t low, high; /* the bytes between its lowest and past its highest
                          element; equal when it has none */
  int64_t *descriptor; /* allocated, aligned, offset, sizes, strides: what the
                          implementation sees */
  char *packed;  /* a temporary that stands in for the tensor, else NULL */
  int on_device; /* in the memory of the function's device already */
};

/* The calling thread's own stream: CU_STREAM_PER_THREAD. */
#define EFFATTN_STREAM_OF_THREAD ((void *)2)

/* A running call. */
struct EffattnCall {
  const struct EffattnFunction *function;
  struct EffattnView *inputs, *outputs;
  int64_t *symbols;      /* the value of each symbol, -1 when not known */
  int64_t *origins;      /* the input that fixed it, -1 when an output did */
  int64_t *output_sizes; /* of all outputs one after the other, -1 where data
                            decides */
  int64_t *results; /* descriptors of callee-allocated outputs and the status */
  void **arguments; /* of the thunks */
  void *stream;     /* of the device */
  int returns_early; /* without waiting for the stream */
};

/* Whether the data is about to be read or written, or only its type matters. */
enum EffattnUse { EffattnShapeOnly, EffattnData };

/* Hands out parts of one allocation; with a NULL base it only counts. */
struct EffattnArena {
  char *base;
  int64_t used;
};

void *effattn_take(struct EffattnArena *arena, int64_t bytes);

/* The stages of a call; each returns a code and leaves the sentence. */
int effattn_prepare(struct EffattnCall *call,
                    const struct EffattnFunction *function);
int effattn_check_inputs(struct EffattnCall *call,
                         const DLTensor *const *inputs, enum EffattnUse use);
int effattn_compute_sizes(struct EffattnCall *call);
int effattn_run(struct EffattnCall *call, DLTensor *const *outputs);
/* Runs the implementation on copies, in the device's memory, of all tensors
 * that are not there. */
int effattn_compute_on_device(struct EffattnCall *call);

int effattn_refuse_call(const struct EffattnFunction *function,
                        const char *reason);
int effattn_refuse_output(const struct EffattnFunction *function, int32_t index,
                          const char *reason);
int effattn_has_successor(const struct EffattnFunction *function,
                          int32_t input);
/* The argument is NULL when the memory was for the call itself. */
int effattn_out_of_memory(const struct EffattnFunction *function, int64_t bytes,
                          int is_output, int32_t index,
                          const struct EffattnArgument *argument);

/* Describes memory to the implementation. */
void effattn_fill_descriptor(struct EffattnView *view, char *data,
                             const int64_t *strides);

int effattn_check_input(struct EffattnCall *call, int32_t index,
                        const DLTensor *tensor, enum EffattnUse use);
/* `sizes` are those this output must have, -1 where data decides. */
int effattn_check_output(struct EffattnCall *call, int32_t index,
                         const DLTensor *tensor, const int64_t *sizes);
/* Refuses outputs that share memory with anything but the state they succeed.
 */
int effattn_check_overlaps(struct EffattnCall *call);
int effattn_check_cpu(const struct EffattnFunction *function);

/* Whether both views have the same elements at the same places. */
int effattn_same_memory(const struct EffattnView *left,
                        const struct EffattnView *right);
/* Whether an element of one may share a byte with an element of the other. May
 * err towards yes. */
int effattn_may_overlap(const struct EffattnView *left,
                        const struct EffattnView *right);

int64_t effattn_row_major(int32_t rank, const int64_t *sizes, int64_t *strides);
int effattn_is_row_major(int32_t rank, const int64_t *sizes,
                         const int64_t *strides);
/* Whether the innermost dimension is contiguous. */
int effattn_is_innermost_contiguous(int32_t rank, const int64_t *sizes,
                                    const int64_t *strides);
void effattn_copy(int32_t rank, const int64_t *sizes, char *to,
                  const int64_t *to_strides, const char *from,
                  const int64_t *from_strides, int64_t element);
/* Whether all bytes of a bool tensor are 0 or 1. */
int effattn_is_normal_bool(const struct EffattnView *view);
/* Makes every byte other than 0 a 1, in place. */
void effattn_normalise_bool(int32_t rank, const int64_t *sizes, char *data,
                            const int64_t *strides);

static inline int64_t
effattn_element_bytes(const struct EffattnArgument *argument) {
  return argument->bits / 8;
}

#endif
