/* Instructions that a thread has for itself. What a GPU approximates is
 * computed to the precision of lib/Runtime/Device/Math.c. */
#include "Emulator.h"

float __nv_exp2f(float x);
float __nv_log2f(float x);
float __nv_tanhf(float x);

enum { Flushes = 1 }; /* details: denormals are zero */

static float to_float(uint64_t word) {
  union {
    uint32_t bits;
    float value;
  } pun = {(uint32_t)word};
  return pun.value;
}

static uint64_t to_word(float value) {
  union {
    float value;
    uint32_t bits;
  } pun = {value};
  return pun.bits;
}

static float flush(float value, int64_t details) {
  float magnitude = __builtin_fabsf(value);
  return details & Flushes && magnitude < 0x1p-126f
             ? __builtin_copysignf(0.0f, value)
             : value;
}

#define FUNCTION(name, value)                                                  \
  void effattn_emulated_##name(uint64_t *words, int64_t details,               \
                               const char *place) {                            \
    float x = flush(to_float(words[0]), details);                              \
    (void)place;                                                               \
    words[0] = to_word(flush(value, details));                                 \
  }

FUNCTION(exp2, __nv_exp2f(x))
FUNCTION(log2, __nv_log2f(x))
FUNCTION(tanh, __nv_tanhf(x))
FUNCTION(reciprocal, 1.0f / x)
FUNCTION(reciprocal_root, (float)(1.0 / __builtin_sqrt((double)x)))
FUNCTION(root, __builtin_sqrtf(x))
#undef FUNCTION

#define FUNCTION_OF_TWO(name, value)                                           \
  void effattn_emulated_##name(uint64_t *words, int64_t details,               \
                               const char *place) {                            \
    float x = flush(to_float(words[0]), details),                              \
          y = flush(to_float(words[1]), details);                              \
    (void)place;                                                               \
    words[0] = to_word(value);                                                 \
  }

/* Of a number and a NaN the number. */
FUNCTION_OF_TWO(maximum,
                y != y || x > y || (x == y && !__builtin_signbit(x)) ? x : y)
FUNCTION_OF_TWO(minimum,
                y != y || x < y || (x == y && __builtin_signbit(x)) ? x : y)
#undef FUNCTION_OF_TWO

void effattn_emulated_multiply_add(uint64_t *words, int64_t details,
                                   const char *place) {
  float x = flush(to_float(words[0]), details),
        y = flush(to_float(words[1]), details),
        z = flush(to_float(words[2]), details);
  (void)place;
  words[0] = to_word(flush(__builtin_fmaf(x, y, z), details));
}

enum Rounding { NearestEven = 1, TowardsZero = 4, NearestAway };

/* A float of 10 bits after the point. */
void effattn_emulated_round_to_tf32(uint64_t *words, int64_t details,
                                    const char *place) {
  uint32_t bits = (uint32_t)words[0];
  (void)place;
  if (bits << 1 < 0xff000000) {
    if ((uint32_t)details == NearestAway)
      bits += 0x1000;
    else if ((uint32_t)details == NearestEven)
      bits += 0xfff + (bits >> 13 & 1);
    bits &= ~(uint32_t)0x1fff;
  }
  words[0] = bits;
}

enum { LeftSigned = 1, RightSigned = 2 };

static int32_t byte(uint64_t word, int number, int64_t is_signed) {
  uint8_t bits = (uint8_t)(word >> 8 * number);
  return is_signed ? (int8_t)bits : bits;
}

/* Operands: 4 bytes, 4 bytes, and what their products are added to. */
void effattn_emulated_multiply_bytes(uint64_t *words, int64_t details,
                                     const char *place) {
  uint32_t sum = (uint32_t)words[2];
  (void)place;
  for (int i = 0; i < 4; ++i)
    sum += (uint32_t)(byte(words[0], i, details & LeftSigned) *
                      byte(words[1], i, details & RightSigned));
  words[0] = sum;
}

/* Every 4 bits of the third operand choose a byte of the first two, or its
 * sign. */
void effattn_emulated_permute_bytes(uint64_t *words, int64_t details,
                                    const char *place) {
  uint64_t bytes = (uint32_t)words[0] | words[1] << 32;
  uint32_t chosen = 0;
  (void)details, (void)place;
  for (int i = 0; i < 4; ++i) {
    uint32_t choice = (uint32_t)(words[2] >> 4 * i & 15);
    uint32_t value = (uint32_t)(bytes >> 8 * (choice & 7) & 255);
    if (choice & 8)
      value = value & 128 ? 255 : 0;
    chosen |= value << 8 * i;
  }
  words[0] = chosen;
}

/* Threads run one at a time, so that memory has an order. */
void effattn_emulated_fence(uint64_t *words, int64_t details,
                            const char *place) {
  (void)words, (void)details, (void)place;
}
