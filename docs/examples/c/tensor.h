/* Contiguous tensors with memory of their own, and NumPy's .npy files.
 *
 * Compiled layers take DLTensor, the struct of DLPack, which only describes
 * memory. Tensor adds what a program needs around it: room for the shape, and
 * memory to release. */
#ifndef EXAMPLES_C_TENSOR_H
#define EXAMPLES_C_TENSOR_H

#include <dlpack/dlpack.h>
#include <stdint.h>

enum { TensorMaxRank = 4 };

typedef struct {
  DLTensor dl;
  int64_t shape[TensorMaxRank];
} Tensor;

/* The element types of the examples, as DLPack writes them; flags are bytes
 * of 0 and 1. */
extern const DLDataType kFloat32, kInt32, kFlag;

/* All functions print one sentence and end the program when they fail. */

/* Sets up a tensor in place: dl.shape points into it, so do not copy it. */
void tensor_allocate(Tensor *tensor, DLDataType type, int rank,
                     const int64_t *shape);
void tensor_free(Tensor *tensor);
int64_t tensor_bytes(const Tensor *tensor);

/* Reads FOLDER/NAME.npy, which must hold elements of this type. */
void tensor_load(Tensor *tensor, DLDataType type, const char *folder,
                 const char *name);
void tensor_save(const Tensor *tensor, const char *folder, const char *name);

#endif
