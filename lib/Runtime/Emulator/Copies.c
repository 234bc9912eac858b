/* Copies to shared memory that arrive when the thread has waited for them. */
#include "Emulator.h"

struct Copy {
  char *to;
  const char *from;
  int64_t bytes, copied; /* beyond what is copied come zeros */
  uint64_t group;
  const char *place;
};

static struct Copy *append(struct Copies *copies) {
  if (copies->count == copies->capacity) {
    uint32_t capacity = copies->capacity ? 2 * copies->capacity : 16;
    struct Copy *items =
        realloc(copies->items, capacity * sizeof *copies->items);
    if (!items)
      effattn_emulated_refuse("there is no memory for its copies", NULL);
    copies->items = items;
    copies->capacity = capacity;
  }
  return &copies->items[copies->count++];
}

enum { HasSize = 256 };

/* Operands: to, from and, if the details say so, how many bytes are read. */
void effattn_emulated_copy(uint64_t *words, int64_t details,
                           const char *place) {
  struct Copies *copies = &effattn_emulation.thread->copies;
  int64_t bytes = details % HasSize;
  struct Copy copy = {(char *)(uintptr_t)words[0],
                      (const char *)(uintptr_t)words[1],
                      bytes,
                      details & HasSize ? (int64_t)(uint32_t)words[2] : bytes,
                      copies->group,
                      place};
  if (copy.copied > bytes)
    effattn_emulated_refuse("copies more bytes than its size", place);
  if (place) {
    int32_t alignment = (int32_t)bytes << AlignmentShift;
    if (copy.copied)
      effattn_emulated_access(copy.from, copy.copied, Read | alignment, place);
    effattn_emulated_access(copy.to, bytes, Write | alignment, place);
    if (!effattn_emulated_mark(copy.to, bytes, 1))
      effattn_emulated_refuse("copies to memory that is not shared", place);
  }
  *append(copies) = copy;
}

static void arrive(const struct Copy *copy) {
  if (copy->place) {
    effattn_emulated_mark(copy->to, copy->bytes, 0);
    effattn_emulated_access(copy->to, copy->bytes, Write | 1 << AlignmentShift,
                            copy->place);
  }
  memcpy(copy->to, copy->from, (size_t)copy->copied);
  memset(copy->to + copy->copied, 0, (size_t)(copy->bytes - copy->copied));
}

/* Waits for the groups before this one. */
static void wait_before(uint64_t group) {
  struct Copies *copies = &effattn_emulation.thread->copies;
  uint32_t first = 0;
  while (first < copies->count && copies->items[first].group < group)
    arrive(&copies->items[first++]);
  copies->count -= first;
  for (uint32_t i = 0; first && i < copies->count; ++i)
    copies->items[i] = copies->items[i + first];
}

void effattn_emulated_end_copy_group(uint64_t *words, int64_t details,
                                     const char *place) {
  (void)words, (void)details, (void)place;
  ++effattn_emulation.thread->copies.group;
}

/* Waits until no more than so many groups are on their way. */
void effattn_emulated_wait_copy_groups(uint64_t *words, int64_t details,
                                       const char *place) {
  uint64_t group = effattn_emulation.thread->copies.group,
           rest = (uint32_t)details;
  (void)words, (void)place;
  wait_before(group > rest ? group - rest : 0);
}

void effattn_emulated_wait_copies(uint64_t *words, int64_t details,
                                  const char *place) {
  (void)words, (void)details, (void)place;
  wait_before(UINT64_MAX);
}
