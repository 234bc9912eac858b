/* Launches of kernels, and how they end. */
#include "Emulator.h"

/* Larger than that of any C library. */
struct Jump {
  _Alignas(16) char bytes[512];
};
int _setjmp(struct Jump *jump) __attribute__((returns_twice));
_Noreturn void longjmp(struct Jump *jump, int value);

enum { ThreadX, ThreadY, ThreadZ, BlockX, BlockY, BlockZ, Threads, Blocks = 9 };

_Thread_local struct Emulation effattn_emulation;
static _Thread_local struct Jump end_of_kernel;

int32_t effattn_emulated_register(int32_t number) {
  return effattn_emulation.registers[number];
}

struct EffattnText effattn_begin_fault(const char *place) {
  static const char *const axes[] = {", ", ", ", ")"};
  struct EffattnText text = effattn_sentence_of_call();
  effattn_put(&text, "kernel ");
  effattn_put(&text, effattn_emulation.kernel->name);
  for (int part = 1; part >= 0; --part) {
    effattn_put(&text, part ? ", block (" : ", thread (");
    for (int axis = 0; axis < 3; ++axis) {
      effattn_put_number(&text, effattn_emulation.registers[3 * part + axis]);
      effattn_put(&text, axes[axis]);
    }
  }
  if (*place) {
    effattn_put(&text, ", ");
    effattn_put(&text, place);
  }
  effattn_put(&text, ": ");
  return text;
}

void effattn_end_fault(void) { longjmp(&end_of_kernel, 1); }

static uint32_t greatest_divisor(uint32_t left, uint32_t right) {
  while (right) {
    uint32_t rest = left % right;
    left = right;
    right = rest;
  }
  return left;
}

/* An order of `count` things that depends on the seed: every `step`th of them
 * from `start` on, round and round. */
struct Order {
  uint64_t start, step, count;
};

static struct Order choose_order(uint32_t seed, uint32_t count) {
  struct Order order = {0, 1, count};
  if (!seed || count < 2)
    return order;
  uint32_t mixed = (seed + effattn_emulation.launch) * 2654435761u;
  order.start = mixed % count;
  order.step = (mixed >> 8) % count;
  while (greatest_divisor((uint32_t)order.step, count) != 1)
    order.step = (order.step + 1) % count;
  return order;
}

static uint32_t nth(const struct Order *order, uint32_t n) {
  return (uint32_t)((order->start + order->step * n) % order->count);
}

static void place(int32_t *registers, uint32_t number, const int64_t *sizes) {
  registers[0] = (int32_t)(number % sizes[0]);
  registers[1] = (int32_t)(number / sizes[0] % sizes[1]);
  registers[2] = (int32_t)(number / sizes[0] / sizes[1]);
}

static uint32_t read_seed(void) {
  const char *text = getenv("EFFATTN_EMULATOR_SEED");
  uint32_t seed = 0;
  while (text && *text >= '0' && *text <= '9')
    seed = 10 * seed + (uint32_t)(*text++ - '0');
  return seed;
}

static void run_grid(const int64_t *grid, const int64_t *block,
                     void *const *arguments) {
  struct Emulation *now = &effattn_emulation;
  uint32_t blocks = (uint32_t)(grid[0] * grid[1] * grid[2]),
           threads = (uint32_t)(block[0] * block[1] * block[2]),
           seed = read_seed();
  struct Order block_order = choose_order(seed, blocks),
               thread_order = choose_order(seed, threads);
  for (uint32_t b = 0; b < blocks; ++b) {
    uint32_t block_number = nth(&block_order, b);
    place(now->registers + BlockX, block_number, grid);
    for (uint32_t t = 0; t < threads; ++t) {
      uint32_t thread_number = nth(&thread_order, t);
      place(now->registers + ThreadX, thread_number, block);
      now->thread = block_number * threads + thread_number + 1;
      now->kernel->thread(arguments);
    }
  }
}

int effattn_device_launch(const struct EffattnKernel *kernel, int64_t grid_x,
                          int64_t grid_y, int64_t grid_z, int64_t block_x,
                          int64_t block_y, int64_t block_z, int64_t shared,
                          void *const *arguments) {
  const int64_t grid[] = {grid_x, grid_y, grid_z},
                block[] = {block_x, block_y, block_z};
  struct Emulation *now = &effattn_emulation;
  (void)shared;
  if (grid_x <= 0 || grid_y <= 0 || grid_z <= 0)
    return EffattnDone;
  now->kernel = kernel;
  ++now->launch;
  for (int axis = 0; axis < 3; ++axis) {
    now->registers[Threads + axis] = (int32_t)block[axis];
    now->registers[Blocks + axis] = (int32_t)grid[axis];
  }
  if (_setjmp(&end_of_kernel))
    return EffattnBadDevice;
  run_grid(grid, block, arguments);
  return EffattnDone;
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

static int write_memory(void *device, const void *host, int64_t bytes) {
  memcpy(device, host, (size_t)bytes);
  return EffattnDone;
}

static int wait(void) { return EffattnDone; }

const struct EffattnDevice effattn_emulator = {
    /*tensors=*/0,
    begin,
    effattn_emulated_end,
    effattn_emulated_allocate,
    effattn_emulated_release,
    write_memory,
    effattn_device_read,
    wait};
