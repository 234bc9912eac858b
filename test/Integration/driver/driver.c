/* A driver of NVIDIA's without a GPU, for the tests of lib/Runtime/Cuda: memory
 * of the device is memory of the host behind an offset, so that whoever mixes
 * the two up crashes, and a launch prints what it was given. A kernel whose
 * name begins with "fill" fills its last argument, a buffer of floats, with 7.
 * FAIL names the function that fails. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int Result;
static const uint64_t offset = (uint64_t)1 << 60;
static char image[64];
static long live;

static Result result(const char *name) {
  const char *failing = getenv("FAIL");
  if (!failing || strcmp(failing, name))
    return 0;
  return strcmp(name, "cuMemAllocAsync") ? 1 : 2;
}

static void *host(uint64_t pointer) {
  return (void *)(uintptr_t)(pointer >= offset ? pointer - offset : pointer);
}

Result cuInit(unsigned flags) { return (void)flags, result("cuInit"); }
Result cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return result("cuDeviceGet");
}
Result cuDevicePrimaryCtxRetain(void **context, int device) {
  (void)device;
  *context = image;
  return result("cuDevicePrimaryCtxRetain");
}
Result cuDeviceGetDefaultMemPool(void **pool, int device) {
  (void)device;
  *pool = image + 1;
  return result("cuDeviceGetDefaultMemPool");
}
Result cuMemPoolSetAttribute(void *pool, int attribute, void *value) {
  printf("pool %d: attribute %d = %llx\n", pool == image + 1, attribute,
         *(unsigned long long *)value);
  return result("cuMemPoolSetAttribute");
}
Result cuCtxSetCurrent(void *context) {
  return context == image ? result("cuCtxSetCurrent") : 201;
}
Result cuModuleLoadDataEx(void **module, const void *data, unsigned count,
                          int *options, void **values) {
  Result code = result("cuModuleLoadDataEx");
  if (code && count && options[0] == 5)
    strcpy(values[0], "unsupported PTX version");
  printf("load %.31s\n", strstr(data, ".version"));
  *module = image;
  return code;
}
Result cuModuleGetFunction(void **function, void *module, const char *name) {
  (void)module;
  *function = (void *)(uintptr_t)name;
  return result("cuModuleGetFunction");
}
Result cuFuncSetAttribute(void *function, int attribute, int value) {
  printf("%s: attribute %d = %d\n", (char *)function, attribute, value);
  return result("cuFuncSetAttribute");
}
Result cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz,
                      unsigned bx, unsigned by, unsigned bz, unsigned shared,
                      void *stream, void **arguments, void **extra) {
  const char *name = function;
  printf("launch %s (%u, %u, %u) of (%u, %u, %u), %u bytes, stream %d, %s\n",
         name, gx, gy, gz, bx, by, bz, shared, (int)(uintptr_t)stream,
         extra ? "extra" : "arguments");
  if (!strncmp(name, "fill", 4)) {
    /* Of a buffer come its address twice, an offset, a size and a stride. */
    uint64_t *address = NULL;
    for (int i = 0; !address; ++i)
      if (*(uint64_t *)arguments[i] >= offset)
        address = arguments[i];
    float *data = host(*address);
    for (int i = 0; i < 8; ++i)
      data[i] = 7;
  }
  return result("cuLaunchKernel");
}
Result cuMemAllocAsync(uint64_t *memory, size_t bytes, void *stream) {
  (void)stream;
  Result code = result("cuMemAllocAsync");
  if (!code)
    *memory = (uint64_t)(uintptr_t)malloc(bytes) + offset;
  live += !code;
  return code;
}
Result cuMemFreeAsync(uint64_t memory, void *stream) {
  (void)stream;
  free(host(memory));
  printf("%ld buffers left\n", --live);
  return 0;
}
Result cuMemcpyAsync(uint64_t to, uint64_t from, size_t bytes, void *stream) {
  (void)stream;
  memcpy(host(to), host(from), bytes);
  return result("cuMemcpyAsync");
}
Result cuStreamSynchronize(void *stream) {
  printf("wait for stream %d\n", (int)(uintptr_t)stream);
  return result("cuStreamSynchronize");
}
Result cuGetErrorString(int code, const char **text) {
  *text = code == 2 ? "out of memory" : "it was told to fail";
  return 0;
}
