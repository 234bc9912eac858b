/* Spans of the ops of traced functions; only these link it. */
#include "Support.h"

void *realloc(void *pointer, size_t size);

/* What clock_gettime wants on every 64-bit Linux. */
struct timespec {
  int64_t seconds, nanoseconds;
};
enum { MonotonicClock = 1 };
int clock_gettime(int clock, struct timespec *time);

enum { FirstCapacity = 256, MostSpans = 1 << 20 };

/* Weak, and everything writes through the pointer it returns: objects linked
 * together share one list a thread. */
struct EffattnSpans *effattn_spans(void) {
  static _Thread_local struct EffattnSpans spans;
  return &spans;
}

int64_t effattn_now(void) {
  struct timespec time = {0, 0};
  clock_gettime(MonotonicClock, &time);
  return time.seconds * 1000000000 + time.nanoseconds;
}

static int make_room(struct EffattnSpans *spans) {
  if (spans->count < spans->capacity)
    return 1;
  int64_t capacity = spans->capacity ? 2 * spans->capacity : FirstCapacity;
  if (capacity > MostSpans)
    return 0;
  struct EffattnSpan *list =
      realloc(spans->list, (size_t)capacity * sizeof *list);
  if (!list)
    return 0;
  spans->list = list;
  spans->capacity = capacity;
  return 1;
}

void effattn_record_span(int64_t begin, const char *name, const char *place,
                         int64_t flops, int64_t bytes) {
  int64_t end = effattn_now();
  struct EffattnSpans *spans = effattn_spans();
  if (!make_room(spans)) {
    ++spans->lost;
    return;
  }
  struct EffattnSpan *span = &spans->list[spans->count++];
  span->name = name;
  span->place = place;
  span->begin = begin;
  span->end = end;
  span->flops = flops;
  span->bytes = bytes;
}
