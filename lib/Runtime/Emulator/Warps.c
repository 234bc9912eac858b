/* What threads do together: barriers, and instructions of a warp. */
#include "Emulator.h"

static uint32_t low(uint64_t word) { return (uint32_t)word; }

/* ---- Barriers of a block ---- */

enum Reduction { None, Count, All, Any };

static uint64_t reduce_predicates(enum Reduction kind) {
  const struct Emulation *now = &effattn_emulation;
  uint32_t count = 0;
  for (uint32_t t = 0; t < now->thread_count; ++t)
    count += low(now->threads[t].words[1]) != 0;
  switch (kind) {
  case All:
    return count == now->thread_count;
  case Any:
    return count != 0;
  default:
    return count;
  }
}

static void release_barrier(enum Reduction kind) {
  struct Emulation *now = &effattn_emulation;
  uint64_t result = kind == None ? 0 : reduce_predicates(kind);
  for (uint32_t w = 0; w < now->warp_count; ++w)
    now->warps[w].at_barrier = 0;
  for (uint32_t t = 0; t < now->thread_count; ++t) {
    if (kind != None)
      now->threads[t].words[0] = result;
    effattn_emulated_make_ready(&now->threads[t]);
  }
  now->at_barrier = 0;
  ++now->epoch;
}

/* Operands: the number of the barrier and, with a reduction, a predicate. A
 * warp must wait at one instruction. */
void effattn_emulated_barrier(uint64_t *words, int64_t details,
                              const char *place) {
  struct Emulation *now = &effattn_emulation;
  struct Warp *warp = now->thread->warp;
  enum Reduction kind = (enum Reduction)low((uint64_t)details);
  uint64_t barrier = words[0] << 32 | (uint64_t)kind;
  const char *trouble = NULL;
  if (warp->at_barrier && warp->barrier_site != details)
    trouble = "is at another barrier than the rest of its warp";
  if (now->at_barrier && now->barrier != barrier)
    trouble = "is at another barrier than the rest of its block";
  if (trouble)
    effattn_emulated_refuse(trouble, place);
  ++warp->at_barrier;
  warp->barrier_site = details;
  now->barrier = barrier;
  effattn_emulated_arrive(words, 0, place);
  if (++now->at_barrier == now->thread_count)
    release_barrier(kind);
  effattn_emulated_go_on();
}

/* ---- Meetings of a warp ---- */

static struct Meeting *find_meeting(struct Warp *warp, uint32_t lanes) {
  for (uint32_t m = 0; m < warp->meeting_count; ++m)
    if (warp->meetings[m].lanes == lanes)
      return &warp->meetings[m];
  return NULL;
}

static void act(struct Warp *warp, struct Meeting *at) {
  struct Meeting meeting = *at;
  *at = warp->meetings[--warp->meeting_count];
  meeting.act(warp, meeting.lanes, low((uint64_t)meeting.details));
  for (uint32_t lane = 0; lane < Lanes; ++lane)
    if (meeting.lanes >> lane & 1)
      effattn_emulated_make_ready(&warp->threads[lane]);
}

void effattn_emulated_meet(uint64_t mask, Collective *collective,
                           uint64_t *words, int64_t details,
                           const char *place) {
  struct Thread *me = effattn_emulation.thread;
  struct Warp *warp = me->warp;
  uint32_t lanes = low(mask) & warp->existing;
  if (!(lanes >> me->lane & 1))
    effattn_emulated_refuse("is not among the lanes of its mask", place);
  struct Meeting *meeting = find_meeting(warp, lanes);
  if (!meeting) {
    meeting = &warp->meetings[warp->meeting_count++];
    *meeting = (struct Meeting){lanes, 0, collective, details};
  } else if (meeting->act != collective || meeting->details != details) {
    effattn_emulated_refuse(
        "is at another instruction than the lanes of its mask", place);
  }
  effattn_emulated_arrive(words, lanes, place);
  meeting->arrived |= 1u << me->lane;
  if (meeting->arrived == lanes)
    act(warp, meeting);
  effattn_emulated_go_on();
}

/* Where an instruction stands does not matter if it need not be the same one
 * for all lanes. */
static int64_t without_site(int64_t details) { return low((uint64_t)details); }

/* ---- Barriers of a warp ---- */

static void sync(struct Warp *warp, uint32_t lanes, int64_t details) {
  (void)details;
  uint32_t time = ++warp->time, known[Lanes];
  for (uint32_t of = 0; of < Lanes; ++of) {
    known[of] = lanes >> of & 1 ? time : 0;
    for (uint32_t lane = 0; lane < Lanes; ++lane)
      if (lanes >> lane & 1 && warp->known[lane][of] > known[of])
        known[of] = warp->known[lane][of];
  }
  for (uint32_t lane = 0; lane < Lanes; ++lane)
    if (lanes >> lane & 1)
      memcpy(warp->known[lane], known, sizeof known);
}

void effattn_emulated_sync_warp(uint64_t *words, int64_t details,
                                const char *place) {
  effattn_emulated_meet(words[0], sync, words, without_site(details), place);
}

/* ---- Shuffles ---- */

enum Shuffle { Butterfly, Up, Down, Index };

/* The lane that a lane reads, which is itself where there is none, and whether
 * there is one. */
static uint32_t find_source(enum Shuffle kind, uint32_t lane,
                            const uint64_t *words, int *is_valid) {
  uint32_t by = low(words[2]) % Lanes, clamp = low(words[3]) % Lanes,
           segment = low(words[3]) >> 8 & (Lanes - 1);
  uint32_t first = lane & segment, last = first | (clamp & ~segment);
  uint32_t source = kind == Butterfly ? lane ^ by
                    : kind == Up      ? lane - by
                    : kind == Down    ? lane + by
                                      : first | (by & ~segment);
  *is_valid = kind == Up ? (int32_t)source >= (int32_t)last : source <= last;
  return *is_valid ? source : lane;
}

static void shuffle(struct Warp *warp, uint32_t lanes, int64_t details) {
  uint64_t values[Lanes];
  for (uint32_t lane = 0; lane < Lanes; ++lane)
    /* What a lane that takes no part gives is undefined. */
    values[lane] =
        lanes >> lane & 1 ? warp->threads[lane].words[1] : UINT32_MAX;
  for (uint32_t lane = 0; lane < Lanes; ++lane) {
    if (!(lanes >> lane & 1))
      continue;
    uint64_t *words = warp->threads[lane].words;
    int is_valid;
    uint32_t source =
        find_source((enum Shuffle)details, lane, words, &is_valid);
    words[0] = values[source];
    words[1] = (uint64_t)is_valid;
  }
}

/* Operands: mask, value, lanes to go, clamp and segment. Results: a value, and
 * whether it is that of the lane asked for. */
void effattn_emulated_shuffle(uint64_t *words, int64_t details,
                              const char *place) {
  effattn_emulated_meet(words[0], shuffle, words, without_site(details), place);
}

/* ---- Votes, matches, reductions ---- */

/* The lanes whose word `number` is `value`. */
static uint32_t find_equal(const struct Warp *warp, uint32_t lanes, int number,
                           uint64_t value) {
  uint32_t equal = 0;
  for (uint32_t lane = 0; lane < Lanes; ++lane)
    if (lanes >> lane & 1 && warp->threads[lane].words[number] == value)
      equal |= 1u << lane;
  return equal;
}

static void give(struct Warp *warp, uint32_t lanes, uint64_t result) {
  for (uint32_t lane = 0; lane < Lanes; ++lane)
    if (lanes >> lane & 1)
      warp->threads[lane].words[0] = result;
}

enum Vote { VoteAny, VoteAll, Ballot, Unison };

static void vote(struct Warp *warp, uint32_t lanes, int64_t details) {
  uint32_t ayes = find_equal(warp, lanes, 1, 1);
  switch ((enum Vote)details) {
  case VoteAny:
    return give(warp, lanes, ayes != 0);
  case VoteAll:
    return give(warp, lanes, ayes == lanes);
  case Ballot:
    return give(warp, lanes, ayes);
  case Unison:
    return give(warp, lanes, ayes == lanes || !ayes);
  }
}

/* Operands: mask, predicate. */
void effattn_emulated_vote(uint64_t *words, int64_t details,
                           const char *place) {
  effattn_emulated_meet(words[0], vote, words, without_site(details), place);
}

/* Every lane learns which others have its value; if all have to, whether they
 * do. */
static void match(struct Warp *warp, uint32_t lanes, int64_t all_have_to) {
  uint32_t equal[Lanes];
  for (uint32_t lane = 0; lane < Lanes; ++lane)
    if (lanes >> lane & 1)
      equal[lane] = find_equal(warp, lanes, 1, warp->threads[lane].words[1]);
  for (uint32_t lane = 0; lane < Lanes; ++lane) {
    if (!(lanes >> lane & 1))
      continue;
    int is_match = !all_have_to || equal[lane] == lanes;
    warp->threads[lane].words[0] = is_match ? equal[lane] : 0;
    warp->threads[lane].words[1] = (uint64_t)is_match;
  }
}

/* Operands: mask, value. */
void effattn_emulated_match(uint64_t *words, int64_t details,
                            const char *place) {
  effattn_emulated_meet(words[0], match, words, without_site(details), place);
}

enum Sum { Add = 1, And, Max, Min, Or, MaxUnsigned, MinUnsigned, Xor };

static uint32_t combine(enum Sum kind, uint32_t left, uint32_t right) {
  switch (kind) {
  case Add:
    return left + right;
  case And:
    return left & right;
  case Or:
    return left | right;
  case Xor:
    return left ^ right;
  case Max:
    return (int32_t)left > (int32_t)right ? left : right;
  case Min:
    return (int32_t)left < (int32_t)right ? left : right;
  case MaxUnsigned:
    return left > right ? left : right;
  case MinUnsigned:
    return left < right ? left : right;
  }
  return left;
}

static void reduce(struct Warp *warp, uint32_t lanes, int64_t details) {
  uint32_t first = (uint32_t)__builtin_ctz(lanes);
  uint32_t result = low(warp->threads[first].words[0]);
  for (uint32_t lane = first + 1; lane < Lanes; ++lane)
    if (lanes >> lane & 1)
      result =
          combine((enum Sum)details, result, low(warp->threads[lane].words[0]));
  give(warp, lanes, result);
}

/* Operands: value, mask. */
void effattn_emulated_reduce(uint64_t *words, int64_t details,
                             const char *place) {
  effattn_emulated_meet(words[1], reduce, words, without_site(details), place);
}
