/* The emulator as a device: launches, registers, faults. */
#include "Emulator.h"

/* Of a block, on the GPUs that have most. */
enum { MaxShared = 227 * 1024 };

_Thread_local struct Emulation effattn_emulation;

int32_t effattn_emulated_register(int32_t number) {
  const struct Emulation *now = &effattn_emulation;
  const struct Thread *me = now->thread;
  uint32_t own = 1u << me->lane;
  if (number < BlockX)
    return me->position[number];
  if (number < Lane)
    return now->registers[number];
  switch ((enum Register)number) {
  case Lane:
    return (int32_t)me->lane;
  case WarpNumber:
    return (int32_t)me->warp->number;
  case WarpCount:
    return (int32_t)now->warp_count;
  case LanesEqual:
    return (int32_t)own;
  case LanesUpTo:
    return (int32_t)(own | (own - 1));
  case LanesBelow:
    return (int32_t)(own - 1);
  case LanesFrom:
    return (int32_t)~(own - 1);
  case LanesAbove:
    return (int32_t)~(own | (own - 1));
  default:
    return Lanes;
  }
}

static struct EffattnText begin_sentence(void) {
  struct EffattnText text = effattn_sentence_of_call();
  effattn_put(&text, "kernel ");
  effattn_put(&text, effattn_emulation.kernel->name);
  return text;
}

static void put_position(struct EffattnText *text, const char *what,
                         const int32_t *position) {
  static const char *const axes[] = {", ", ", ", ")"};
  effattn_put(text, what);
  for (int axis = 0; axis < 3; ++axis) {
    effattn_put_number(text, position[axis]);
    effattn_put(text, axes[axis]);
  }
}

struct EffattnText effattn_begin_fault(const char *place) {
  struct EffattnText text = begin_sentence();
  put_position(&text, ", block (", effattn_emulation.registers + BlockX);
  put_position(&text, ", thread (", effattn_emulation.thread->position);
  if (place && *place) {
    effattn_put(&text, ", ");
    effattn_put(&text, place);
  }
  effattn_put(&text, ": ");
  return text;
}

void effattn_emulated_refuse(const char *trouble, const char *place) {
  struct EffattnText text = effattn_begin_fault(place);
  effattn_put(&text, trouble);
  effattn_end_fault();
}

static uint32_t greatest_divisor(uint32_t left, uint32_t right) {
  while (right) {
    uint32_t rest = left % right;
    left = right;
    right = rest;
  }
  return left;
}

/* An order of `count` blocks that depends on the seed: every `step`th of them
 * from `start` on, round and round. */
struct Order {
  uint64_t start, step, count;
};

static struct Order choose_order(uint32_t count) {
  struct Order order = {0, 1, count};
  if (!effattn_emulation.random || count < 2)
    return order;
  order.start = effattn_emulated_random(count);
  order.step = effattn_emulated_random(count);
  while (greatest_divisor((uint32_t)order.step, count) != 1)
    order.step = (order.step + 1) % count;
  return order;
}

static uint32_t nth(const struct Order *order, uint32_t n) {
  return (uint32_t)((order->start + order->step * n) % order->count);
}

static uint64_t read_seed(void) {
  const char *text = getenv("EFFATTN_EMULATOR_SEED");
  uint64_t seed = 0;
  while (text && *text >= '0' && *text <= '9')
    seed = 10 * seed + (uint64_t)(*text++ - '0');
  return seed;
}

static int run_grid(const int64_t *grid) {
  struct Emulation *now = &effattn_emulation;
  uint32_t blocks = (uint32_t)(grid[0] * grid[1] * grid[2]);
  struct Order order = choose_order(blocks);
  for (uint32_t b = 0; b < blocks; ++b) {
    uint32_t number = nth(&order, b);
    now->registers[BlockX] = (int32_t)(number % grid[0]);
    now->registers[BlockX + 1] = (int32_t)(number / grid[0] % grid[1]);
    now->registers[BlockX + 2] = (int32_t)(number / grid[0] / grid[1]);
    now->block_epoch = ++now->epoch;
    effattn_emulated_clear_shared();
    if (!effattn_emulated_run_block())
      return EffattnBadDevice;
  }
  return EffattnDone;
}

static int refuse(const char *what, int64_t number, const char *limit) {
  struct EffattnText text = begin_sentence();
  effattn_put(&text, ": expected ");
  effattn_put(&text, limit);
  effattn_put(&text, what);
  effattn_put(&text, ", but got ");
  effattn_put_number(&text, number);
  return EffattnBadDevice;
}

int effattn_device_launch(const struct EffattnKernel *kernel, int64_t grid_x,
                          int64_t grid_y, int64_t grid_z, int64_t block_x,
                          int64_t block_y, int64_t block_z, int64_t shared,
                          void *const *arguments) {
  const int64_t grid[] = {grid_x, grid_y, grid_z},
                block[] = {block_x, block_y, block_z};
  struct Emulation *now = &effattn_emulation;
  if (grid_x <= 0 || grid_y <= 0 || grid_z <= 0)
    return EffattnDone;
  now->kernel = kernel;
  now->arguments = arguments;
  int64_t threads = block_x * block_y * block_z;
  if (threads < 1 || threads > MaxThreads)
    return refuse("threads in a block", threads, "1 to 1024 ");
  if (shared < 0 || shared > MaxShared)
    return refuse("bytes of shared memory", shared, "at most 232448 ");
  if (!effattn_emulated_make_threads(block)) {
    struct EffattnText text = effattn_sentence_of_call();
    effattn_put(&text, "out of memory");
    return EffattnOutOfMemory;
  }
  now->dynamic_bytes = shared;
  now->launch_epoch = ++now->epoch;
  uint64_t seed = read_seed();
  now->random = seed ? (seed + now->epoch) * 0x9e3779b97f4a7c15u | 1 : 0;
  for (int axis = 0; axis < 3; ++axis) {
    now->registers[Threads + axis] = (int32_t)block[axis];
    now->registers[Blocks + axis] = (int32_t)grid[axis];
  }
  int code = run_grid(grid);
  effattn_emulated_release_shared();
  return code;
}

int effattn_device_read(void *host, const void *device, int64_t bytes) {
  if (!effattn_emulated_contains(device, bytes)) {
    struct EffattnText text = effattn_sentence_of_call();
    effattn_put(&text, "the host reads memory that is none of the device");
    return EffattnBadDevice;
  }
  memcpy(host, device, (size_t)bytes);
  return EffattnDone;
}

static int begin(void *stream) {
  (void)stream;
  return EffattnDone;
}

/* A thread of the host that ends leaves nothing behind. */
static void end(void) {
  effattn_emulated_end_threads();
  if (effattn_emulated_end_memory())
    effattn_emulation.epoch = 0; /* nobody remembers one */
}

static int write_memory(void *device, const void *host, int64_t bytes) {
  memcpy(device, host, (size_t)bytes);
  return EffattnDone;
}

static int wait(void) { return EffattnDone; }

const struct EffattnDevice effattn_emulator = {
    /*tensors=*/0,
    begin,
    end,
    effattn_emulated_allocate,
    effattn_emulated_release,
    write_memory,
    effattn_device_read,
    wait};
