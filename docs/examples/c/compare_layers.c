/* Runs a separator-attention layer and a causal one over the same inputs, and
 * times them.
 *
 *   effattn-compile ../separator_attention.mlir -o separator_attention.o
 *   effattn-compile ../causal_attention.mlir -o causal_attention.o
 *   cc -std=c11 -O2 -Wall -Wextra -I. compare_layers.c tensor.c
 *      separator_attention.o causal_attention.o -lomp -lm -o compare_layers
 *   ./compare_layers FOLDER
 *
 * FOLDER holds q, k, v [B, H or G, tokens, size] (float32), ids [B, tokens]
 * (int32) and separators [vocabulary] (bool) as .npy files; the results are
 * written there too. docs/examples/demo makes such a folder from a text.
 *
 * effattn-compile wrote the headers. Each function comes in two forms:
 *   f        takes DLPack tensors, with any strides, and checks everything;
 *   f_plain  takes pointers to contiguous tensors, then the sizes. */
#include "causal_attention.h"
#include "separator_attention.h"
#include "tensor.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MaxRounds = 101 };

typedef struct {
  Tensor q, k, v, ids, separators;                /* inputs */
  Tensor separator_out, is_separator, causal_out; /* results */
} Layers;

/* Every compiled function returns 0, or a code and leaves a sentence. */
static void check(int code) {
  if (code != 0) {
    fprintf(stderr, "compare_layers: error %d: %s\n", code,
            effattn_last_error());
    exit(1);
  }
}

/* The DLPack form: inputs and outputs as arrays of pointers, in the order
 * that the header names them. */
static void run_separator_layer(Layers *layers) {
  const DLTensor *inputs[] = {&layers->q.dl, &layers->k.dl, &layers->v.dl,
                              &layers->ids.dl, &layers->separators.dl};
  DLTensor *outputs[] = {&layers->separator_out.dl, &layers->is_separator.dl};
  check(separator_attention(inputs, outputs));
}

/* The plain form: a call like any other. The header gives the order. */
static void run_causal_layer(Layers *layers) {
  const int64_t *q = layers->q.shape, *v = layers->v.shape;
  check(causal_attention_plain(layers->q.dl.data, layers->k.dl.data,
                               layers->v.dl.data, layers->causal_out.dl.data,
                               /*B=*/q[0], /*H=*/q[1], /*T=*/q[2],
                               /*D=*/q[3], /*G=*/v[1], /*S=*/v[2], /*E=*/v[3]));
}

/* Asks the layer for the shapes of its results instead of knowing them. This
 * also checks the inputs, so what is wrong with them shows here. */
static void allocate_results(Layers *layers) {
  const DLTensor *inputs[] = {&layers->q.dl, &layers->k.dl, &layers->v.dl,
                              &layers->ids.dl, &layers->separators.dl};
  int64_t out[4], is_separator[2];
  int64_t *shapes[] = {out, is_separator};
  check(separator_attention_output_shapes(inputs, shapes));
  tensor_allocate(&layers->separator_out, kFloat32, 4, out);
  tensor_allocate(&layers->is_separator, kFlag, 2, is_separator);
  tensor_allocate(&layers->causal_out, kFloat32, 4, out);
}

static double now(void) {
  struct timespec time;
  timespec_get(&time, TIME_UTC);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double seconds_of(void (*run)(Layers *), Layers *layers) {
  double start = now();
  run(layers);
  return now() - start;
}

static int compare_doubles(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static double median(double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, compare_doubles);
  return values[count / 2];
}

/* Machines have moods: the layers take turns, so that both meet the same. */
static void time_layers(Layers *layers, int rounds) {
  double separator[MaxRounds], causal[MaxRounds], ratio[MaxRounds];
  for (int i = 0; i < rounds; ++i) {
    separator[i] = seconds_of(run_separator_layer, layers);
    causal[i] = seconds_of(run_causal_layer, layers);
    ratio[i] = causal[i] / separator[i];
  }
  printf("separator_attention: median %.6f s of %d rounds\n",
         median(separator, rounds), rounds);
  printf("causal_attention: median %.6f s of %d rounds\n",
         median(causal, rounds), rounds);
  printf("causal / separator: median %.2f\n", median(ratio, rounds));
}

/* The most memory this process ever held, as Linux counts it. */
static void print_peak_memory(void) {
  FILE *status = fopen("/proc/self/status", "r");
  char line[256];
  long kilobytes;
  while (status && fgets(line, sizeof line, status))
    if (sscanf(line, "VmHWM: %ld kB", &kilobytes) == 1)
      printf("peak memory: %.1f MiB\n", (double)kilobytes / 1024);
  if (status)
    fclose(status);
}

static int usage(void) {
  fprintf(stderr,
          "usage: compare_layers FOLDER [--rounds=N (1 to %d)] "
          "[--separator-only]\n",
          MaxRounds);
  return 2;
}

int main(int argc, char **argv) {
  const char *folder = NULL;
  int rounds = 5;
  bool separator_only = false;
  for (int i = 1; i < argc; ++i) {
    if (strncmp(argv[i], "--rounds=", 9) == 0)
      rounds = atoi(argv[i] + 9);
    else if (strcmp(argv[i], "--separator-only") == 0)
      separator_only = true;
    else if (argv[i][0] == '-' || folder)
      return usage();
    else
      folder = argv[i];
  }
  if (!folder || rounds < 1 || rounds > MaxRounds)
    return usage();

  Layers layers;
  tensor_load(&layers.q, kFloat32, folder, "q");
  tensor_load(&layers.k, kFloat32, folder, "k");
  tensor_load(&layers.v, kFloat32, folder, "v");
  tensor_load(&layers.ids, kInt32, folder, "ids");
  tensor_load(&layers.separators, kFlag, folder, "separators");
  allocate_results(&layers);

  if (separator_only) {
    printf("separator_attention: %.6f s\n",
           seconds_of(run_separator_layer, &layers));
  } else {
    /* Once without the clock: memory and threads wake up. */
    run_separator_layer(&layers);
    run_causal_layer(&layers);
    time_layers(&layers, rounds);
    tensor_save(&layers.causal_out, folder, "causal_out");
  }
  tensor_save(&layers.separator_out, folder, "separator_out");
  tensor_save(&layers.is_separator, folder, "is_separator");
  print_peak_memory();

  Tensor *all[] = {&layers.q,
                   &layers.k,
                   &layers.v,
                   &layers.ids,
                   &layers.separators,
                   &layers.separator_out,
                   &layers.is_separator,
                   &layers.causal_out};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
    tensor_free(all[i]);
  return 0;
}
