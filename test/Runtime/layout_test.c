// RUN: clang -std=c11 -O1 -g -Wall -Wextra -Werror \
// RUN:   -fsanitize=address,undefined -fno-sanitize-recover=undefined \
// RUN:   -I%source_dir/lib/Runtime/Support %s \
// RUN:   %source_dir/lib/Runtime/Support/*.c -o %t
// RUN: %t | FileCheck %s
// CHECK: all layout checks hold

/* Overlap, copies and bool bytes of random views against what they mean. */
#include "Inputs/check.h"

static uint32_t seed = 1;

static int64_t pick(int64_t low, int64_t high) {
  seed = seed * 1664525u + 1013904223u;
  return low + (int64_t)((seed >> 8) % (uint32_t)(high - low + 1));
}

struct RandomView {
  struct EffattnView view;
  struct EffattnArgument argument;
  int64_t sizes[3], strides[3];
};

/* A view of at most 3 dimensions of a buffer; returns 0 when it leaves it. */
static int random_view(struct RandomView *r, char *buffer, int64_t bytes,
                       int64_t least_stride) {
  memset(r, 0, sizeof *r);
  r->argument.rank = (int32_t)pick(0, 3);
  r->argument.bits = (uint8_t)(8 << pick(0, 1));
  int64_t element = r->argument.bits / 8, low = 0, high = element;
  r->view.count = 1;
  for (int d = 0; d < r->argument.rank; ++d) {
    r->sizes[d] = pick(0, 9) ? pick(1, 4) : 0;
    r->strides[d] = pick(least_stride, 12);
    r->view.count *= r->sizes[d];
    int64_t reach = (r->sizes[d] - 1) * r->strides[d] * element;
    if (r->sizes[d] > 1)
      *(reach < 0 ? &low : &high) += reach;
  }
  int64_t start = pick(0, bytes / element - 1) * element;
  r->view.argument = &r->argument;
  r->view.sizes = r->sizes;
  r->view.strides = r->strides;
  r->view.data = buffer + start;
  r->view.low = (uintptr_t)r->view.data + (uintptr_t)low;
  r->view.high = (uintptr_t)r->view.data + (uintptr_t)high;
  return start + low >= 0 && start + high <= bytes;
}

static int64_t offset_of(const struct RandomView *r, int64_t index) {
  int64_t offset = 0;
  for (int d = r->argument.rank - 1; d >= 0; --d) {
    offset += index % r->sizes[d] * r->strides[d];
    index /= r->sizes[d];
  }
  return offset * (r->argument.bits / 8);
}

static void mark_bytes(const struct RandomView *r, const char *buffer,
                       uint8_t *marks) {
  for (int64_t i = 0; i < r->view.count; ++i)
    for (int64_t byte = 0; byte < r->argument.bits / 8; ++byte)
      marks[r->view.data - buffer + offset_of(r, i) + byte] = 1;
}

static void overlap_is_never_missed(void) {
  enum { Bytes = 128 };
  static _Alignas(64) char buffer[Bytes];
  int apart = 0, recognised = 0;
  current = "overlap";
  for (int round = 0; round < 200000; ++round) {
    struct RandomView left, right;
    if (!random_view(&left, buffer, Bytes, -8) ||
        !random_view(&right, buffer, Bytes, -8))
      continue;
    uint8_t marks[2][Bytes] = {{0}};
    mark_bytes(&left, buffer, marks[0]);
    mark_bytes(&right, buffer, marks[1]);
    int overlap = 0;
    for (int i = 0; i < Bytes; ++i)
      overlap |= marks[0][i] && marks[1][i];
    int said = effattn_may_overlap(&left.view, &right.view);
    CHECK(said || !overlap);
    CHECK(said == effattn_may_overlap(&right.view, &left.view));
    apart += !overlap;
    recognised += !said;
  }
  /* Random views are no slices of one buffer, and yet most are recognised. */
  CHECK(apart > 10000 && recognised > apart * 7 / 10);
}

static void copies_agree(void) {
  enum { Bytes = 256 };
  static _Alignas(64) char from[Bytes], to[Bytes], expected[Bytes];
  current = "copies";
  for (int i = 0; i < Bytes; ++i)
    from[i] = (char)i;
  for (int round = 0; round < 100000; ++round) {
    struct RandomView source, target;
    if (!random_view(&source, from, Bytes, -12))
      continue;
    target = source;
    int64_t element = source.argument.bits / 8;
    if (pick(0, 1)) {
      effattn_row_major(source.argument.rank, source.sizes, target.strides);
      CHECK(effattn_is_row_major(source.argument.rank, source.sizes,
                                 target.strides));
    } else { /* column-major, every second element */
      int64_t stride = 2;
      for (int d = 0; d < source.argument.rank; ++d) {
        target.strides[d] = stride;
        stride *= source.sizes[d];
      }
    }
    memset(to, 0x55, Bytes);
    memset(expected, 0x55, Bytes);
    for (int64_t i = 0; i < source.view.count; ++i)
      memcpy(expected + offset_of(&target, i),
             source.view.data + offset_of(&source, i), (size_t)element);
    effattn_copy(source.argument.rank, source.sizes, to, target.strides,
                 source.view.data, source.strides, element);
    CHECK(memcmp(to, expected, Bytes) == 0);
  }
}

static void bools_are_checked(void) {
  enum { Bytes = 64 };
  static _Alignas(64) char buffer[Bytes];
  current = "bool bytes";
  for (int round = 0; round < 100000; ++round) {
    struct RandomView view;
    if (!random_view(&view, buffer, Bytes / 2, -8))
      continue;
    view.argument.bits = 8;
    if (pick(0, 1)) { /* a long row */
      view.argument.rank = 1;
      view.sizes[0] = view.view.count = pick(1, 40);
      view.strides[0] = 1;
      view.view.data = buffer + pick(0, 20);
    }
    int normal = 1;
    for (int i = 0; i < Bytes; ++i)
      buffer[i] = (char)pick(0, 1);
    buffer[pick(0, Bytes - 1)] = (char)pick(2, 255);
    for (int64_t i = 0; i < view.view.count; ++i)
      normal &= (uint8_t)view.view.data[offset_of(&view, i)] <= 1;
    CHECK(effattn_is_normal_bool(&view.view) == normal);
  }
}

int main(void) {
  overlap_is_never_missed();
  copies_agree();
  bools_are_checked();
  if (!failures)
    puts("all layout checks hold");
  return failures != 0;
}
