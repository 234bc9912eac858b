/* Memory of the emulated device: who owns which bytes. */
#include "Emulator.h"

enum { GuardBytes = 256, Poison = 0xff, HintBits = 10 };

/* In order of their addresses. As buffers begin at multiples of GuardBytes and
 * have guards, the bytes between two such belong to one buffer, which is where
 * `hints` has it. */
static _Thread_local struct {
  struct Buffer *items;
  int64_t count, capacity;
  int32_t hints[1 << HintBits];
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
  uintptr_t line = (uintptr_t)address / GuardBytes;
  int32_t *hint = &buffers.hints[line % (1 << HintBits)];
  if (*hint < buffers.count && holds(&buffers.items[*hint], address, bytes))
    return &buffers.items[*hint];
  int64_t below = count_below(address);
  if (!below || !holds(&buffers.items[below - 1], address, bytes))
    return NULL;
  *hint = (int32_t)(below - 1);
  return &buffers.items[below - 1];
}

/* NULL without memory for it. */
static struct Buffer *insert(char *data, int64_t bytes) {
  if (buffers.count == buffers.capacity) {
    int64_t capacity = buffers.capacity ? 2 * buffers.capacity : 64;
    struct Buffer *items =
        realloc(buffers.items, (size_t)capacity * sizeof *buffers.items);
    if (!items)
      return NULL;
    buffers.items = items;
    buffers.capacity = capacity;
  }
  int64_t at = count_below(data);
  for (int64_t i = buffers.count; i > at; --i)
    buffers.items[i] = buffers.items[i - 1];
  buffers.items[at] = (struct Buffer){.data = data, .bytes = bytes};
  ++buffers.count;
  return &buffers.items[at];
}

static void erase(int64_t at) {
  free(buffers.items[at].cells);
  --buffers.count;
  for (int64_t i = at; i < buffers.count; ++i)
    buffers.items[i] = buffers.items[i + 1];
}

/* What nobody wrote reads as NaN. */
static struct Buffer *make(uint64_t bytes) {
  uint64_t rounded = (bytes + 3 * GuardBytes - 1) & ~(uint64_t)(GuardBytes - 1);
  char *memory = aligned_alloc(GuardBytes, rounded);
  if (!memory)
    return NULL;
  memset(memory, Poison, rounded);
  struct Buffer *buffer = insert(memory + GuardBytes, (int64_t)bytes);
  if (!buffer)
    free(memory);
  return buffer;
}

void *effattn_emulated_allocate(uint64_t bytes) {
  struct Buffer *buffer = make(bytes);
  return buffer ? buffer->data : NULL;
}

void effattn_emulated_release(void *memory) {
  erase(count_below(memory) - 1);
  free((char *)memory - GuardBytes);
}

void effattn_emulated_table(const void *table, int64_t bytes) {
  struct Buffer *buffer = find(table, bytes);
  if (!buffer && (buffer = insert((char *)table, bytes)))
    buffer->is_table = 1;
}

int effattn_emulated_end_memory(void) {
  for (int64_t at = buffers.count - 1; at >= 0; --at)
    if (buffers.items[at].is_table)
      erase(at);
  if (buffers.count)
    return 0;
  free(buffers.items);
  buffers.items = NULL;
  buffers.capacity = 0;
  return 1;
}

int effattn_emulated_contains(const void *memory, int64_t bytes) {
  return find(memory, bytes) != NULL;
}

/* ---- Shared memory ---- */

void *effattn_emulated_shared(const char *name, int64_t bytes) {
  for (int64_t i = 0; i < buffers.count; ++i)
    if (buffers.items[i].name == name)
      return buffers.items[i].data;
  struct Buffer *buffer =
      make(bytes ? (uint64_t)bytes : (uint64_t)effattn_emulation.dynamic_bytes);
  if (!buffer)
    effattn_emulated_refuse("there is no memory for its shared memory", NULL);
  buffer->name = name;
  buffer->is_shared = 1;
  return buffer->data;
}

void effattn_emulated_clear_shared(void) {
  for (int64_t i = 0; i < buffers.count; ++i)
    if (buffers.items[i].is_shared)
      memset(buffers.items[i].data, Poison, (size_t)buffers.items[i].bytes);
}

void effattn_emulated_release_shared(void) {
  for (int64_t i = buffers.count - 1; i >= 0; --i)
    if (buffers.items[i].is_shared)
      effattn_emulated_release(buffers.items[i].data);
}

/* ---- Accesses ---- */

void effattn_emulated_put_buffer(struct EffattnText *text,
                                 const struct Buffer *buffer) {
  effattn_put(text, buffer->is_shared ? "" : "a buffer of ");
  effattn_put_number(text, buffer->bytes);
  effattn_put(text, buffer->is_shared ? " bytes of shared memory" : " bytes");
}

static _Noreturn void report_bounds(const char *address, int64_t bytes,
                                    int32_t how, const char *place) {
  struct EffattnText text = effattn_begin_fault(place);
  effattn_put(&text, how & Write ? "writes " : "reads ");
  effattn_put_number(&text, bytes);
  int64_t below = count_below(address);
  if (!below) {
    effattn_put(&text, " bytes that are no memory of the device");
    effattn_end_fault();
  }
  const struct Buffer *buffer = &buffers.items[below - 1];
  effattn_put(&text, " bytes at offset ");
  effattn_put_number(&text, address - buffer->data);
  effattn_put(&text, " of ");
  effattn_emulated_put_buffer(&text, buffer);
  effattn_end_fault();
}

static _Noreturn void report_alignment(const struct Buffer *buffer,
                                       int64_t offset, int64_t bytes,
                                       int32_t how, const char *place) {
  struct EffattnText text = effattn_begin_fault(place);
  effattn_put(&text, how & Write ? "writes " : "reads ");
  effattn_put_number(&text, bytes);
  effattn_put(&text, " bytes at offset ");
  effattn_put_number(&text, offset);
  effattn_put(&text, " of ");
  effattn_emulated_put_buffer(&text, buffer);
  effattn_put(&text, ", which is no multiple of ");
  effattn_put_number(&text, how >> AlignmentShift);
  effattn_end_fault();
}

int effattn_emulated_mark(const void *address, int64_t bytes, int is_arriving) {
  struct Buffer *buffer = find(address, bytes);
  if (!buffer || !buffer->is_shared)
    return 0;
  effattn_emulated_mark_cells(buffer, (const char *)address - buffer->data,
                              bytes, is_arriving);
  return 1;
}

/* Other threads may come before an atomic operation, which is what programs
 * tell their order by. */
static void give_way(void) {
  if (!effattn_emulation.random || effattn_emulated_random(4))
    return;
  effattn_emulated_make_ready(effattn_emulation.thread);
  effattn_emulated_go_on();
}

void effattn_emulated_access(const void *address, int64_t bytes, int32_t how,
                             const char *place) {
  if (how & Atomic)
    give_way();
  struct Buffer *buffer = find(address, bytes);
  if (!buffer)
    report_bounds(address, bytes, how, place);
  int64_t offset = (const char *)address - buffer->data;
  if ((uintptr_t)address & (uintptr_t)((how >> AlignmentShift) - 1))
    report_alignment(buffer, offset, bytes, how, place);
  effattn_emulated_watch(buffer, offset, bytes, how, place);
}
