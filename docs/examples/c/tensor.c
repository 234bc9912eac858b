#include "tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* DLPack has the code of flags, 6, since version 0.8. */
const DLDataType kFloat32 = {kDLFloat, 32, 1}, kInt32 = {kDLInt, 32, 1},
                 kFlag = {6, 8, 1};

enum { PathSize = 4096, HeaderSize = 4096 };
static const char kMagic[] = "\x93NUMPY\x01"; /* then a 0 and two of length */

static void fail(const char *path, const char *reason) {
  fprintf(stderr, "%s: %s\n", path, reason);
  exit(1);
}

static FILE *open_array(char *path, const char *folder, const char *name,
                        const char *mode) {
  if (snprintf(path, PathSize, "%s/%s.npy", folder, name) >= PathSize)
    fail(folder, "the path is too long");
  FILE *file = fopen(path, mode);
  if (!file) {
    perror(path);
    exit(1);
  }
  return file;
}

/* How .npy files write a type. */
static const char *describe(DLDataType type) {
  return type.code == kDLFloat ? "<f4" : type.code == kDLInt ? "<i4" : "|b1";
}

void tensor_allocate(Tensor *tensor, DLDataType type, int rank,
                     const int64_t *shape) {
  memset(tensor, 0, sizeof *tensor);
  memcpy(tensor->shape, shape, (size_t)rank * sizeof *shape);
  tensor->dl.device.device_type = kDLCPU;
  tensor->dl.ndim = rank;
  tensor->dl.dtype = type;
  tensor->dl.shape = tensor->shape;
  tensor->dl.strides = NULL; /* contiguous, last dimension fastest */
  size_t bytes = (size_t)tensor_bytes(tensor);
  tensor->dl.data = malloc(bytes ? bytes : 1);
  if (!tensor->dl.data)
    fail("tensor_allocate", "out of memory");
}

void tensor_free(Tensor *tensor) { free(tensor->dl.data); }

int64_t tensor_bytes(const Tensor *tensor) {
  int64_t bytes = tensor->dl.dtype.bits / 8;
  for (int i = 0; i < tensor->dl.ndim; ++i)
    bytes *= tensor->shape[i];
  return bytes;
}

/* Reads `(1, 4, 100, 32)`; returns the rank, or -1. */
static int parse_shape(const char *text, int64_t *shape) {
  int rank = 0;
  while (*text != ')') {
    char *end;
    long long size = strtoll(text, &end, 10);
    if (end == text || size < 0 || rank == TensorMaxRank)
      return -1;
    shape[rank++] = size;
    text = end + strspn(end, ", ");
  }
  return rank;
}

/* A .npy file is a magic string, the length of its header, the header (a
 * Python dictionary as text), and the bytes of the elements. */
void tensor_load(Tensor *tensor, DLDataType type, const char *folder,
                 const char *name) {
  char path[PathSize], header[HeaderSize], wanted[24];
  FILE *file = open_array(path, folder, name, "rb");
  unsigned char start[10];
  size_t length = 0;
  if (fread(start, 1, sizeof start, file) == sizeof start &&
      memcmp(start, kMagic, sizeof kMagic - 1) == 0)
    length = start[8] + 256u * start[9];
  if (length == 0 || length >= sizeof header ||
      fread(header, 1, length, file) != length)
    fail(path, "expected a .npy file of version 1");
  header[length] = '\0';

  snprintf(wanted, sizeof wanted, "'descr': '%s'", describe(type));
  if (!strstr(header, wanted) || !strstr(header, "'fortran_order': False"))
    fail(path, "expected other elements, or another order of them");
  int64_t shape[TensorMaxRank];
  const char *sizes = strstr(header, "'shape': (");
  int rank = -1;
  if (sizes && strchr(sizes, ')'))
    rank = parse_shape(strchr(sizes, '(') + 1, shape);
  if (rank < 0)
    fail(path, "expected a shape of at most 4 dimensions");

  tensor_allocate(tensor, type, rank, shape);
  size_t bytes = (size_t)tensor_bytes(tensor);
  if (fread(tensor->dl.data, 1, bytes, file) != bytes)
    fail(path, "the file ends before its last element");
  fclose(file);
}

void tensor_save(const Tensor *tensor, const char *folder, const char *name) {
  char path[PathSize], header[HeaderSize];
  FILE *file = open_array(path, folder, name, "wb");
  int length = snprintf(header, sizeof header,
                        "{'descr': '%s', 'fortran_order': False, 'shape': (",
                        describe(tensor->dl.dtype));
  for (int i = 0; i < tensor->dl.ndim; ++i)
    length += snprintf(header + length, sizeof header - (size_t)length,
                       "%lld, ", (long long)tensor->shape[i]);
  length += snprintf(header + length, sizeof header - (size_t)length, "), }");
  while ((10 + length + 1) % 64) /* the elements start at a multiple of 64 */
    header[length++] = ' ';
  header[length++] = '\n';

  unsigned char start[10] = {0};
  memcpy(start, kMagic, sizeof kMagic - 1);
  start[8] = (unsigned char)(length % 256);
  start[9] = (unsigned char)(length / 256);
  size_t bytes = (size_t)tensor_bytes(tensor);
  size_t written = fwrite(start, 1, sizeof start, file);
  written += fwrite(header, 1, (size_t)length, file);
  written += fwrite(tensor->dl.data, 1, bytes, file);
  if (fclose(file) != 0 || written != sizeof start + (size_t)length + bytes)
    fail(path, "cannot be written");
}
