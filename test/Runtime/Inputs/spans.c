/* Two traced objects in one program, called by two threads at once: each thread
 * gets the spans of its own calls, in order, and those of both objects. */
#include "first.h"
#include "second.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { Size = 8, Calls = 500 };

static pthread_barrier_t together;

/* One call of the first object has one op; one of the second has two. */
static int expect(const struct EffattnSpans *spans, int64_t at,
                  const char *name) {
  const struct EffattnSpan *span = &spans->list[at];
  if (at < spans->count && !strcmp(span->name, name) &&
      span->begin <= span->end && (!at || span[-1].end <= span->begin))
    return 1;
  printf("span %lld is not %s\n", (long long)at, name);
  return 0;
}

static void *call_first(void *unused) {
  float x[Size] = {1}, y[Size];
  pthread_barrier_wait(&together);
  for (int i = 0; i < Calls; ++i)
    if (first_plain(x, y))
      return "the first function failed";
  struct EffattnSpans *spans = effattn_spans();
  if (spans->count != Calls)
    return "the first thread has spans of others";
  for (int i = 0; i < Calls; ++i)
    if (!expect(spans, i, "arith.addf"))
      return "the first thread has other spans";
  free(spans->list);
  memset(spans, 0, sizeof *spans);
  return unused;
}

static void *call_both(void *unused) {
  float x[Size] = {1}, y[Size];
  pthread_barrier_wait(&together);
  for (int i = 0; i < Calls; ++i)
    if (second_plain(x, y) || first_plain(x, y))
      return "the second function failed";
  struct EffattnSpans *spans = effattn_spans();
  if (spans->count != 3 * Calls)
    return "the second thread has spans of others";
  for (int i = 0; i < Calls; ++i)
    if (!expect(spans, 3 * i, "arith.mulf") ||
        !expect(spans, 3 * i + 1, "math.exp") ||
        !expect(spans, 3 * i + 2, "arith.addf"))
      return "the second thread has other spans";
  free(spans->list);
  memset(spans, 0, sizeof *spans);
  return unused;
}

int main(void) {
  pthread_t first, second;
  void *problems[2];
  pthread_barrier_init(&together, NULL, 2);
  pthread_create(&first, NULL, call_first, NULL);
  pthread_create(&second, NULL, call_both, NULL);
  pthread_join(first, &problems[0]);
  pthread_join(second, &problems[1]);
  for (int i = 0; i < 2; ++i)
    if (problems[i])
      return puts(problems[i]), 1;
  /* This thread has called nothing. */
  if (effattn_spans()->count)
    return puts("a thread without calls has spans"), 1;
  puts("each thread has its own spans");
  return 0;
}
