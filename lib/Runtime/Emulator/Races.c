/* Who touched which bytes: threads of a launch run in no order, so that two of
 * them on one byte are a race if one writes, unless a barrier lies between. */
#include "Emulator.h"

enum { Several = 255, CoarsestGrain = 4 };

/* The last accesses to a cell that have no order among each other: when, and by
 * which lanes of which warp. */
struct Accesses {
  uint32_t epoch;
  uint32_t lanes;
  uint32_t time; /* of the warp */
  uint8_t warp;
  uint8_t many_blocks;
  uint8_t atomic;
  uint8_t arriving; /* of writers: a copy has been started */
};

struct Cell {
  struct Accesses writers, readers;
};

/* ---- Order ---- */

/* Shared memory begins with its block. */
static uint32_t first_epoch(const struct Buffer *buffer) {
  return buffer->is_shared ? effattn_emulation.block_epoch
                           : effattn_emulation.launch_epoch;
}

/* Of accesses by lanes of the running thread's warp in this epoch: the lanes
 * whose access has no order to what the thread does now. */
static uint32_t find_unordered(const struct Accesses *accesses) {
  const struct Thread *me = effattn_emulation.thread;
  const uint32_t *known = me->warp->known[me->lane];
  uint32_t others = accesses->lanes & ~(1u << me->lane);
  if (accesses->time == me->warp->time)
    return others; /* no barrier since */
  for (uint32_t rest = others; rest; rest &= rest - 1)
    if (known[__builtin_ctz(rest)] > accesses->time)
      others &= ~(rest & -rest);
  return others;
}

/* Whether all of them come before what the running thread does now. What was
 * before the first epoch does. */
static int are_before(const struct Accesses *accesses, uint32_t first) {
  const struct Emulation *now = &effattn_emulation;
  if (accesses->epoch < first)
    return 1;
  if (accesses->many_blocks || accesses->epoch < now->block_epoch)
    return 0;
  return accesses->epoch < now->epoch ||
         (accesses->warp == now->thread->warp->number &&
          !find_unordered(accesses));
}

static struct Accesses mine(void) {
  const struct Thread *me = effattn_emulation.thread;
  return (struct Accesses){.epoch = effattn_emulation.epoch,
                           .lanes = 1u << me->lane,
                           .time = me->warp->time,
                           .warp = (uint8_t)me->warp->number};
}

/* Adds what the running thread does to accesses by others, of which those that
 * come before it need not be remembered. */
static void add(struct Accesses *to, uint32_t first) {
  const struct Emulation *now = &effattn_emulation;
  /* More of them would make no difference. */
  if ((to->many_blocks && to->epoch >= first) ||
      (to->warp == Several && to->epoch == now->epoch))
    return;
  struct Accesses added = mine();
  if (to->epoch == now->epoch) {
    uint32_t unordered = find_unordered(to);
    if (to->warp != added.warp) {
      added.warp = Several;
    } else if (unordered) {
      added.lanes |= unordered;
      added.time = to->time;
    }
  }
  if (to->epoch >= first)
    added.many_blocks = to->many_blocks || to->epoch < now->block_epoch;
  *to = added;
}

/* ---- Faults ---- */

static struct EffattnText begin_report(const struct Buffer *buffer,
                                       int64_t offset, int32_t how,
                                       const char *place) {
  struct EffattnText text = effattn_begin_fault(place);
  effattn_put(&text, how & Write ? "writes byte " : "reads byte ");
  effattn_put_number(&text, offset);
  effattn_put(&text, " of ");
  effattn_emulated_put_buffer(&text, buffer);
  return text;
}

static void put_threads(struct EffattnText *text,
                        const struct Accesses *accesses) {
  const struct Emulation *now = &effattn_emulation;
  uint32_t lanes = accesses->lanes;
  if (accesses->epoch == now->epoch &&
      accesses->warp == now->thread->warp->number)
    lanes &= ~(1u << now->thread->lane);
  if (accesses->many_blocks) {
    effattn_put(text, "several blocks");
  } else if (accesses->warp == Several || lanes & (lanes - 1)) {
    effattn_put(text, "several threads");
  } else {
    effattn_put(text, "thread ");
    effattn_put_number(text, accesses->warp * Lanes + __builtin_ctz(lanes));
  }
  if (!accesses->many_blocks && accesses->epoch < now->block_epoch)
    effattn_put(text, " of another block");
}

static _Noreturn void report_race(const struct Buffer *buffer, int64_t offset,
                                  int32_t how, const struct Accesses *others,
                                  int others_wrote, const char *place) {
  struct EffattnText text = begin_report(buffer, offset, how, place);
  effattn_put(&text, others_wrote ? ", which " : ", which is read by ");
  put_threads(&text, others);
  effattn_put(&text, others_wrote ? " writes in any order" : " in any order");
  effattn_end_fault();
}

static _Noreturn void report(const struct Buffer *buffer, int64_t offset,
                             int32_t how, const char *trouble,
                             const char *place) {
  struct EffattnText text = begin_report(buffer, offset, how, place);
  effattn_put(&text, trouble);
  effattn_end_fault();
}

/* ---- Cells ---- */

/* Divides the cells of a buffer, so that accesses cover whole ones. */
static void refine(struct Buffer *buffer, uint8_t grain) {
  int64_t count = (buffer->bytes + (1 << grain) - 1) >> grain;
  struct Cell *cells = calloc((size_t)count, sizeof *cells);
  if (!cells)
    effattn_emulated_refuse("there is no memory to watch its accesses", NULL);
  if (buffer->cells)
    for (int64_t i = 0; i < count; ++i)
      cells[i] = buffer->cells[i >> (buffer->grain - grain)];
  free(buffer->cells);
  buffer->cells = cells;
  buffer->grain = grain;
}

static void watch_cell(const struct Buffer *buffer, int64_t at, int32_t how,
                       const char *place) {
  struct Cell *cell = &buffer->cells[at];
  struct Accesses *writers = &cell->writers, *readers = &cell->readers;
  int64_t offset = at << buffer->grain;
  uint32_t first = first_epoch(buffer);
  if (writers->arriving && writers->epoch >= first)
    report(buffer, offset, how, " before its copy has arrived", place);
  if (!are_before(writers, first) && !(how & Atomic && writers->atomic))
    report_race(buffer, offset, how, writers, 1, place);
  if (how & Write && !are_before(readers, first))
    report_race(buffer, offset, how, readers, 0, place);
  if (buffer->is_shared && how & Read && writers->epoch < first)
    report(buffer, offset, how, ", which nobody has written", place);
  if (!(how & Write)) {
    if (!(how & Atomic))
      add(readers, first);
    return;
  }
  if (how & Atomic && writers->atomic)
    add(writers, first);
  else
    *writers = mine();
  writers->atomic = (how & Atomic) != 0;
}

void effattn_emulated_mark_cells(struct Buffer *buffer, int64_t offset,
                                 int64_t bytes, int is_arriving) {
  if (!buffer->cells)
    return;
  int64_t end = (offset + bytes) >> buffer->grain;
  for (int64_t at = offset >> buffer->grain; at < end; ++at)
    buffer->cells[at].writers.arriving = is_arriving != 0;
}

void effattn_emulated_watch(struct Buffer *buffer, int64_t offset,
                            int64_t bytes, int32_t how, const char *place) {
  uint8_t grain =
      (uint8_t)__builtin_ctzll((uint64_t)(offset | bytes | 1 << CoarsestGrain));
  if (buffer->is_table && how & Write)
    report(buffer, offset, how, ", which is constant", place);
  if (buffer->is_table)
    return;
  if (!buffer->cells || grain < buffer->grain)
    refine(buffer, grain);
  int64_t end = (offset + bytes) >> buffer->grain;
  for (int64_t at = offset >> buffer->grain; at < end; ++at)
    watch_cell(buffer, at, how, place);
}
