/* Memory of the emulated device: who owns which bytes, and who touched them.
 *
 * Every buffer remembers for each byte which thread wrote it and which read it
 * during the running launch. Threads of a launch run in no order, so that two
 * of them on one byte are a race if one writes. */
#include "Emulator.h"

enum { GuardBytes = 256, Poison = 0xff, ManyThreads = -1 };

struct Touch {
  uint32_t launch;
  uint32_t writer, reader; /* threads from 1, 0 for none, or ManyThreads */
};

struct Buffer {
  char *data;
  int64_t bytes;
  struct Touch *touches; /* made at the first access */
  int is_table;          /* a constant of the program */
};

/* In order of their addresses. */
static _Thread_local struct {
  struct Buffer *items;
  int64_t count, capacity, last;
} buffers;

/* The number of buffers that begin at or below the address. */
static int64_t count_below(const char *address) {
  int64_t low = 0, high = buffers.count;
  while (low < high) {
    int64_t middle = (low + high) / 2;
    if (buffers.items[middle].data <= address)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static int holds(const struct Buffer *buffer, const char *address,
                 int64_t bytes) {
  return address >= buffer->data &&
         address + bytes <= buffer->data + buffer->bytes;
}

static struct Buffer *find(const char *address, int64_t bytes) {
  if (buffers.last < buffers.count &&
      holds(&buffers.items[buffers.last], address, bytes))
    return &buffers.items[buffers.last];
  int64_t below = count_below(address);
  if (!below || !holds(&buffers.items[below - 1], address, bytes))
    return NULL;
  buffers.last = below - 1;
  return &buffers.items[below - 1];
}

/* Whether there was memory for it. */
static int insert(char *data, int64_t bytes, int is_table) {
  if (buffers.count == buffers.capacity) {
    int64_t capacity = buffers.capacity ? 2 * buffers.capacity : 64;
    struct Buffer *items =
        realloc(buffers.items, (size_t)capacity * sizeof *buffers.items);
    if (!items)
      return 0;
    buffers.items = items;
    buffers.capacity = capacity;
  }
  int64_t at = count_below(data);
  for (int64_t i = buffers.count; i > at; --i)
    buffers.items[i] = buffers.items[i - 1];
  buffers.items[at] = (struct Buffer){data, bytes, NULL, is_table};
  ++buffers.count;
  return 1;
}

static void erase(int64_t at) {
  free(buffers.items[at].touches);
  --buffers.count;
  for (int64_t i = at; i < buffers.count; ++i)
    buffers.items[i] = buffers.items[i + 1];
}

/* What nobody wrote reads as NaN. */
void *effattn_emulated_allocate(uint64_t bytes) {
  uint64_t rounded = (bytes + 3 * GuardBytes - 1) & ~(uint64_t)(GuardBytes - 1);
  char *memory = aligned_alloc(GuardBytes, rounded);
  if (!memory)
    return NULL;
  memset(memory, Poison, rounded);
  if (insert(memory + GuardBytes, (int64_t)bytes, 0))
    return memory + GuardBytes;
  free(memory);
  return NULL;
}

void effattn_emulated_release(void *memory) {
  erase(count_below(memory) - 1);
  free((char *)memory - GuardBytes);
}

void effattn_emulated_table(const void *table, int64_t bytes) {
  if (!find(table, bytes))
    insert((char *)table, bytes, 1);
}

/* A thread of the host that ends leaves nothing behind. */
void effattn_emulated_end(void) {
  for (int64_t at = buffers.count - 1; at >= 0; --at)
    if (buffers.items[at].is_table)
      erase(at);
  if (buffers.count)
    return;
  free(buffers.items);
  buffers.items = NULL;
  buffers.capacity = 0;
}

int effattn_emulated_contains(const void *memory, int64_t bytes) {
  return find(memory, bytes) != NULL;
}

static _Noreturn void report_bounds(const char *address, int64_t bytes,
                                    int32_t is_write, const char *place) {
  struct EffattnText text = effattn_begin_fault(place);
  effattn_put(&text, is_write ? "writes " : "reads ");
  effattn_put_number(&text, bytes);
  int64_t below = count_below(address);
  if (!below) {
    effattn_put(&text, " bytes that are no memory of the device");
    effattn_end_fault();
  }
  const struct Buffer *buffer = &buffers.items[below - 1];
  effattn_put(&text, " bytes at offset ");
  effattn_put_number(&text, address - buffer->data);
  effattn_put(&text, " of a buffer of ");
  effattn_put_number(&text, buffer->bytes);
  effattn_put(&text, " bytes");
  effattn_end_fault();
}

static _Noreturn void report_race(const struct Buffer *buffer, int64_t offset,
                                  uint32_t other, int is_write, int other_wrote,
                                  const char *place) {
  struct EffattnText text = effattn_begin_fault(place);
  effattn_put(&text, is_write ? "writes" : "reads");
  effattn_put(&text, " byte ");
  effattn_put_number(&text, offset);
  effattn_put(&text, " of a buffer of ");
  effattn_put_number(&text, buffer->bytes);
  effattn_put(&text,
              other_wrote ? " bytes, which " : " bytes, which is read by ");
  if (other == (uint32_t)ManyThreads) {
    effattn_put(&text, "several threads");
  } else {
    effattn_put(&text, "thread ");
    effattn_put_number(&text, (int64_t)other - 1);
  }
  effattn_put(&text, other_wrote ? " writes in any order" : " in any order");
  effattn_end_fault();
}

static void touch(const struct Buffer *buffer, int64_t offset, int is_write,
                  const char *place) {
  struct Touch *at = &buffer->touches[offset];
  uint32_t me = effattn_emulation.thread;
  if (at->launch != effattn_emulation.launch)
    *at = (struct Touch){effattn_emulation.launch, 0, 0};
  if (at->writer && at->writer != me)
    report_race(buffer, offset, at->writer, is_write, 1, place);
  if (is_write) {
    if (at->reader && at->reader != me)
      report_race(buffer, offset, at->reader, is_write, 0, place);
    at->writer = me;
  } else {
    at->reader = at->reader && at->reader != me ? (uint32_t)ManyThreads : me;
  }
}

void effattn_emulated_access(const void *address, int64_t bytes,
                             int32_t is_write, const char *place) {
  struct Buffer *buffer = find(address, bytes);
  if (!buffer)
    report_bounds(address, bytes, is_write, place);
  if (!buffer->touches)
    buffer->touches = calloc((size_t)buffer->bytes, sizeof *buffer->touches);
  if (!buffer->touches)
    return; /* without memory for it, races go unseen */
  int64_t offset = (const char *)address - buffer->data;
  for (int64_t i = 0; i < bytes; ++i)
    touch(buffer, offset + i, is_write, place);
}
