/* The emulator of kernels: private declarations.
 *
 * It runs kernels that were compiled for the NVPTX backend on the host, a
 * thread after the other, in an order that a seed decides. Like the support
 * code it is freestanding C11 that needs libc alone, linked as bitcode into
 * modules for --target=nvptx-emulated and hidden there. */
#ifndef EFFATTN_RUNTIME_EMULATOR_H
#define EFFATTN_RUNTIME_EMULATOR_H

#include "../Support/Device.h"

void *calloc(size_t count, size_t size);
char *getenv(const char *name);

/* ---- What emulated kernels call ---- */

/* A special register: thread, block, threads of a block, blocks; x, y, z each.
 */
int32_t effattn_emulated_register(int32_t number);
/* Asks before every access whether the running thread may touch this memory,
 * and ends the kernel if not. `place` is where the access stands in the
 * source, or empty. */
void effattn_emulated_access(const void *address, int64_t bytes,
                             int32_t is_write, const char *place);
/* Says, before kernels read it, that a constant table is memory of the device.
 */
void effattn_emulated_table(const void *table, int64_t bytes);

/* ---- Inside ---- */

enum { Registers = 12 };

/* What runs on this thread of the host. */
struct Emulation {
  const struct EffattnKernel *kernel;
  int32_t registers[Registers];
  uint32_t launch; /* counts launches, from 1 */
  uint32_t thread; /* counts threads of the launch, from 1 */
};

extern _Thread_local struct Emulation effattn_emulation;

/* Ends the kernel with a sentence that begins with the kernel, the thread and
 * the place. */
struct EffattnText effattn_begin_fault(const char *place);
_Noreturn void effattn_end_fault(void);

/* Memory of the device. */
void *effattn_emulated_allocate(uint64_t bytes);
void effattn_emulated_release(void *memory);
/* Forgets the tables. */
void effattn_emulated_end(void);
/* Whether [memory, memory + bytes) is memory of the device. */
int effattn_emulated_contains(const void *memory, int64_t bytes);

#endif
