/* Threads of a block: each on a stack of its own while it runs, one at a time,
 * until it waits or ends. What runs next is drawn from those that can.
 *
 * A stack begins the next thread when its own has ended, so that a kernel whose
 * threads never wait runs on one. */
#include "Emulator.h"

void *mmap(void *address, size_t bytes, int protection, int flags, int file,
           long offset);
int munmap(void *address, size_t bytes);
int mprotect(void *address, size_t bytes, int protection);

enum {
  NoAccess = 0,
  ReadAndWrite = 3,        /* PROT_READ | PROT_WRITE */
  Anonymous = 0x20 | 0x02, /* MAP_ANONYMOUS | MAP_PRIVATE */
  GuardBytes = 64 * 1024,  /* a page of any host */
  StackBytes = 640 * 1024, /* with the guard */
  /* Tops of stacks are shifted against each other, since a cache holds few
   * lines at addresses that differ by a power of 2. */
  Shift = 13 * 64,
  Shifts = 64,
};

/* At the upper end of its memory. */
struct Stack {
  void *pointer; /* of a stack that does not run */
  struct Stack *next_idle, *next;
};

static _Thread_local struct {
  struct Stack launcher; /* the stack that launches run on */
  struct Stack *all, *idle;
  int64_t count;
} stacks;

/* Threads that can run, round and round. */
static _Thread_local struct {
  struct Thread **items;
  uint32_t first, count;
} ready;

/* ---- Switching ---- */

/* Puts the registers that a function must keep on the stack, leaves its address
 * in `*from`, and goes on where `to` was left. */
#if defined(__x86_64__)
__attribute__((naked, noinline)) static void switch_stack(void **from,
                                                          void *to) {
  __asm__("pushq %rbp\n pushq %rbx\n pushq %r12\n"
          "pushq %r13\n pushq %r14\n pushq %r15\n"
          "movq %rsp, (%rdi)\n movq %rsi, %rsp\n"
          "popq %r15\n popq %r14\n popq %r13\n"
          "popq %r12\n popq %rbx\n popq %rbp\n ret");
}

/* A stack on which switch_stack returns into the function. */
static void *prepare(char *top, void (*function)(void)) {
  void **words =
      (void **)top - 2; /* as after a call: 8 below a multiple of 16 */
  words[0] = (void *)function;
  memset(words - 6, 0, 6 * sizeof *words);
  return words - 6;
}
#elif defined(__aarch64__)
__attribute__((naked, noinline)) static void switch_stack(void **from,
                                                          void *to) {
  __asm__("sub sp, sp, #160\n"
          "stp x19, x20, [sp]\n stp x21, x22, [sp, #16]\n"
          "stp x23, x24, [sp, #32]\n stp x25, x26, [sp, #48]\n"
          "stp x27, x28, [sp, #64]\n stp x29, x30, [sp, #80]\n"
          "stp d8, d9, [sp, #96]\n stp d10, d11, [sp, #112]\n"
          "stp d12, d13, [sp, #128]\n stp d14, d15, [sp, #144]\n"
          "mov x9, sp\n str x9, [x0]\n mov sp, x1\n"
          "ldp x19, x20, [sp]\n ldp x21, x22, [sp, #16]\n"
          "ldp x23, x24, [sp, #32]\n ldp x25, x26, [sp, #48]\n"
          "ldp x27, x28, [sp, #64]\n ldp x29, x30, [sp, #80]\n"
          "ldp d8, d9, [sp, #96]\n ldp d10, d11, [sp, #112]\n"
          "ldp d12, d13, [sp, #128]\n ldp d14, d15, [sp, #144]\n"
          "add sp, sp, #160\n ret");
}

static void *prepare(char *top, void (*function)(void)) {
  void **words = (void **)top - 20;
  memset(words, 0, 20 * sizeof *words);
  words[11] = (void *)function; /* x30 */
  return words;
}
#else
#error "unknown host"
#endif

/* ---- Stacks ---- */

static void run_threads(void);

static struct Stack *make_stack(void) {
  char *memory = mmap(NULL, StackBytes, ReadAndWrite, Anonymous, -1, 0);
  if (memory == (char *)-1)
    return NULL;
  mprotect(memory, GuardBytes, NoAccess);
  struct Stack *stack = (struct Stack *)(memory + StackBytes - sizeof *stack);
  char *top = memory + StackBytes - 64 - stacks.count % Shifts * Shift;
  *stack = (struct Stack){prepare(top, run_threads), NULL, stacks.all};
  stacks.all = stack;
  ++stacks.count;
  return stack;
}

static struct Stack *take_stack(void) {
  struct Stack *stack = stacks.idle;
  if (!stack)
    return make_stack();
  stacks.idle = stack->next_idle;
  return stack;
}

static void release_stacks(void) {
  for (struct Stack *stack = stacks.all, *next; stack; stack = next) {
    next = stack->next;
    munmap((char *)(stack + 1) - StackBytes, StackBytes);
  }
  stacks.all = stacks.idle = NULL;
  stacks.count = 0;
}

/* ---- Scheduling ---- */

uint32_t effattn_emulated_random(uint32_t count) {
  uint64_t *state = &effattn_emulation.random;
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return (uint32_t)((*state >> 32) % count);
}

static uint32_t place_in_queue(uint32_t n) {
  uint32_t at = ready.first + n, size = effattn_emulation.thread_count;
  return at < size ? at : at - size;
}

void effattn_emulated_make_ready(struct Thread *thread) {
  thread->waits = 0;
  ready.items[place_in_queue(ready.count++)] = thread;
}

static struct Thread *take_ready(void) {
  if (!ready.count)
    return NULL;
  struct Thread **head = &ready.items[ready.first];
  if (effattn_emulation.random) {
    struct Thread **drawn =
        &ready.items[place_in_queue(effattn_emulated_random(ready.count))];
    struct Thread *thread = *drawn;
    *drawn = *head;
    *head = thread;
  }
  ready.first = place_in_queue(1);
  --ready.count;
  return *head;
}

/* Returns when the thread that this stack has then is to run. */
void effattn_emulated_go_on(void) {
  struct Emulation *now = &effattn_emulation;
  struct Stack *mine = now->thread->stack, *to = &stacks.launcher;
  int is_over = now->thread->has_ended;
  if (is_over)
    now->thread->stack = NULL;
  struct Thread *next = take_ready();
  if (next && is_over && !next->stack) {
    next->stack = mine;
    now->thread = next;
    return;
  }
  if (is_over) {
    mine->next_idle = stacks.idle;
    stacks.idle = mine;
  }
  if (next) {
    now->thread = next;
    if (!next->stack && !(next->stack = take_stack()))
      effattn_emulated_refuse("there is no memory for its stack", NULL);
    to = next->stack;
  }
  if (to != mine)
    switch_stack(&mine->pointer, to->pointer);
}

/* What a stack does. */
static void run_threads(void) {
  for (;;) {
    struct Emulation *now = &effattn_emulation;
    now->kernel->thread(now->arguments);
    effattn_emulated_wait_copies(NULL, 0, NULL);
    effattn_emulation.thread->has_ended = 1;
    effattn_emulated_go_on();
  }
}

void effattn_emulated_arrive(uint64_t *words, uint32_t meets,
                             const char *place) {
  struct Thread *me = effattn_emulation.thread;
  me->words = words;
  me->meets = meets;
  me->place = place;
  me->waits = 1;
}

void effattn_end_fault(void) {
  void *abandoned;
  effattn_emulation.has_failed = 1;
  switch_stack(&abandoned, stacks.launcher.pointer);
  __builtin_unreachable();
}

/* ---- Blocks ---- */

static void put_reason(struct EffattnText *text, const struct Thread *missing) {
  effattn_put(text, "waits for thread ");
  effattn_put_number(text, missing->number);
  if (missing->has_ended) {
    effattn_put(text, ", which has ended");
    return;
  }
  effattn_put(text, ", which waits elsewhere");
  if (missing->place && *missing->place) {
    effattn_put(text, ": ");
    effattn_put(text, missing->place);
  }
}

/* Whether the first one waits for the second, which is not there. */
static int lacks(const struct Thread *waiting, const struct Thread *other) {
  if (!waiting->meets)
    return !other->waits || other->meets;
  return other->warp == waiting->warp && waiting->meets >> other->lane & 1 &&
         (other->has_ended || other->meets != waiting->meets);
}

/* Of threads that wait for ever, one and whom it waits for; best one that has
 * ended. */
static int report_deadlock(void) {
  struct Emulation *now = &effattn_emulation;
  struct Thread *waiting = NULL, *missing = NULL;
  for (uint32_t w = 0; w < now->thread_count; ++w) {
    struct Thread *thread = &now->threads[w];
    for (uint32_t o = 0; thread->waits && o < now->thread_count; ++o) {
      struct Thread *other = &now->threads[o];
      if (lacks(thread, other) &&
          (!missing || (other->has_ended && !missing->has_ended))) {
        waiting = thread;
        missing = other;
      }
    }
  }
  if (!waiting)
    return 1;
  now->thread = waiting;
  struct EffattnText text = effattn_begin_fault(waiting->place);
  put_reason(&text, missing);
  return 0;
}

int effattn_emulated_make_threads(const int64_t *block) {
  struct Emulation *now = &effattn_emulation;
  uint32_t count = (uint32_t)(block[0] * block[1] * block[2]);
  if (!now->threads) {
    now->threads = calloc(MaxThreads, sizeof *now->threads);
    now->warps = calloc(MaxThreads / Lanes, sizeof *now->warps);
    ready.items = calloc(MaxThreads, sizeof *ready.items);
  }
  if (!now->threads || !now->warps || !ready.items) {
    effattn_emulated_end_threads();
    return 0;
  }
  now->thread_count = count;
  now->warp_count = (count + Lanes - 1) / Lanes;
  for (uint32_t t = 0; t < count; ++t) {
    struct Thread *thread = &now->threads[t];
    thread->position[0] = (int32_t)(t % block[0]);
    thread->position[1] = (int32_t)(t / block[0] % block[1]);
    thread->position[2] = (int32_t)(t / block[0] / block[1]);
    thread->number = t;
    thread->lane = t % Lanes;
    thread->warp = &now->warps[t / Lanes];
  }
  for (uint32_t w = 0; w < now->warp_count; ++w) {
    uint32_t rest = count - w * Lanes;
    now->warps[w].threads = now->threads + w * Lanes;
    now->warps[w].number = w;
    now->warps[w].existing = rest < Lanes ? (1u << rest) - 1 : UINT32_MAX;
  }
  return 1;
}

static void begin_block(void) {
  struct Emulation *now = &effattn_emulation;
  for (uint32_t w = 0; w < now->warp_count; ++w) {
    struct Warp *warp = &now->warps[w];
    if (warp->time)
      memset(warp->known, 0, sizeof warp->known);
    warp->time = warp->meeting_count = warp->at_barrier = 0;
  }
  now->at_barrier = 0;
  ready.first = ready.count = 0;
  for (uint32_t t = 0; t < now->thread_count; ++t) {
    now->threads[t].stack = NULL;
    now->threads[t].has_ended = now->threads[t].waits = 0;
    now->threads[t].copies.count = 0;
    now->threads[t].copies.group = 0;
    effattn_emulated_make_ready(&now->threads[t]);
  }
}

int effattn_emulated_run_block(void) {
  struct Emulation *now = &effattn_emulation;
  begin_block();
  now->has_failed = 0;
  now->thread = take_ready();
  now->thread->stack = take_stack();
  if (!now->thread->stack) {
    struct EffattnText text = effattn_begin_fault(NULL);
    effattn_put(&text, "there is no memory for its stack");
    return 0;
  }
  switch_stack(&stacks.launcher.pointer, now->thread->stack->pointer);
  if (!now->has_failed && report_deadlock())
    return 1;
  /* They are in the middle of threads that never go on. */
  release_stacks();
  return 0;
}

void effattn_emulated_end_threads(void) {
  struct Emulation *now = &effattn_emulation;
  release_stacks();
  for (uint32_t t = 0; now->threads && t < MaxThreads; ++t)
    free(now->threads[t].copies.items);
  free(now->threads);
  free(now->warps);
  free(ready.items);
  now->threads = NULL;
  now->warps = NULL;
  ready.items = NULL;
}
