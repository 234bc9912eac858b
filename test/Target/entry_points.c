// REQUIRES: host-x86_64
// Compiled functions called from C through their header. Two objects in one
// program carry the support code each and share one error text; the third needs
// features that no CPU has together. What linkSupportCode does is done here by
// tools of LLVM.
//
// DEFINE: %{prefix} =
// DEFINE: %{features} =
// DEFINE: %{lower} = effattn-opt %S/Inputs/entry_points.mlir -o %t.mlir -pass-pipeline='builtin.module(convert-scf-to-cf,effattn-lower-checks,expand-strided-metadata,finalize-memref-to-llvm{use-generic-functions=true},convert-arith-to-llvm,convert-func-to-llvm,convert-cf-to-llvm,convert-ub-to-llvm,reconcile-unrealized-casts,effattn-emit-entry-points{symbol-prefix=%{prefix}_ cpu-features=%{features}})'
// DEFINE: %{link} = effattn-translate %t.mlir -mlir-to-llvmir -o %t.ll && llvm-link %t.ll %build_dir/lib/Runtime/Support/x86_64.bc -o %t.bc
// DEFINE: %{header} = effattn-translate %t.mlir -effattn-to-header -header-name=%{prefix} -o %t.%{prefix}.h
// DEFINE: %{object} = opt %t.bc -passes='internalize,default<O2>' -internalize-public-api-list=effattn_last_error,%{prefix}_filter,%{prefix}_filter_plain,%{prefix}_filter_output_shapes,%{prefix}_filter_signature -o %t.%{prefix}.bc && llc -filetype=obj -relocation-model=pic %t.%{prefix}.bc -o %t.%{prefix}.o
// REDEFINE: %{prefix} = one
// REDEFINE: %{features} = sse3
// RUN: %{lower} && %{link} && %{header} && %{object}
// REDEFINE: %{prefix} = two
// RUN: %{lower} && %{link} && %{header} && %{object}
// REDEFINE: %{prefix} = none
// REDEFINE: %{features} = xop,avx10.2
// RUN: %{lower} && %{link} && %{header} && %{object}
// RUN: clang -std=c11 -g -Wall -Wextra -Werror -fsanitize=address,undefined -include %t.one.h -include %t.two.h -include %t.none.h %s %t.one.o %t.two.o %t.none.o -o %t
// RUN: %t | FileCheck %s

#include <stdio.h>
#include <stdlib.h>

enum { Rows = 3, Slots = 2 };

static float x[Rows * 4], y[Rows * 4], memory[Slots];
static uint8_t keep[Rows];

static void fill(void) {
  for (int i = 0; i < Rows * 4; ++i)
    x[i] = (float)i, y[i] = -1;
  for (int i = 0; i < Rows; ++i)
    keep[i] = (uint8_t)(i * 7); /* any byte but 0 is true */
  memory[0] = 10, memory[1] = 20;
}

static void show(int code) {
  printf("code %d: %s\n", code, effattn_last_error());
}

static void plain(void) {
  float *kept = NULL;
  int64_t sizes[2];
  fill();
  // CHECK: code 0: {{$}}
  show(one_filter_plain(x, 2, keep, memory, y, memory, &kept, sizes, Rows,
                        Slots));
  // CHECK: y 22, memory 11 21, kept 2 4: 4 11
  printf("y %g, memory %g %g, kept %d %d: %g %g\n", y[11], memory[0], memory[1],
         (int)sizes[0], (int)sizes[1], kept[0], kept[7]);
  free(kept);
  // CHECK: code 2: two_filter: {{.*}}expected a factor for 2 rows that is not
  // CHECK-SAME: negative
  show(two_filter_plain(x, -1, keep, memory, y, memory, &kept, sizes, Rows,
                        Slots));
  // CHECK: code 1: one_filter: output 1 'memory_out' overlaps output 0 'y'; only
  show(one_filter_plain(x, 1, keep, memory, y, y, &kept, sizes, Rows, Slots));
  // CHECK: code 4: none_filter: this object needs the CPU feature {{xop|avx10.2}}
  // CHECK-SAME: which this machine lacks
  show(none_filter_plain(x, 2, keep, memory, y, memory, &kept, sizes, Rows,
                         Slots));
}

static DLTensor tensor(void *data, int code, int bits, int rank,
                       int64_t *shape) {
  DLTensor result = {data, {kDLCPU, 0}, rank, {0, 0, 1}, shape, NULL, 0};
  result.dtype.code = (uint8_t)code;
  result.dtype.bits = (uint8_t)bits;
  return result;
}

static void tensors(void) {
  int64_t rows[] = {Rows, 4}, slots[] = {Slots}, kept_sizes[2], strides[2];
  int64_t shapes[3][2], columns[] = {1, Rows};
  int64_t *const shape_pointers[] = {shapes[0], shapes[1], shapes[2]};
  float factor = 3;
  DLTensor in[] = {tensor(x, kDLFloat, 32, 2, rows),
                   tensor(&factor, kDLFloat, 32, 0, NULL),
                   tensor(keep, kDLBool, 8, 1, rows),
                   tensor(memory, kDLFloat, 32, 1, slots)};
  DLTensor out[] = {tensor(y, kDLFloat, 32, 2, rows), in[3],
                    tensor(NULL, kDLFloat, 32, 2, kept_sizes)};
  const DLTensor *inputs[] = {&in[0], &in[1], &in[2], &in[3]};
  DLTensor *outputs[] = {&out[0], &out[1], &out[2]};
  fill();
  in[0].strides = out[0].strides = columns; /* column-major */
  out[2].strides = strides;
  // CHECK: code 0: {{$}}
  // CHECK: shapes 3 4, 2, -1 4
  show(two_filter_output_shapes(inputs, shape_pointers));
  printf("shapes %d %d, %d, %d %d\n", (int)shapes[0][0], (int)shapes[0][1],
         (int)shapes[1][0], (int)shapes[2][0], (int)shapes[2][1]);
  // CHECK: code 0: {{$}}
  // CHECK: y 33, memory 11 21, kept 2 4 (4 1): 1 11
  show(two_filter(inputs, outputs));
  const float *kept = out[2].data;
  printf("y %g, memory %g %g, kept %d %d (%d %d): %g %g\n", y[11], memory[0],
         memory[1], (int)kept_sizes[0], (int)kept_sizes[1], (int)strides[0],
         (int)strides[1], kept[0], kept[7]);
  free(out[2].data);
  // CHECK: code 1: one_filter: input 2 'keep': expected bool[T] with T = 3 as in
  // CHECK-SAME: input 0 'x', but got bool[2]
  in[2].shape = slots;
  show(one_filter(inputs, outputs));
}

int main(void) {
  plain();
  tensors();
  // CHECK: {"inputs":[{"name":"x",{{.*}}"name":"one_filter"
  puts(one_filter_signature);
  return 0;
}
