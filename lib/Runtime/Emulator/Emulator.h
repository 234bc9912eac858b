/* The emulator of kernels: private declarations.
 *
 * It runs kernels that were compiled for the NVPTX backend on the host, one
 * block after the other, and in a block one thread at a time, in an order that
 * a seed decides. Like the support code it is freestanding C11 that needs libc
 * alone, linked as bitcode into modules for --target=nvptx-emulated and hidden
 * there. lib/CodeGen/GPU/EmulatedOps.cpp emits calls of what is declared first.
 */
#ifndef EFFATTN_RUNTIME_EMULATOR_H
#define EFFATTN_RUNTIME_EMULATOR_H

#include "../Support/Device.h"

void *calloc(size_t count, size_t size);
char *getenv(const char *name);

/* ---- What emulated kernels call ---- */

/* How memory is touched; the alignment in bytes is above these bits. */
enum { Read = 1, Write = 2, Atomic = 4, AlignmentShift = 8 };

/* A special register, by its number in enum Register. */
int32_t effattn_emulated_register(int32_t number);
/* Asks before every access whether the running thread may touch this memory,
 * and ends the kernel if not. `place` is where the access stands in the
 * source, or empty. */
void effattn_emulated_access(const void *address, int64_t bytes, int32_t how,
                             const char *place);
/* Says, before kernels read it, that a constant table is memory of the device.
 */
void effattn_emulated_table(const void *table, int64_t bytes);
/* Where the block has the shared memory of this name; what has no bytes is its
 * dynamic shared memory. */
void *effattn_emulated_shared(const char *name, int64_t bytes);

/* An instruction of the GPU. It finds an operand in every word and leaves its
 * results there from the first word on. What else it has to know is in
 * `details`, below the number that tells one such instruction of the program
 * from another. `place` is NULL where memory is not to be checked. */
typedef void Instruction(uint64_t *words, int64_t details, const char *place);

enum { SiteShift = 32 };

Instruction effattn_emulated_barrier, effattn_emulated_sync_warp,
    effattn_emulated_shuffle, effattn_emulated_vote, effattn_emulated_match,
    effattn_emulated_reduce, effattn_emulated_load_matrix,
    effattn_emulated_multiply_matrices, effattn_emulated_copy,
    effattn_emulated_end_copy_group, effattn_emulated_wait_copy_groups,
    effattn_emulated_wait_copies, effattn_emulated_fence, effattn_emulated_exp2,
    effattn_emulated_log2, effattn_emulated_tanh, effattn_emulated_reciprocal,
    effattn_emulated_reciprocal_root, effattn_emulated_root,
    effattn_emulated_maximum, effattn_emulated_minimum,
    effattn_emulated_multiply_add, effattn_emulated_round_to_tf32,
    effattn_emulated_multiply_bytes, effattn_emulated_permute_bytes;

/* ---- Threads and blocks ---- */

enum Register {
  ThreadX,
  BlockX = 3,
  Threads = 6,
  Blocks = 9,
  Lane = 12,
  WarpNumber,
  WarpCount,
  WarpSizeRegister,
  LanesEqual,
  LanesUpTo,
  LanesBelow,
  LanesFrom,
  LanesAbove,
};

enum { Lanes = 32, MaxThreads = 1024 };

struct Stack;
struct Warp;

/* Copies to shared memory that a thread has started, the first ones first. */
struct Copies {
  struct Copy *items;
  uint32_t count, capacity;
  uint64_t group; /* that of the next copy */
};

struct Thread {
  int32_t position[3];
  uint32_t number; /* in its block */
  uint32_t lane;
  struct Warp *warp;
  struct Stack *stack; /* NULL before its start and after its end */
  int has_ended;
  /* What it waits for, if it does: operands and results of the instruction,
   * where it stands, and which lanes meet there, 0 for the whole block. */
  uint64_t *words;
  const char *place;
  uint32_t meets;
  int waits;
  struct Copies copies;
};

/* What threads of a warp do together, once all of `lanes` are there; the
 * details come without the number of the instruction. */
typedef void Collective(struct Warp *warp, uint32_t lanes, int64_t details);

/* Lanes that wait for each other. */
struct Meeting {
  uint32_t lanes, arrived;
  Collective *act;
  int64_t details;
};

/* A clock that every barrier of the warp advances, and for every lane up to
 * which time it knows what each lane has done. */
struct Warp {
  struct Thread *threads;
  uint32_t number, existing;
  uint32_t time, known[Lanes][Lanes];
  struct Meeting meetings[Lanes];
  uint32_t meeting_count;
  int64_t barrier_site; /* of those of its threads that wait at a barrier */
  uint32_t at_barrier;
};

/* What runs on this thread of the host. */
struct Emulation {
  const struct EffattnKernel *kernel;
  void *const *arguments;
  int32_t registers[Lane]; /* of the block and the launch */
  int64_t dynamic_bytes;   /* shared memory */
  /* Counts barriers, blocks and launches: what has happened in one epoch has
   * no order beyond that of a thread and a warp. */
  uint32_t epoch, launch_epoch, block_epoch;
  struct Thread *threads, *thread; /* of the block; the running one */
  struct Warp *warps;
  uint32_t thread_count, warp_count;
  uint32_t at_barrier; /* how many threads wait there */
  uint64_t barrier;    /* which one it is, and of what kind */
  uint64_t random;     /* 0 for threads in ascending order */
  int has_failed;
};

extern _Thread_local struct Emulation effattn_emulation;

/* Begins a sentence with the kernel, the running thread and the place; the end
 * of it ends the kernel. */
struct EffattnText effattn_begin_fault(const char *place);
_Noreturn void effattn_end_fault(void);
/* All of it at once. */
_Noreturn void effattn_emulated_refuse(const char *trouble, const char *place);

/* Makes threads and warps for blocks of this size; 0 without memory for them.
 */
int effattn_emulated_make_threads(const int64_t *block);
/* Runs all threads of the block; 0 after a fault. */
int effattn_emulated_run_block(void);
/* Releases stacks, threads and warps. */
void effattn_emulated_end_threads(void);

/* Says what the running thread waits for, after which it has to go on; somebody
 * else makes it ready again. */
void effattn_emulated_arrive(uint64_t *words, uint32_t meets,
                             const char *place);
void effattn_emulated_make_ready(struct Thread *thread);
/* Runs a thread that is ready, or ends the block if there is none. */
void effattn_emulated_go_on(void);

/* Waits until all lanes of the mask are there, of which the last one acts. */
void effattn_emulated_meet(uint64_t mask, Collective *act, uint64_t *words,
                           int64_t details, const char *place);
uint32_t effattn_emulated_random(uint32_t count);

/* ---- Memory of the device ---- */

void *effattn_emulated_allocate(uint64_t bytes);
void effattn_emulated_release(void *memory);
/* Forgets the tables, and says whether there is no memory left. */
int effattn_emulated_end_memory(void);
/* Whether [memory, memory + bytes) is memory of the device. */
int effattn_emulated_contains(const void *memory, int64_t bytes);

/* Fills shared memory with NaN. */
void effattn_emulated_clear_shared(void);
void effattn_emulated_release_shared(void);

/* ---- Races ---- */

struct Cell;

/* A buffer is watched in cells: as coarse as the accesses to it allow. */
struct Buffer {
  char *data;
  int64_t bytes;
  struct Cell *cells; /* made at the first access */
  uint8_t grain;      /* a cell has two to the power of it bytes */
  uint8_t is_table;   /* a constant of the program */
  uint8_t is_shared;
  const char *name; /* of shared memory */
};

/* Says whether a copy to this memory is on its way; 0 if it is not shared. */
int effattn_emulated_mark(const void *address, int64_t bytes, int is_arriving);
void effattn_emulated_mark_cells(struct Buffer *buffer, int64_t offset,
                                 int64_t bytes, int is_arriving);

/* Ends the kernel if the access conflicts with one that has no order to it. */
void effattn_emulated_watch(struct Buffer *buffer, int64_t offset,
                            int64_t bytes, int32_t how, const char *place);
/* Appends `a buffer of 256 bytes`. */
void effattn_emulated_put_buffer(struct EffattnText *text,
                                 const struct Buffer *buffer);

#endif
