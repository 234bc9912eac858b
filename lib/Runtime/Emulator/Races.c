/* Who touched which bytes: threads of a launch run in no order, so that two of
 * them on one byte are a race if one writes, unless a barrier lies between. */
#include "Emulator.h"

enum { Several = 63, CoarsestGrain = 16 };

/* The last accesses to a cell that have no order among each other: when, and by
 * which lanes of which warp. */
struct Accesses {
  uint64_t epoch : 48;
  uint64_t warp : 6;
  uint64_t many_blocks : 1;
  uint64_t atomic : 1;
  uint64_t arriving : 1; /* of writers: a copy has been started */
  uint32_t lanes;
  uint32_t time; /* of the warp */
};

struct Cell {
  struct Accesses writers, readers;
};

/* ---- Order ---- */

/* Shared memory begins with its block. */
static uint64_t first_epoch(const struct Buffer *buffer) {
  return buffer->is_shared ? effattn_emulation.block_epoch
                           : effattn_emulation.launch_epoch;
}

/* Whether all of them come before what the running thread does now. What was
 * before the first epoch does. */
static int are_before(const struct Accesses *accesses, uint64_t first) {
  const struct Emulation *now = &effattn_emulation;
  const struct Thread *me = now->thread;
  if (accesses->epoch < first)
    return 1;
  if (accesses->many_blocks || accesses->epoch < now->block_epoch)
    return 0;
  if (accesses->epoch < now->epoch)
    return 1;
  if (accesses->warp != me->warp->number)
    return 0;
  const uint32_t *known = me->warp->known[me->lane];
  for (uint32_t rest = accesses->lanes & ~(1u << me->lane); rest;
       rest &= rest - 1)
    if (known[__builtin_ctz(rest)] <= accesses->time)
      return 0;
  return 1;
}

static struct Accesses mine(void) {
  const struct Thread *me = effattn_emulation.thread;
  struct Accesses accesses = {0};
  accesses.epoch = effattn_emulation.epoch;
  accesses.warp = me->warp->number;
  accesses.lanes = 1u << me->lane;
  accesses.time = me->warp->time;
  return accesses;
}

/* Adds what the running thread does to accesses by others, of which those that
 * come before it need not be remembered. */
static void add(struct Accesses *to, uint64_t first) {
  const struct Emulation *now = &effattn_emulation;
  struct Accesses added = mine();
  if (to->epoch >= first)
    added.many_blocks = to->many_blocks || to->epoch < now->block_epoch;
  if (to->epoch == now->epoch) {
    if (to->warp != added.warp) {
      added.warp = Several;
    } else {
      const uint32_t *known = now->thread->warp->known[now->thread->lane];
      for (uint32_t rest = to->lanes & ~added.lanes; rest; rest &= rest - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(rest);
        if (known[lane] <= to->time) {
          added.lanes |= 1u << lane;
          added.time = to->time;
        }
      }
    }
  }
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
static void refine(struct Buffer *buffer, uint32_t grain) {
  int64_t count = (buffer->bytes + grain - 1) / grain;
  struct Cell *cells = calloc((size_t)count, sizeof *cells);
  if (cells && buffer->cells)
    for (int64_t i = 0; i < count; ++i)
      cells[i] = buffer->cells[i * grain / buffer->grain];
  free(buffer->cells);
  buffer->cells = cells;
  buffer->grain = grain;
  buffer->is_unwatched = !cells;
}

static void watch_cell(const struct Buffer *buffer, int64_t at, int32_t how,
                       const char *place) {
  struct Cell *cell = &buffer->cells[at];
  struct Accesses *writers = &cell->writers, *readers = &cell->readers;
  int64_t offset = at * buffer->grain;
  uint64_t first = first_epoch(buffer);
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
  for (int64_t at = offset / buffer->grain;
       at < (offset + bytes) / buffer->grain; ++at)
    buffer->cells[at].writers.arriving = is_arriving != 0;
}

void effattn_emulated_watch(struct Buffer *buffer, int64_t offset,
                            int64_t bytes, int32_t how, const char *place) {
  uint64_t edges = (uint64_t)(offset | bytes | CoarsestGrain);
  uint32_t grain = (uint32_t)(edges & -edges);
  if (buffer->is_table && how & Write)
    report(buffer, offset, how, ", which is constant", place);
  if (buffer->is_table || buffer->is_unwatched)
    return; /* without memory for it, races go unseen */
  if (!buffer->cells || grain < buffer->grain)
    refine(buffer, grain);
  if (buffer->is_unwatched)
    return;
  int64_t end = (offset + bytes) / buffer->grain;
  for (int64_t at = offset / buffer->grain; at < end; ++at)
    watch_cell(buffer, at, how, place);
}
