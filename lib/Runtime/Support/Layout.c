/* Strided memory: contiguity, copies, and whether two views share a byte. */
#include "Support.h"

/* Unsigned: the strides of a tensor without elements may wrap, and mean
 * nothing. */
int64_t effattn_row_major(int32_t rank, const int64_t *sizes,
                          int64_t *strides) {
  uint64_t stride = 1;
  for (int32_t d = rank - 1; d >= 0; --d) {
    strides[d] = (int64_t)stride;
    stride *= (uint64_t)sizes[d];
  }
  return (int64_t)stride;
}

int effattn_is_row_major(int32_t rank, const int64_t *sizes,
                         const int64_t *strides) {
  uint64_t stride = 1;
  for (int32_t d = rank - 1; d >= 0; --d) {
    if (sizes[d] == 0)
      return 1;
    if (sizes[d] != 1 && (uint64_t)strides[d] != stride)
      return 0;
    stride *= (uint64_t)sizes[d];
  }
  return 1;
}

int effattn_is_innermost_contiguous(int32_t rank, const int64_t *sizes,
                                    const int64_t *strides) {
  return rank == 0 || sizes[rank - 1] <= 1 || strides[rank - 1] == 1;
}

/* A walk over two tensors of the same sizes: no dimensions of size 1,
 * neighbours merged where both are contiguous. */
struct Walk {
  int32_t rank; /* at least 1 */
  int64_t sizes[EffattnMaxRank + 1];
  int64_t to[EffattnMaxRank + 1], from[EffattnMaxRank + 1]; /* strides */
  int64_t at[EffattnMaxRank + 1];
};

/* Returns whether there is anything to visit. */
static int start_walk(struct Walk *walk, int32_t rank, const int64_t *sizes,
                      const int64_t *to, const int64_t *from) {
  walk->rank = 0;
  for (int32_t d = 0; d < rank; ++d) {
    if (sizes[d] == 0)
      return 0;
    if (sizes[d] == 1)
      continue;
    int32_t outer = walk->rank - 1;
    if (outer >= 0 &&
        walk->to[outer] == (int64_t)((uint64_t)sizes[d] * (uint64_t)to[d]) &&
        walk->from[outer] ==
            (int64_t)((uint64_t)sizes[d] * (uint64_t)from[d])) {
      walk->sizes[outer] *= sizes[d];
      walk->to[outer] = to[d];
      walk->from[outer] = from[d];
      continue;
    }
    walk->sizes[walk->rank] = sizes[d];
    walk->to[walk->rank] = to[d];
    walk->from[walk->rank] = from[d];
    ++walk->rank;
  }
  if (walk->rank == 0) {
    walk->sizes[0] = walk->to[0] = walk->from[0] = 1;
    walk->rank = 1;
  }
  for (int32_t d = 0; d < walk->rank; ++d)
    walk->at[d] = 0;
  return 1;
}

/* Moves both offsets (in elements) to the next row; 0 after the last one. */
static int next_row(struct Walk *walk, int64_t *to, int64_t *from) {
  for (int32_t d = walk->rank - 2; d >= 0; --d) {
    *to += walk->to[d];
    *from += walk->from[d];
    if (++walk->at[d] < walk->sizes[d])
      return 1;
    *to -= walk->sizes[d] * walk->to[d];
    *from -= walk->sizes[d] * walk->from[d];
    walk->at[d] = 0;
  }
  return 0;
}

#define COPY_ROW(type)                                                         \
  do {                                                                         \
    type *to_row = (type *)(void *)to + to_offset;                             \
    const type *from_row = (const type *)(const void *)from + from_offset;     \
    for (int64_t i = 0; i < count; ++i)                                        \
      to_row[i * to_step] = from_row[i * from_step];                           \
  } while (0)

void effattn_copy(int32_t rank, const int64_t *sizes, char *to,
                  const int64_t *to_strides, const char *from,
                  const int64_t *from_strides, int64_t element) {
  struct Walk walk;
  if (!start_walk(&walk, rank, sizes, to_strides, from_strides))
    return;
  int32_t last = walk.rank - 1;
  int64_t count = walk.sizes[last], to_step = walk.to[last],
          from_step = walk.from[last];
  int64_t to_offset = 0, from_offset = 0;
  do {
    if (to_step == 1 && from_step == 1)
      memcpy(to + to_offset * element, from + from_offset * element,
             (size_t)(count * element));
    else if (element == 1)
      COPY_ROW(uint8_t);
    else if (element == 2)
      COPY_ROW(uint16_t);
    else if (element == 4)
      COPY_ROW(uint32_t);
    else
      COPY_ROW(uint64_t);
  } while (next_row(&walk, &to_offset, &from_offset));
}

/* Bytes that are read at once, wherever they stand. */
typedef uint64_t Words __attribute__((vector_size(64), aligned(1), may_alias));

int effattn_is_normal_bool(const struct EffattnView *view) {
  int32_t rank = view->argument->rank;
  int64_t sizes[EffattnMaxRank];
  for (int32_t d = 0; d < rank;
       ++d) /* a broadcast dimension repeats the same bytes */
    sizes[d] = view->strides[d] == 0 && view->sizes[d] > 1 ? 1 : view->sizes[d];
  struct Walk walk;
  if (!start_walk(&walk, rank, sizes, view->strides, view->strides))
    return 1;
  int32_t last = walk.rank - 1;
  int64_t step = walk.to[last], offset = 0, unused = 0;
  do {
    const uint8_t *row = (const uint8_t *)view->data + offset;
    Words many = {0};
    int64_t i = 0, bytes = sizeof many;
    if (step == 1) /* masks and the kinds of a table's rows are large */
      for (; i + bytes <= walk.sizes[last]; i += bytes)
        many |= *(const Words *)(const void *)(row + i);
    uint64_t seen = 0;
    for (int word = 0; word < 8; ++word)
      seen |= many[word];
    for (; i < walk.sizes[last]; ++i)
      seen |= row[i * step];
    if (seen & 0xfefefefefefefefe)
      return 0;
  } while (next_row(&walk, &offset, &unused));
  return 1;
}

void effattn_normalise_bool(int32_t rank, const int64_t *sizes, char *data,
                            const int64_t *strides) {
  struct Walk walk;
  if (!start_walk(&walk, rank, sizes, strides, strides))
    return;
  int32_t last = walk.rank - 1;
  int64_t step = walk.to[last], offset = 0, unused = 0;
  do {
    uint8_t *row = (uint8_t *)data + offset;
    for (int64_t i = 0; i < walk.sizes[last]; ++i)
      row[i * step] = row[i * step] != 0;
  } while (next_row(&walk, &offset, &unused));
}

int effattn_same_memory(const struct EffattnView *left,
                        const struct EffattnView *right) {
  if (left->data != right->data)
    return 0;
  for (int32_t d = 0; d < left->argument->rank; ++d)
    if (left->sizes[d] > 1 && left->strides[d] != right->strides[d])
      return 0;
  return 1;
}

static uint64_t byte_stride(const struct EffattnView *view, int32_t d) {
  if (view->sizes[d] <= 1)
    return 0;
  int64_t stride = view->strides[d] * effattn_element_bytes(view->argument);
  return stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
}

/* Modulo the period all bytes of the view lie within this many bytes after its
 * lowest one. */
static uint64_t width_in_period(const struct EffattnView *view,
                                uint64_t period) {
  uint64_t width = (uint64_t)effattn_element_bytes(view->argument);
  for (int32_t d = 0; d < view->argument->rank; ++d) {
    uint64_t stride = byte_stride(view, d);
    if (stride % period)
      width += stride * (uint64_t)(view->sizes[d] -
                                   1); /* no overflow: the extent was checked */
  }
  return width;
}

/* Slices of one buffer interleave without sharing an element when, modulo a
 * stride of the buffer, one ends before the other begins: columns [:, :64] and
 * [:, 64:] modulo the stride of a row. */
int effattn_may_overlap(const struct EffattnView *left,
                        const struct EffattnView *right) {
  if (left->count == 0 || right->count == 0 || left->high <= right->low ||
      right->high <= left->low)
    return 0;
  const struct EffattnView *views[2] = {left, right};
  for (int v = 0; v < 2; ++v)
    for (int32_t d = 0; d < views[v]->argument->rank; ++d) {
      uint64_t period = byte_stride(views[v], d);
      if (!period)
        continue;
      uint64_t ahead =
          right->low >= left->low
              ? (right->low - left->low) % period
              : (period - (left->low - right->low) % period) % period;
      uint64_t left_width = width_in_period(left, period),
               right_width = width_in_period(right, period);
      if (left_width <= ahead && right_width <= period - ahead)
        return 0;
    }
  return 1;
}
