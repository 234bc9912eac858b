// RUN: clang -std=c11 -O1 -Wall -Wextra -Werror -fsanitize=undefined \
// RUN:   -fno-sanitize-recover=undefined -I%source_dir/lib/Runtime/Support %s \
// RUN:   %source_dir/lib/Runtime/Support/SoftHalf.c -lm -o %t
// RUN: %t | FileCheck %s
// CHECK: all conversions are exact

/* Every half, and around every half and bfloat the places where rounding turns:
 * the middle to the next one and the floats beside it. The expected values come
 * from the definition of the formats, not from an instruction. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

float __extendhfsf2(_Float16 value);
_Float16 __truncsfhf2(float value);
_Float16 __truncdfhf2(double value);
__bf16 __truncsfbf2(float value);
__bf16 __truncdfbf2(double value);

static int failures;

static void expect(const char *name, double from, unsigned got, unsigned want) {
  if (got != want && ++failures < 20)
    printf("%s of %a: expected %04x, but got %04x\n", name, from, want, got);
}

/* The value of a format with so many fraction bits, the rest exponent. */
static double value_of(unsigned bits, int fraction_bits) {
  int exponent_bits = 15 - fraction_bits;
  unsigned fraction = bits & ((1u << fraction_bits) - 1);
  int exponent = (int)(bits >> fraction_bits & ((1u << exponent_bits) - 1));
  int bias = (1 << (exponent_bits - 1)) - 1;
  double magnitude = exponent ? ldexp(fraction + (1u << fraction_bits),
                                      exponent - bias - fraction_bits)
                              : ldexp(fraction, 1 - bias - fraction_bits);
  return bits >> 15 ? -magnitude : magnitude;
}

static unsigned half_of_float(float value) {
  _Float16 result = __truncsfhf2(value);
  uint16_t bits;
  memcpy(&bits, &result, 2);
  return bits;
}

static unsigned half_of_double(double value) {
  _Float16 result = __truncdfhf2(value);
  uint16_t bits;
  memcpy(&bits, &result, 2);
  return bits;
}

static unsigned brain_of_float(float value) {
  __bf16 result = __truncsfbf2(value);
  uint16_t bits;
  memcpy(&bits, &result, 2);
  return bits;
}

static unsigned brain_of_double(double value) {
  __bf16 result = __truncdfbf2(value);
  uint16_t bits;
  memcpy(&bits, &result, 2);
  return bits;
}

static void check_rounding(unsigned low, int fraction_bits,
                           unsigned (*of_float)(float),
                           unsigned (*of_double)(double)) {
  unsigned infinity = fraction_bits == 10 ? 0x7c00 : 0x7f80;
  double below = value_of(low, fraction_bits);
  /* Past the largest value, the middle to what would come next. */
  double above = value_of(low + 1, fraction_bits);
  if (low + 1 == infinity)
    above = 2 * below - value_of(low - 1, fraction_bits);
  double middle = (below + above) / 2;
  const double points[] = {below, nextafter(middle, 0), middle,
                           nextafter(middle, INFINITY)};
  const unsigned want[] = {low, low, low + (low & 1), low + 1};
  for (int i = 0; i < 4; ++i)
    for (unsigned sign = 0; sign < 2; ++sign)
      expect("double", points[i], of_double(sign ? -points[i] : points[i]),
             want[i] | sign << 15);
  float turn = (float)middle;
  if (turn != middle) /* beyond the range of float */
    return;
  expect("float", turn, of_float(turn), low + (low & 1));
  expect("float", turn, of_float(nextafterf(turn, 0)), low);
  expect("float", turn, of_float(-nextafterf(turn, INFINITY)),
         (low + 1) | 0x8000);
}

int main(void) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    uint16_t narrow = (uint16_t)bits;
    _Float16 value;
    memcpy(&value, &narrow, 2);
    float wide = __extendhfsf2(value);
    if ((bits & 0x7fff) > 0x7c00)
      expect("NaN", 0, isnan(wide) && !signbit(wide) == !(bits >> 15), 1);
    else if ((bits & 0x7fff) == 0x7c00)
      expect("infinity", 0, wide == (bits >> 15 ? -INFINITY : INFINITY), 1);
    else
      expect("half", wide,
             (double)wide == value_of(bits, 10) &&
                 !signbit(wide) == !(bits >> 15),
             1);
  }
  for (unsigned low = 0; low < 0x7c00; ++low)
    check_rounding(low, 10, half_of_float, half_of_double);
  for (unsigned low = 0; low < 0x7f80; ++low)
    check_rounding(low, 7, brain_of_float, brain_of_double);
  expect("infinity", 0, half_of_float(-INFINITY), 0xfc00);
  expect("infinity", 0, brain_of_double(INFINITY), 0x7f80);
  expect("large", 1e300, half_of_double(1e300), 0x7c00);
  expect("large", -1e300, brain_of_double(-1e300), 0xff80);
  expect("tiny", 1e-300, half_of_double(1e-300), 0);
  expect("denormal", 5e-324, brain_of_double(-5e-324), 0x8000);
  expect("NaN", 0, half_of_float(NAN) & 0x7e00, 0x7e00);
  expect("NaN", 0, brain_of_double(NAN) & 0x7fc0, 0x7fc0);
  if (!failures)
    puts("all conversions are exact");
  return failures != 0;
}
