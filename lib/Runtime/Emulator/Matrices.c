/* Matrices that the lanes of a warp hold together: in words of 32 bits, which
 * have 1, 2 or 4 elements. Lane 4 g + t has, of a matrix of 16 rows and of one
 * of 8 columns, what the PTX ISA says: see `fragment` below. */
#include "Emulator.h"

enum { Rows = 16, Columns = 8, MaxDepth = 32 };

static void meet_as_warp(Collective *act, uint64_t *words, int64_t details,
                         const char *place) {
  if (~effattn_emulation.thread->warp->existing)
    effattn_emulated_refuse("needs a warp of 32 threads", place);
  effattn_emulated_meet(UINT32_MAX, act, words, details, place);
}

/* ---- Loads ---- */

enum { RowBytes = 16, Transposed = 256 };

static const uint16_t *read_row(struct Thread *thread) {
  const uint16_t *row = (const uint16_t *)(uintptr_t)thread->words[0];
  effattn_emulation.thread = thread; /* whom a fault is about */
  if (thread->place)
    effattn_emulated_access(row, RowBytes, Read | RowBytes << AlignmentShift,
                            thread->place);
  return row;
}

static void load_matrices(struct Warp *warp, uint32_t lanes, int64_t details) {
  int count = (int)(details % Transposed), transposed = details >= Transposed;
  struct Thread *last = effattn_emulation.thread;
  const uint16_t *rows[Lanes];
  (void)lanes;
  for (int i = 0; i < 8 * count; ++i)
    rows[i] = read_row(&warp->threads[i]);
  effattn_emulation.thread = last;
  for (int lane = 0; lane < Lanes; ++lane)
    for (int m = 0; m < count; ++m) {
      int major = lane / 4, minor = lane % 4 * 2;
      const uint16_t *const *matrix = rows + 8 * m;
      uint32_t first = transposed ? matrix[minor][major] : matrix[major][minor],
               second = transposed ? matrix[minor + 1][major]
                                   : matrix[major][minor + 1];
      warp->threads[lane].words[m] = first | second << 16;
    }
}

/* Operand: the address of a row of 8 elements of 16 bits. The details have the
 * number of matrices, of which every 8 lanes name the rows of one. */
void effattn_emulated_load_matrix(uint64_t *words, int64_t details,
                                  const char *place) {
  meet_as_warp(load_matrices, words, details, place);
}

/* ---- Products ---- */

enum Element { F16, Tf32 = 2, U8, S8, Bf16 = 9 };

/* details: the depth, and the types of both factors. */
enum { LeftShift = 8, RightShift = 12, TypeMask = 15, Saturates = 1 << 16 };

static int elements_of_word(enum Element type) {
  return type == Tf32 ? 1 : type == F16 || type == Bf16 ? 2 : 4;
}

/* The bits of both factors, the right one by columns. */
struct Factors {
  uint32_t left[Rows][MaxDepth], right[Columns][MaxDepth];
};

/* Takes a lane's words apart into rows of the left factor or, with `rows` 1,
 * columns of the right one. Of a row, or a column, four lanes have the words of
 * a half of its depth. */
static void fragment(uint32_t (*to)[MaxDepth], int rows, int depth,
                     const uint64_t *words, int lane, int per_word) {
  int bits = 32 / per_word, halves = depth / (4 * per_word);
  uint32_t mask = bits == 32 ? UINT32_MAX : (1u << bits) - 1;
  for (int half = 0; half < halves; ++half)
    for (int row = 0; row < rows; ++row)
      for (int e = 0; e < per_word; ++e)
        to[lane / 4 + 8 * row][(lane % 4 + 4 * half) * per_word + e] =
            (uint32_t)words[half * rows + row] >> (bits * e) & mask;
}

static void gather(struct Factors *factors, const struct Warp *warp, int depth,
                   int per_word) {
  int left_words = depth / (2 * per_word);
  for (int lane = 0; lane < Lanes; ++lane) {
    const uint64_t *words = warp->threads[lane].words;
    fragment(factors->left, 2, depth, words, lane, per_word);
    fragment(factors->right, 1, depth, words + left_words, lane, per_word);
  }
}

static float as_float(uint32_t bits) {
  union {
    uint32_t bits;
    float value;
  } pun = {bits};
  return pun.value;
}

static uint32_t as_bits(float value) {
  union {
    float value;
    uint32_t bits;
  } pun = {value};
  return pun.bits;
}

static float from_half(uint32_t half) {
  uint32_t magnitude = (half & 0x7fff) << 13;
  /* Exponents are biased by 15 and 127; the product makes denormals normal. */
  uint32_t bits = as_bits(as_float(magnitude) * 0x1p112f);
  bits |= magnitude >= 0x0f800000 ? 0x7f800000 : 0;
  return as_float(bits | (half & 0x8000) << 16);
}

/* Every element of a format is a float; of tf32 the low bits are ignored. */
static void to_floats(const uint32_t *bits, float *values, int count,
                      enum Element type) {
  for (int i = 0; i < count; ++i)
    values[i] = type == F16    ? from_half(bits[i])
                : type == Bf16 ? as_float(bits[i] << 16)
                               : as_float(bits[i] & ~(uint32_t)0x1fff);
}

/* Where a lane has its i-th element of the sum. */
static int sum_row(int lane, int i) { return lane / 4 + 8 * (i / 2); }
static int sum_column(int lane, int i) { return lane % 4 * 2 + i % 2; }

static void multiply_floats(struct Warp *warp, const struct Factors *factors,
                            int depth, enum Element type, int sum_word) {
  float left[MaxDepth], columns[Columns][MaxDepth], right[MaxDepth][Columns],
      sums[Rows][Columns];
  for (int lane = 0; lane < Lanes; ++lane)
    for (int i = 0; i < 4; ++i)
      sums[sum_row(lane, i)][sum_column(lane, i)] =
          as_float((uint32_t)warp->threads[lane].words[sum_word + i]);
  for (int n = 0; n < Columns; ++n) {
    to_floats(factors->right[n], columns[n], depth, type);
    for (int k = 0; k < depth; ++k)
      right[k][n] = columns[n][k];
  }
  for (int m = 0; m < Rows; ++m) {
    to_floats(factors->left[m], left, depth, type);
    for (int k = 0; k < depth; ++k)
      for (int n = 0; n < Columns; ++n)
        sums[m][n] += left[k] * right[k][n];
  }
  for (int lane = 0; lane < Lanes; ++lane)
    for (int i = 0; i < 4; ++i)
      warp->threads[lane].words[i] =
          as_bits(sums[sum_row(lane, i)][sum_column(lane, i)]);
}

static int32_t to_integer(uint32_t byte, enum Element type) {
  return type == S8 ? (int8_t)byte : (int32_t)byte;
}

static int32_t saturate(int64_t sum) {
  return sum > INT32_MAX   ? INT32_MAX
         : sum < INT32_MIN ? INT32_MIN
                           : (int32_t)sum;
}

static void multiply_integers(struct Warp *warp, const struct Factors *factors,
                              int depth, int64_t details, int sum_word) {
  enum Element left = details >> LeftShift & TypeMask,
               right = details >> RightShift & TypeMask;
  for (int lane = 0; lane < Lanes; ++lane)
    for (int i = 0; i < 4; ++i) {
      uint64_t *words = warp->threads[lane].words;
      const uint32_t *row = factors->left[sum_row(lane, i)],
                     *column = factors->right[sum_column(lane, i)];
      int64_t sum = (int32_t)words[sum_word + i];
      for (int k = 0; k < depth; ++k)
        sum += to_integer(row[k], left) * to_integer(column[k], right);
      words[i] = (uint32_t)(details & Saturates ? saturate(sum) : sum);
    }
}

static void multiply_matrices(struct Warp *warp, uint32_t lanes,
                              int64_t details) {
  enum Element type = details >> LeftShift & TypeMask;
  int depth = (int)(details & 255), per_word = elements_of_word(type);
  int sum_word = depth / (2 * per_word) + depth / (4 * per_word);
  struct Factors factors;
  (void)lanes;
  gather(&factors, warp, depth, per_word);
  if (per_word == 4)
    multiply_integers(warp, &factors, depth, details, sum_word);
  else
    multiply_floats(warp, &factors, depth, type, sum_word);
}

/* Operands: a lane's words of both factors and of the sum that the product is
 * added to. */
void effattn_emulated_multiply_matrices(uint64_t *words, int64_t details,
                                        const char *place) {
  meet_as_warp(multiply_matrices, words, details, place);
}
