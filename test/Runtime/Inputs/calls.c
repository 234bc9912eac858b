/* Calls compiled functions in ways that tests watch: from many threads at once,
 * for a time, and under Valgrind. Prints what is wrong and exits with 1.
 *
 *   calls once | threads [ROUNDS] | soak SECONDS [SLACK_BYTES]
 *
 * Three more modes are wrong on purpose, for tests that mistakes are found:
 *
 *   calls overrun | leak | race */
#include "address_memory.h"
#include "concepts.h"
#include "separator_attention.h"

#include "tensor.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- What is called ---- */

/* A tensor is its element type (f, i, b) and a letter for each size; result
 * sizes come from NAME_output_shapes, and those that data decides from the
 * call. */
typedef struct {
  const char *name;
  int (*call)(const DLTensor *const *, DLTensor *const *);
  int (*output_shapes)(const DLTensor *const *, int64_t *const *);
  const char *inputs[8], *outputs[8];
} Function;

static const Function kFunctions[] = {
    {"separator_attention",
     separator_attention,
     separator_attention_output_shapes,
     {"fBHTD", "fBGSD", "fBGSE", "iBS", "bV"},
     {"fBHTE", "bBS"}},
    {"address_memory",
     address_memory,
     address_memory_output_shapes,
     {"fBTW", "fBTW", "fBTE", "fBME", "fBM"},
     {"fBTE", "iBTK", "iBTK", "fBME", "fBM"}},
    {"concepts",
     concepts,
     concepts_output_shapes,
     {"fBTC", "fCC", "fCC", "fCC", "fBC", "bB", "fBC"},
     {"fBTC", "fBT", "bBT", "fBNC", "fBC", "fBC"}},
};
enum {
  FunctionCount = 3,
  MaxTensors = 8,
  VocabularySize = 50,
  ThreadCount = 8
};

typedef struct {
  Tensor tensors[MaxTensors];
  DLTensor *pointers[MaxTensors];
  int count;
} Tensors;

static void fail(const char *what, const char *detail) {
  fprintf(stderr, "%s: %s\n", what, detail);
  exit(1);
}

static unsigned next_random(unsigned *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

static int64_t size_of(char letter, unsigned seed) {
  unsigned state = seed * 31u + (unsigned)letter;
  next_random(&state);
  switch (letter) {
  case 'B':
    return 1 + next_random(&state) % 2;
  case 'G':
    return 2;
  case 'H':
    return 4;
  case 'K':
    return 4;
  case 'V':
    return VocabularySize;
  case 'W': /* Three digits of 4 values, so 64 slots. */
    return 12;
  case 'M':
    return 64;
  case 'T':
  case 'S': /* As many queries as keys. */
    state = seed;
    return 1 + next_random(&state) % 70;
  default:
    return 1 + next_random(&state) % 40;
  }
}

static DLDataType type_of(char letter) {
  return letter == 'f' ? kFloat32 : letter == 'i' ? kInt32 : kFlag;
}

static void fill(Tensor *tensor, char type, unsigned *state) {
  const DLDataType element = type_of(type);
  const int64_t count = tensor_bytes(tensor) / (element.bits / 8);
  for (int64_t i = 0; i < count; ++i) {
    const unsigned value = next_random(state);
    if (type == 'f')
      ((float *)tensor->dl.data)[i] = (float)(value % 2001) / 1000.0f - 1.0f;
    else if (type == 'i')
      ((int32_t *)tensor->dl.data)[i] = (int32_t)(value % VocabularySize);
    else
      ((uint8_t *)tensor->dl.data)[i] = value % 4 == 0;
  }
}

static void make_inputs(const Function *function, unsigned seed,
                        Tensors *inputs) {
  unsigned state = seed + 1;
  inputs->count = 0;
  for (const char *const *spec = function->inputs; *spec; ++spec) {
    Tensor *tensor = &inputs->tensors[inputs->count];
    int64_t shape[TensorMaxRank];
    const int rank = (int)strlen(*spec) - 1;
    for (int d = 0; d < rank; ++d)
      shape[d] = size_of((*spec)[d + 1], seed);
    tensor_allocate(tensor, type_of(**spec), rank, shape);
    fill(tensor, **spec, &state);
    inputs->pointers[inputs->count++] = &tensor->dl;
  }
}

static void make_outputs(const Function *function, const Tensors *inputs,
                         Tensors *outputs) {
  int64_t shapes[MaxTensors][TensorMaxRank];
  int64_t *rows[MaxTensors];
  for (int i = 0; i < MaxTensors; ++i)
    rows[i] = shapes[i];
  if (function->output_shapes((const DLTensor *const *)inputs->pointers, rows))
    fail(function->name, effattn_last_error());
  outputs->count = 0;
  for (const char *const *spec = function->outputs; *spec; ++spec) {
    Tensor *tensor = &outputs->tensors[outputs->count];
    const int rank = (int)strlen(*spec) - 1;
    int known = 1;
    for (int d = 0; d < rank; ++d)
      known &= shapes[outputs->count][d] >= 0;
    const int64_t none[TensorMaxRank] = {0};
    tensor_allocate(tensor, type_of(**spec), rank,
                    known ? shapes[outputs->count] : none);
    if (!known) { /* The function allocates. */
      free(tensor->dl.data);
      tensor->dl.data = NULL;
    }
    outputs->pointers[outputs->count++] = &tensor->dl;
  }
}

static void free_all(Tensors *tensors) {
  for (int i = 0; i < tensors->count; ++i)
    tensor_free(&tensors->tensors[i]);
}

/* ---- Calls ---- */

static uint64_t hash_of(const Tensors *tensors) {
  uint64_t hash = 14695981039346656037u;
  for (int i = 0; i < tensors->count; ++i) {
    const uint8_t *bytes = tensors->tensors[i].dl.data;
    for (int64_t b = 0; b < tensor_bytes(&tensors->tensors[i]); ++b)
      hash = (hash ^ bytes[b]) * 1099511628211u;
  }
  return hash;
}

static void run(const Function *function, const Tensors *inputs,
                Tensors *outputs) {
  if (function->call((const DLTensor *const *)inputs->pointers,
                     outputs->pointers))
    fail(function->name, effattn_last_error());
}

static uint64_t call(const Function *function, const Tensors *inputs) {
  Tensors outputs;
  make_outputs(function, inputs, &outputs);
  run(function, inputs, &outputs);
  const uint64_t hash = hash_of(&outputs);
  free_all(&outputs);
  return hash;
}

static uint64_t call_with(const Function *function, unsigned seed) {
  Tensors inputs;
  make_inputs(function, seed, &inputs);
  const uint64_t hash = call(function, &inputs);
  free_all(&inputs);
  return hash;
}

/* A wrong number of tokens is refused with a sentence that names it. */
static void call_wrongly(unsigned tokens) {
  const Function *function = &kFunctions[2];
  Tensors inputs, outputs;
  char number[32];
  make_inputs(function, 5, &inputs);
  make_outputs(function, &inputs, &outputs);
  outputs.tensors[0].dl.shape[1] = 1000 + tokens;
  if (!function->call((const DLTensor *const *)inputs.pointers,
                      outputs.pointers))
    fail(function->name, "a wrong shape was taken");
  snprintf(number, sizeof number, "%u", 1000 + tokens);
  if (!strstr(effattn_last_error(), number))
    fail("the error of another thread", effattn_last_error());
  free_all(&inputs);
  free_all(&outputs);
}

/* An id outside of the vocabulary is found in the middle of a call, which has
 * allocated by then. */
static void call_with_wrong_data(unsigned seed) {
  const Function *function = &kFunctions[0];
  Tensors inputs, outputs;
  make_inputs(function, seed, &inputs);
  make_outputs(function, &inputs, &outputs);
  const Tensor *ids = &inputs.tensors[3];
  ((int32_t *)ids->dl.data)[tensor_bytes(ids) / 4 - 1] = VocabularySize;
  if (!function->call((const DLTensor *const *)inputs.pointers,
                      outputs.pointers))
    fail(function->name, "a wrong id was taken");
  free_all(&inputs);
  free_all(&outputs);
}

/* ---- Many threads ---- */

enum { SharedSeed = 1000 };
static Tensors shared_inputs[FunctionCount];
static uint64_t expected_shared[FunctionCount];
static uint64_t expected_own[ThreadCount][FunctionCount];
static int rounds = 20;

static void *thread_main(void *argument) {
  const unsigned thread = (unsigned)(size_t)argument;
  for (int round = 0; round < rounds; ++round) {
    for (int f = 0; f < FunctionCount; ++f) {
      if (call(&kFunctions[f], &shared_inputs[f]) != expected_shared[f])
        fail(kFunctions[f].name, "another result with shared inputs");
      if (call_with(&kFunctions[f], thread) != expected_own[thread][f])
        fail(kFunctions[f].name, "another result with inputs of its own");
    }
    call_wrongly(thread);
  }
  return NULL;
}

static void in_threads(void *(*body)(void *), int count) {
  pthread_t threads[ThreadCount];
  for (size_t t = 0; t < (size_t)count; ++t)
    if (pthread_create(&threads[t], NULL, body, (void *)t))
      fail("threads", "cannot start a thread");
  for (int t = 0; t < count; ++t)
    pthread_join(threads[t], NULL);
}

static void check_threads(void) {
  for (int f = 0; f < FunctionCount; ++f) {
    make_inputs(&kFunctions[f], SharedSeed, &shared_inputs[f]);
    expected_shared[f] = call(&kFunctions[f], &shared_inputs[f]);
    for (unsigned t = 0; t < ThreadCount; ++t)
      expected_own[t][f] = call_with(&kFunctions[f], t);
  }
  in_threads(thread_main, ThreadCount);
  for (int f = 0; f < FunctionCount; ++f)
    free_all(&shared_inputs[f]);
  printf("%d calls in %d threads, all results as alone\n",
         ThreadCount * rounds * FunctionCount * 2, ThreadCount);
}

/* ---- A long time ---- */

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static long resident_kilobytes(void) {
  long pages = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%ld %ld", &pages, &resident) != 2)
    fail("soak", "cannot read /proc/self/statm");
  fclose(file);
  return resident * 4;
}

/* Threads that begin, call, fail and end. All are there at once, each time:
 * the C library keeps stacks for as many as there were. */
enum { SoakThreadCount = 2 };
static pthread_barrier_t all_begun;

static void *soak_thread(void *argument) {
  const unsigned thread = (unsigned)(size_t)argument;
  pthread_barrier_wait(&all_begun);
  for (unsigned f = 0; f < FunctionCount; ++f)
    call_with(&kFunctions[f], thread);
  call_wrongly(thread);
  call_with_wrong_data(thread);
  return NULL;
}

/* After the first quarter neither the memory in use nor that of the process
 * grows. Sizes are random, so the latter varies by a few large calls. */
static void soak(double seconds, size_t slack) {
  enum { SlackKilobytes = 8192 };
  const double start = now();
  unsigned seed = 0;
  size_t used = 0;
  long resident = 0;
  pthread_barrier_init(&all_begun, NULL, SoakThreadCount);
  while (now() - start < seconds || !used) {
    for (int i = 0; i < 100; ++i, ++seed) {
      call_with(&kFunctions[seed % FunctionCount], seed);
      if (seed % 64 == 0) {
        call_wrongly(seed % 900);
        call_with_wrong_data(seed);
      }
    }
    in_threads(soak_thread, SoakThreadCount);
    if (!used && now() - start >= seconds / 4) {
      used = mallinfo2().uordblks;
      resident = resident_kilobytes();
    }
  }
  const size_t used_last = mallinfo2().uordblks;
  const long resident_last = resident_kilobytes();
  printf("%u calls, %zu bytes in use and then %zu, resident %ld kB and then "
         "%ld kB\n",
         seed, used, used_last, resident, resident_last);
  if (used_last > used + slack)
    fail("soak", "the memory in use grew");
  if (resident_last > resident + SlackKilobytes)
    fail("soak", "the memory of the process grew");
}

/* ---- Mistakes ---- */

static Tensors raced_inputs, raced_outputs;

static void *race_main(void *argument) {
  (void)argument;
  run(&kFunctions[0], &raced_inputs, &raced_outputs);
  return NULL;
}

static void race(void) {
  make_inputs(&kFunctions[0], 3, &raced_inputs);
  make_outputs(&kFunctions[0], &raced_inputs, &raced_outputs);
  in_threads(race_main, 2);
}

/* The values have one row less than is said. */
static void overrun(void) {
  Tensors inputs, outputs;
  make_inputs(&kFunctions[0], 3, &inputs);
  make_outputs(&kFunctions[0], &inputs, &outputs);
  DLTensor *value = &inputs.tensors[2].dl;
  const size_t bytes = (size_t)tensor_bytes(&inputs.tensors[2]);
  const size_t row = (size_t)value->shape[3] * sizeof(float);
  void *shorter = malloc(bytes - row);
  memcpy(shorter, value->data, bytes - row);
  free(value->data);
  value->data = shorter;
  run(&kFunctions[0], &inputs, &outputs);
  free_all(&inputs);
  free_all(&outputs);
}

static void leak(void) {
  Tensors inputs, outputs;
  make_inputs(&kFunctions[2], 3, &inputs);
  make_outputs(&kFunctions[2], &inputs, &outputs);
  run(&kFunctions[2], &inputs, &outputs);
  outputs.tensors[3].dl.data = NULL; /* What the function has allocated. */
  free_all(&inputs);
  free_all(&outputs);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  if (!strcmp(mode, "once")) {
    for (unsigned seed = 0; seed < 4 * FunctionCount; ++seed)
      call_with(&kFunctions[seed % FunctionCount], seed);
    call_wrongly(1);
    puts("done");
  } else if (!strcmp(mode, "threads")) {
    rounds = argc > 2 ? atoi(argv[2]) : rounds;
    check_threads();
  } else if (!strcmp(mode, "soak") && argc > 2) {
    soak(atof(argv[2]), argc > 3 ? (size_t)atol(argv[3]) : 0);
  } else if (!strcmp(mode, "overrun")) {
    overrun();
  } else if (!strcmp(mode, "leak")) {
    leak();
  } else if (!strcmp(mode, "race")) {
    race();
  } else {
    fail("calls", "unknown mode");
  }
  return 0;
}
