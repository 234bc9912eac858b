/* Kernels on an NVIDIA GPU, through the driver.
 *
 * Freestanding C11, linked as bitcode into modules for --target=nvptx and
 * hidden there. The driver is opened at the first call, so that an object loads
 * on a machine without one, and says then what is missing. Kernels and copies
 * go to the stream of the call, which is the calling thread's own unless the
 * caller names one, so that threads do not wait for each other. What is kept
 * between calls is the driver's context, the kernels that it has loaded, behind
 * a lock, and in the driver's pool the memory of earlier calls. */
#include "../Support/Device.h"

void *dlopen(const char *name, int flags);
void *dlsym(void *library, const char *name);
int sched_yield(void);

enum {
  LoadNow = 2, /* RTLD_NOW */
  Success = 0,
  OutOfMemory = 2,
  MaxDynamicShared = 8, /* CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES */
  SharedWithoutAsking = 48 * 1024,
  JitErrorLog = 5, /* CU_JIT_ERROR_LOG_BUFFER, and its size: */
  JitErrorLogBytes = 6,
  LogBytes = 256,
  PoolReleaseThreshold = 4, /* CU_MEMPOOL_ATTR_RELEASE_THRESHOLD */
};

/* Of the running call. */
static _Thread_local void *stream;

/* The functions of the driver that are used, by their names. */
#define DRIVER_FUNCTIONS(X)                                                    \
  X(cuInit, (unsigned flags))                                                  \
  X(cuDeviceGet, (int *device, int ordinal))                                   \
  X(cuDeviceGetDefaultMemPool, (void **pool, int device))                      \
  X(cuMemPoolSetAttribute, (void *pool, int attribute, void *value))           \
  X(cuDevicePrimaryCtxRetain, (void **context, int device))                    \
  X(cuCtxSetCurrent, (void *context))                                          \
  X(cuModuleLoadDataEx, (void **module, const void *image, unsigned count,     \
                         int *options, void **values))                         \
  X(cuModuleGetFunction, (void **function, void *module, const char *name))    \
  X(cuFuncSetAttribute, (void *function, int attribute, int value))            \
  X(cuLaunchKernel,                                                            \
    (void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,        \
     unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,    \
     void *stream, void **arguments, void **more))                             \
  X(cuMemAllocAsync, (uint64_t *memory, size_t bytes, void *stream))           \
  X(cuMemFreeAsync, (uint64_t memory, void *stream))                           \
  X(cuMemcpyAsync, (uint64_t to, uint64_t from, size_t bytes, void *stream))   \
  X(cuStreamSynchronize, (void *stream))                                       \
  X(cuGetErrorString, (int code, const char **text))

struct Driver {
#define DECLARE(name, parameters) int(*name) parameters;
  DRIVER_FUNCTIONS(DECLARE)
#undef DECLARE
};

/* A kernel that the driver has loaded. */
struct Loaded {
  const struct EffattnKernel *kernel;
  void *function;
};

/* Of this object. Everything is written behind the lock, and read without it
 * only once `ready` is set. */
static struct {
  int lock;
  int ready;
  struct Driver driver;
  void *context;
  void *module; /* an object has one image */
  struct Loaded *loaded;
  int64_t count, capacity;
} cuda;

static void lock(void) {
  while (__atomic_exchange_n(&cuda.lock, 1, __ATOMIC_ACQUIRE))
    sched_yield();
}

static void unlock(void) { __atomic_store_n(&cuda.lock, 0, __ATOMIC_RELEASE); }

/* ---- Errors ---- */

static int refuse(const char *reason) {
  struct EffattnText text = effattn_sentence_of_call();
  effattn_put(&text, reason);
  return EffattnBadDevice;
}

static int explain(int code, const char *action) {
  struct EffattnText text = effattn_sentence_of_call();
  const char *reason = NULL;
  effattn_put(&text, "the NVIDIA driver cannot ");
  effattn_put(&text, action);
  effattn_put(&text, ": ");
  if (cuda.driver.cuGetErrorString)
    cuda.driver.cuGetErrorString(code, &reason);
  effattn_put(&text, reason ? reason : "error ");
  if (!reason)
    effattn_put_number(&text, code);
  return code == OutOfMemory ? EffattnOutOfMemory : EffattnBadDevice;
}

/* ---- The driver ---- */

static int open_driver(void) {
  void *library = dlopen("libcuda.so.1", LoadNow);
  if (!library)
    return refuse("no NVIDIA driver: libcuda.so.1 was not found; compile with "
                  "--target=nvptx-emulated to run kernels without a GPU");
  struct Driver driver;
#define FIND(name, parameters)                                                 \
  *(void **)&driver.name = dlsym(library, #name);                              \
  if (!driver.name)                                                            \
    return refuse("the NVIDIA driver is too old: it has no function " #name    \
                  "; one of CUDA 11.8 or later is needed");
  DRIVER_FUNCTIONS(FIND)
#undef FIND
  cuda.driver = driver;
  return EffattnDone;
}

static int open_device(void) {
  int device, code = cuda.driver.cuInit(0);
  if (!code)
    code = cuda.driver.cuDeviceGet(&device, 0);
  if (code)
    return explain(code, "find a GPU");
  if ((code = cuda.driver.cuDevicePrimaryCtxRetain(&cuda.context, device)))
    return explain(code, "use the GPU");
  /* Keep what calls have released for the next ones. */
  void *pool;
  uint64_t all = UINT64_MAX;
  code = cuda.driver.cuDeviceGetDefaultMemPool(&pool, device);
  if (!code)
    code = cuda.driver.cuMemPoolSetAttribute(pool, PoolReleaseThreshold, &all);
  return code ? explain(code, "keep memory of the GPU") : EffattnDone;
}

static int begin(void *chosen) {
  stream = chosen;
  int code = EffattnDone;
  if (!__atomic_load_n(&cuda.ready, __ATOMIC_ACQUIRE)) {
    lock();
    if (!cuda.ready && !(code = open_driver()) && !(code = open_device()))
      __atomic_store_n(&cuda.ready, 1, __ATOMIC_RELEASE);
    unlock();
  }
  if (code)
    return code;
  code = cuda.driver.cuCtxSetCurrent(cuda.context);
  return code ? explain(code, "use the GPU") : EffattnDone;
}

static void end(void) {}

/* ---- Memory ---- */

static void *allocate(uint64_t bytes) {
  uint64_t memory = 0;
  /* The driver has no memory of 0 bytes. */
  return cuda.driver.cuMemAllocAsync(&memory, bytes ? bytes : 1, stream)
             ? NULL
             : (void *)(uintptr_t)memory;
}

static void release(void *memory) {
  cuda.driver.cuMemFreeAsync((uint64_t)(uintptr_t)memory, stream);
}

static int copy(void *to, const void *from, int64_t bytes) {
  int code = cuda.driver.cuMemcpyAsync((uint64_t)(uintptr_t)to,
                                       (uint64_t)(uintptr_t)from, (size_t)bytes,
                                       stream);
  return code ? explain(code, "copy memory") : EffattnDone;
}

static int wait(void) {
  int code = cuda.driver.cuStreamSynchronize(stream);
  return code ? explain(code, "run a kernel") : EffattnDone;
}

int effattn_device_read(void *host, const void *device, int64_t bytes) {
  int code = copy(host, device, bytes);
  return code ? code : wait();
}

/* ---- Kernels ---- */

static int load_module(const char *image) {
  char log[LogBytes];
  int options[] = {JitErrorLog, JitErrorLogBytes};
  void *values[] = {log, (void *)(uintptr_t)sizeof log};
  log[0] = 0;
  int code =
      cuda.driver.cuModuleLoadDataEx(&cuda.module, image, 2, options, values);
  if (!code)
    return EffattnDone;
  cuda.module = NULL;
  int refused = explain(code, "load the kernels");
  if (!log[0])
    return refused;
  struct EffattnText text = effattn_sentence_of_call();
  effattn_put(&text, "the NVIDIA driver cannot load the kernels: ");
  log[LogBytes - 1] = 0;
  effattn_put(&text, log);
  return refused;
}

static int remember(const struct EffattnKernel *kernel, void *function) {
  if (cuda.count == cuda.capacity) {
    int64_t capacity = cuda.capacity ? 2 * cuda.capacity : 16;
    struct Loaded *loaded =
        realloc(cuda.loaded, (size_t)capacity * sizeof *loaded);
    if (!loaded)
      return refuse("out of memory: cannot remember a kernel");
    cuda.loaded = loaded;
    cuda.capacity = capacity;
  }
  cuda.loaded[cuda.count++] = (struct Loaded){kernel, function};
  return EffattnDone;
}

/* Called behind the lock. */
static int load(const struct EffattnKernel *kernel, void **function) {
  for (int64_t i = 0; i < cuda.count; ++i)
    if (cuda.loaded[i].kernel == kernel) {
      *function = cuda.loaded[i].function;
      return EffattnDone;
    }
  int code = cuda.module ? EffattnDone : load_module(kernel->image);
  if (code)
    return code;
  if ((code = cuda.driver.cuModuleGetFunction(function, cuda.module,
                                              kernel->name)))
    return explain(code, "find a kernel");
  return remember(kernel, *function);
}

int effattn_device_launch(const struct EffattnKernel *kernel, int64_t grid_x,
                          int64_t grid_y, int64_t grid_z, int64_t block_x,
                          int64_t block_y, int64_t block_z, int64_t shared,
                          void *const *arguments) {
  void *function = NULL;
  if (grid_x <= 0 || grid_y <= 0 || grid_z <= 0)
    return EffattnDone;
  lock();
  int code = load(kernel, &function);
  unlock();
  if (code)
    return code;
  if (shared > SharedWithoutAsking &&
      (code = cuda.driver.cuFuncSetAttribute(function, MaxDynamicShared,
                                             (int)shared)))
    return explain(code, "give a kernel its shared memory");
  code = cuda.driver.cuLaunchKernel(
      function, (unsigned)grid_x, (unsigned)grid_y, (unsigned)grid_z,
      (unsigned)block_x, (unsigned)block_y, (unsigned)block_z, (unsigned)shared,
      stream, (void **)(uintptr_t)arguments, NULL);
  return code ? explain(code, "launch a kernel") : EffattnDone;
}

const struct EffattnDevice effattn_cuda = {
    kDLCUDA, begin, end, allocate, release, copy, effattn_device_read, wait};
