/* Memory that compiled code allocates, remembered until it is freed, handed
 * over, or the call ends.
 *
 * A call that fails returns at once from the middle of compiled code; the list
 * lets the entry release what it held. Only the thread of the call keeps a
 * list: threads of a parallel region free what they allocate before the region
 * ends. */
#include "Support.h"

enum { InlineSlots = 32, ChunkSlots = 255, LeastAlignment = 64 };

struct Chunk {
  struct Chunk *previous;
  void *slots[ChunkSlots];
};

/* Slots of the running calls, the innermost call's last. Chunks exist only
 * while they hold something, so that a thread that ends leaves nothing behind.
 */
static _Thread_local struct {
  const char *name; /* of the running function, NULL outside of calls */
  const struct EffattnDevice *device; /* whose memory it is, NULL: the host's */
  int64_t mark;                       /* slots below belong to outer calls */
  int64_t count;
  struct Chunk *last;
  struct EffattnScratch *scratch; /* NULL outside of implementations */
  void *slots[InlineSlots];
} list;

static int starts_chunk(int64_t index) {
  return index >= InlineSlots && (index - InlineSlots) % ChunkSlots == 0;
}

static void **top_slot(void) {
  int64_t index = list.count - 1;
  return index < InlineSlots
             ? &list.slots[index]
             : &list.last->slots[(index - InlineSlots) % ChunkSlots];
}

static void drop_top(void) {
  --list.count;
  if (!starts_chunk(list.count))
    return;
  struct Chunk *chunk = list.last;
  list.last = chunk->previous;
  free(chunk);
}

static int remember(void *pointer) {
  if (!list.name)
    return 1;
  if (starts_chunk(list.count)) {
    struct Chunk *chunk = malloc(sizeof *chunk);
    if (!chunk)
      return 0;
    chunk->previous = list.last;
    list.last = chunk;
  }
  ++list.count;
  *top_slot() = pointer;
  return 1;
}

/* The slot in which the innermost call holds the pointer, else NULL. */
static void **find(const void *pointer) {
  struct Chunk *chunk = list.last;
  for (int64_t index = list.count - 1; index >= list.mark; --index) {
    void **slot = index < InlineSlots
                      ? &list.slots[index]
                      : &chunk->slots[(index - InlineSlots) % ChunkSlots];
    if (*slot == pointer)
      return slot;
    if (starts_chunk(index))
      chunk = chunk->previous;
  }
  return NULL;
}

static void forget(const void *pointer) {
  void **slot = find(pointer);
  if (!slot)
    return;
  *slot = *top_slot();
  drop_top();
}

static void release(void *pointer) {
  if (list.device)
    list.device->release(pointer);
  else
    free(pointer);
}

struct EffattnFrame effattn_enter(const char *name,
                                  const struct EffattnDevice *device) {
  struct EffattnFrame outer = {list.name, list.device, list.mark};
  list.name = name;
  list.device = device;
  list.mark = list.count;
  return outer;
}

void effattn_leave(struct EffattnFrame outer) {
  while (list.count > list.mark) {
    release(*top_slot());
    drop_top();
  }
  list.name = outer.name;
  list.device = outer.device;
  list.mark = outer.mark;
}

int effattn_holds(const void *pointer) { return find(pointer) != NULL; }

void effattn_hand_over(const void *pointer) { forget(pointer); }

int effattn_adopt(void *pointer) { return remember(pointer); }

/* ---- Scratch on the stack ---- */

static const uint32_t Freed = 1;

/* AddressSanitizer tells blocks of the heap apart, and none on the stack. */
__attribute__((weak)) void __asan_init(void);

struct EffattnScratch *effattn_use_scratch(struct EffattnScratch *scratch) {
  struct EffattnScratch *before = list.scratch;
  list.scratch = __asan_init ? NULL : scratch;
  return before;
}

/* NULL when there is no room. */
static void *take_block(struct EffattnScratch *scratch, uint32_t bytes) {
  uint32_t *starts = scratch->starts, count = scratch->count;
  for (uint32_t block = count; block-- > 0;)
    if (starts[block] & Freed &&
        bytes <= (starts[block + 1] & ~Freed) - (starts[block] & ~Freed)) {
      starts[block] &= ~Freed;
      return scratch->bytes + starts[block];
    }
  if (count == EffattnScratchBlocks ||
      bytes > EffattnScratchBytes - starts[count])
    return NULL;
  starts[count + 1] = starts[count] + bytes;
  ++scratch->count;
  return scratch->bytes + starts[count];
}

static void free_block(struct EffattnScratch *scratch, uint32_t start) {
  uint32_t *starts = scratch->starts, block = scratch->count - 1;
  while (starts[block] != start)
    --block;
  starts[block] |= Freed;
  while (scratch->count && starts[scratch->count - 1] & Freed)
    starts[--scratch->count] &= ~Freed;
}

/* ---- What compiled code calls ---- */

void *_mlir_memref_to_llvm_aligned_alloc(uint64_t alignment, uint64_t size) {
  if (alignment < LeastAlignment || (alignment & (alignment - 1)))
    alignment = LeastAlignment;
  if (alignment > PTRDIFF_MAX || size > PTRDIFF_MAX - alignment)
    return NULL;
  /* aligned_alloc wants a multiple of the alignment; a size of 0 must still
   * give memory that can be handed over. */
  uint64_t rounded =
      size ? (size + alignment - 1) & ~(alignment - 1) : alignment;
  void *pointer = NULL;
  if (list.scratch && !list.device && alignment == LeastAlignment &&
      rounded <= EffattnLargestBlock)
    pointer = take_block(list.scratch, (uint32_t)rounded);
  if (pointer)
    return pointer;
  pointer = list.device ? list.device->allocate(size)
                        : aligned_alloc(alignment, rounded);
  if (pointer && !remember(pointer)) {
    release(pointer);
    return NULL;
  }
  return pointer;
}

void *_mlir_memref_to_llvm_alloc(uint64_t size) {
  return _mlir_memref_to_llvm_aligned_alloc(LeastAlignment, size);
}

void _mlir_memref_to_llvm_free(void *pointer) {
  if (!pointer)
    return;
  uintptr_t start = list.scratch
                        ? (uintptr_t)pointer - (uintptr_t)list.scratch->bytes
                        : EffattnScratchBytes;
  if (start < EffattnScratchBytes) {
    free_block(list.scratch, (uint32_t)start);
    return;
  }
  forget(pointer);
  release(pointer);
}

struct EffattnText effattn_sentence_of_call(void) {
  return effattn_sentence(list.name);
}

/* Replaces {0}, {1}, ... by the arguments. */
int effattn_fail(int code, const char *format, const int64_t *arguments) {
  struct EffattnText text = effattn_sentence_of_call();
  char character[2] = {0, 0};
  while (*format) {
    const char *at = format + 1;
    int64_t index = 0;
    if (*format == '{') {
      while (*at >= '0' && *at <= '9' && index < 1000)
        index = index * 10 + (*at++ - '0');
      if (at > format + 1 && *at == '}') {
        effattn_put_number(&text, arguments[index]);
        format = at + 1;
        continue;
      }
    }
    character[0] = *format++;
    effattn_put(&text, character);
  }
  return code;
}
