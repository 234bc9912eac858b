/* Conversions of half and bfloat that the code generator calls where the CPU
 * has no instruction for them.
 *
 * Integer arithmetic only: a conversion written with the types themselves would
 * call itself. Weak, since a compiler's own run-time library may bring the same
 * functions; both round exactly, to nearest, ties to even. */
#include "Support.h"

struct Format {
  int fraction, exponent; /* bits */
};
static const struct Format half = {10, 5}, brain = {7, 8}, single = {23, 8},
                           wide = {52, 11};

static inline uint16_t narrow(uint64_t bits, struct Format from,
                              struct Format to) {
  uint64_t from_max = ((uint64_t)1 << from.exponent) - 1,
           to_max = ((uint64_t)1 << to.exponent) - 1;
  uint64_t sign = (bits >> (from.fraction + from.exponent))
                  << (to.fraction + to.exponent);
  uint64_t infinity = to_max << to.fraction;
  uint64_t fraction = bits & (((uint64_t)1 << from.fraction) - 1);
  int64_t exponent = (int64_t)(bits >> from.fraction & from_max);
  int shift = from.fraction - to.fraction;
  if (exponent == (int64_t)from_max) {
    uint64_t quiet = (uint64_t)1 << (to.fraction - 1);
    return (uint16_t)(sign | infinity |
                      (fraction ? quiet | fraction >> shift : 0));
  }
  if (exponent)
    fraction |= (uint64_t)1 << from.fraction;
  else
    exponent = 1;
  exponent += (int64_t)(to_max >> 1) - (int64_t)(from_max >> 1);
  if (exponent >= (int64_t)to_max)
    return (uint16_t)(sign | infinity);
  if (exponent < 1) { /* denormal: the value of the last place is fixed */
    shift = 1 - exponent > 62 - shift ? 62 : shift + (int)(1 - exponent);
    exponent = 1;
  }
  uint64_t kept = fraction >> shift,
           rest = fraction & (((uint64_t)1 << shift) - 1);
  uint64_t middle = (uint64_t)1 << (shift - 1);
  kept += rest > middle || (rest == middle && (kept & 1));
  /* The leading bit of `kept`, or the carry of its rounding, moves the exponent
   * up; past the largest it is infinity. */
  return (uint16_t)(sign | (((uint64_t)(exponent - 1) << to.fraction) + kept));
}

#define SOFT __attribute__((weak, visibility("hidden")))

/* Defines `result name(argument)` by a function between their bits. */
#define CONVERSION(result_type, result_bits, name, argument_type,              \
                   argument_bits, expression)                                  \
  SOFT result_type name(argument_type argument) {                              \
    _Static_assert(sizeof(result_type) == sizeof(result_bits), "same size");   \
    _Static_assert(sizeof(argument_type) == sizeof(argument_bits),             \
                   "same size");                                               \
    argument_bits bits;                                                        \
    __builtin_memcpy(&bits, &argument, sizeof bits);                           \
    result_bits converted = expression;                                        \
    result_type result;                                                        \
    __builtin_memcpy(&result, &converted, sizeof result);                      \
    return result;                                                             \
  }

static inline uint32_t widen(uint16_t bits) {
  uint32_t sign = (uint32_t)bits >> 15 << 31,
           exponent = bits >> half.fraction & 31, fraction = bits & 0x3ff;
  if (exponent == 31)
    return sign | 0x7f800000 | fraction << 13 | (fraction ? 0x400000 : 0);
  if (exponent)
    return sign | (exponent + 112) << 23 | fraction << 13;
  if (!fraction)
    return sign;
  uint32_t places = (uint32_t)__builtin_clz(fraction) -
                    21; /* denormal: as a float it leads with a one */
  return sign | (113 - places) << 23 | (fraction << places & 0x3ff) << 13;
}

CONVERSION(float, uint32_t, __extendhfsf2, _Float16, uint16_t, widen(bits))
CONVERSION(_Float16, uint16_t, __truncsfhf2, float, uint32_t,
           narrow(bits, single, half))
CONVERSION(_Float16, uint16_t, __truncdfhf2, double, uint64_t,
           narrow(bits, wide, half))
CONVERSION(__bf16, uint16_t, __truncsfbf2, float, uint32_t,
           narrow(bits, single, brain))
CONVERSION(__bf16, uint16_t, __truncdfbf2, double, uint64_t,
           narrow(bits, wide, brain))
