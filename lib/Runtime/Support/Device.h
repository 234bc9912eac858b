/* What compiled code asks of a device, and what the devices share: the driver
 * of lib/Runtime/Cuda and the emulator of lib/Runtime/Emulator.
 * include/effattn/CodeGen/GPU/Runtime.h declares the same for the compiler. */
#ifndef EFFATTN_RUNTIME_DEVICE_H
#define EFFATTN_RUNTIME_DEVICE_H

#include "Support.h"

void *realloc(void *memory, size_t size);

struct EffattnKernel {
  const char *name;
  /* Emulates a thread, on an array of pointers to the arguments; NULL for a
   * GPU. */
  void (*thread)(void *const *arguments);
  const char *image; /* PTX; NULL for the emulator */
};

/* Both return a code and leave the sentence. A grid without blocks is none. */
int effattn_device_launch(const struct EffattnKernel *kernel, int64_t grid_x,
                          int64_t grid_y, int64_t grid_z, int64_t block_x,
                          int64_t block_y, int64_t block_z, int64_t shared,
                          void *const *arguments);
/* Waits for what was launched before. */
int effattn_device_read(void *host, const void *device, int64_t bytes);

extern const struct EffattnDevice effattn_cuda, effattn_emulator;

#endif
