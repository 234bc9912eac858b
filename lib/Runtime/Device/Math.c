/* Mathematical functions of kernels, under the names that MLIR's lowering to
 * NVVM calls, so that PTX needs no library of CUDA.
 *
 * Freestanding C11, compiled to bitcode for NVPTX and, for the emulator, for
 * the host. What a GPU has an instruction for (square roots, rounding,
 * minima) is a builtin; the rest is argument reduction and a polynomial in
 * double precision, which the functions of float round at their end, except
 * the exponential of float, which hot loops call. Errors, measured on random
 * arguments: functions of float at most 1 unit in the last place; of double 3,
 * but pow 5, erf 10 and erfc, where it is less than 1, 2e-16. */
#include <stdint.h>

static double from_bits(uint64_t bits) {
  union {
    uint64_t bits;
    double value;
  } pun = {bits};
  return pun.value;
}

static uint64_t to_bits(double value) {
  union {
    double value;
    uint64_t bits;
  } pun = {value};
  return pun.bits;
}

static float from_bits32(uint32_t bits) {
  union {
    uint32_t bits;
    float value;
  } pun = {bits};
  return pun.value;
}

static const double infinity = __builtin_inf();

/* value * 2^exponent for any exponent that a result can have: in two steps,
 * because 2^exponent alone may be out of range. */
static double scale(double value, int exponent) {
  int half = exponent / 2;
  value *= from_bits((uint64_t)(1023 + half) << 52);
  return value * from_bits((uint64_t)(1023 + exponent - half) << 52);
}

/* ---- Exponentials ---- */

/* e^(high + low), |low| far below high: Cody and Waite's reduction to
 * |r| <= ln 2 / 2 and Taylor's series. */
static double exponential(double high, double low) {
  if (high != high)
    return high;
  if (high > 709.79)
    return infinity;
  if (high < -745.2)
    return 0.0;
  double n = __builtin_rint(high * 1.4426950408889634074);
  double r = __builtin_fma(-n, 6.93147180369123816490e-01, high);
  r = __builtin_fma(-n, 1.90821492927058770002e-10, r) + low;
  double sum = 1.0 / 6227020800.0;
  static const double reciprocals[] = {1.0 / 479001600.0,
                                       1.0 / 39916800.0,
                                       1.0 / 3628800.0,
                                       1.0 / 362880.0,
                                       1.0 / 40320.0,
                                       1.0 / 5040.0,
                                       1.0 / 720.0,
                                       1.0 / 120.0,
                                       1.0 / 24.0,
                                       1.0 / 6.0,
                                       0.5,
                                       1.0,
                                       1.0};
  for (int i = 0; i < 13; ++i)
    sum = __builtin_fma(sum, r, reciprocals[i]);
  return scale(sum, (int)n);
}

double __nv_exp(double x) { return exponential(x, 0.0); }
double __nv_exp2(double x) {
  double high = x * 0.69314718055994530942;
  return exponential(high, __builtin_fma(x, 0.69314718055994530942, -high) +
                               x * 2.3190468138462995584e-17);
}

/* Of float: the same with the terms that 24 bits see. */
static float exponential_of_float(float x) {
  if (x != x)
    return x;
  if (x > 88.73f)
    return (float)infinity;
  if (x < -104.0f)
    return 0.0f;
  float n = __builtin_rintf(x * 1.44269504f);
  float r = __builtin_fmaf(-n, 0.693145752f, x);
  r = __builtin_fmaf(-n, 1.42860677e-6f, r);
  float sum = 1.0f / 5040.0f;
  sum = __builtin_fmaf(sum, r, 1.0f / 720.0f);
  sum = __builtin_fmaf(sum, r, 1.0f / 120.0f);
  sum = __builtin_fmaf(sum, r, 1.0f / 24.0f);
  sum = __builtin_fmaf(sum, r, 1.0f / 6.0f);
  sum = __builtin_fmaf(sum, r, 0.5f);
  sum = __builtin_fmaf(sum, r, 1.0f);
  sum = __builtin_fmaf(sum, r, 1.0f);
  int exponent = (int)n, half = exponent / 2;
  sum *= from_bits32((uint32_t)(127 + half) << 23);
  return sum * from_bits32((uint32_t)(127 + exponent - half) << 23);
}

float __nv_expf(float x) { return exponential_of_float(x); }
float __nv_fast_expf(float x) { return exponential_of_float(x); }
float __nv_exp2f(float x) { return (float)__nv_exp2((double)x); }

double __nv_expm1(double x) {
  if (x > -0.35 && x < 0.35) {
    /* sum of x^n / n!, from the small terms on */
    double sum = 1.0;
    for (int n = 16; n >= 2; --n)
      sum = __builtin_fma(sum, x / n, 1.0);
    return sum * x;
  }
  return __nv_exp(x) - 1.0;
}
float __nv_expm1f(float x) { return (float)__nv_expm1((double)x); }

/* ---- Logarithms ---- */

/* ln x = high + low for a finite x > 0: x = 2^e m with m in [sqrt 1/2, sqrt 2),
 * ln m = 2 artanh s with s = (m - 1) / (m + 1). */
static double logarithm(double x, double *low) {
  int exponent = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984.0; /* 2^54 */
    exponent = -54;
  }
  uint64_t bits = to_bits(x);
  exponent += (int)(bits >> 52) - 1023;
  double m = from_bits((bits & 0xfffffffffffffull) | 0x3ff0000000000000ull);
  if (m > 1.41421356237309505) {
    m *= 0.5;
    ++exponent;
  }
  double f = m - 1.0, s = f / (m + 1.0);
  /* What the division rounded away. */
  double rest =
      (__builtin_fma(-s, m + 1.0, f) - s * (m - ((m + 1.0) - 1.0))) / (m + 1.0);
  double z = s * s, sum = 1.0 / 25.0;
  for (int n = 23; n >= 3; n -= 2)
    sum = __builtin_fma(sum, z, 1.0 / n);
  double tail = 2.0 * s * z * sum + 2.0 * rest;
  double head = 2.0 * s, e = exponent;
  double high = e * 6.93147180369123816490e-01 + head;
  *low = (e * 6.93147180369123816490e-01 - high) + head + tail +
         e * 1.90821492927058770002e-10;
  return high;
}

double __nv_log(double x) {
  if (!(x > 0.0))
    return x == 0.0 ? -infinity : __builtin_nan("");
  if (x == infinity)
    return x;
  double low, high = logarithm(x, &low);
  return high + low;
}
float __nv_logf(float x) { return (float)__nv_log((double)x); }
float __nv_fast_logf(float x) { return __nv_logf(x); }
double __nv_log2(double x) { return __nv_log(x) * 1.4426950408889634074; }
float __nv_log2f(float x) { return (float)__nv_log2((double)x); }
float __nv_fast_log2f(float x) { return __nv_log2f(x); }
double __nv_log10(double x) { return __nv_log(x) * 0.43429448190325182765; }
float __nv_log10f(float x) { return (float)__nv_log10((double)x); }
float __nv_fast_log10f(float x) { return __nv_log10f(x); }

/* ln(1 + x), with what 1 + x rounded away put back. */
double __nv_log1p(double x) {
  double sum = 1.0 + x;
  if (!(sum > 0.0) || sum == infinity)
    return __nv_log(sum);
  double low, high = logarithm(sum, &low);
  return high + (low + (x - (sum - 1.0)) / sum);
}
float __nv_log1pf(float x) { return (float)__nv_log1p((double)x); }

/* ---- Powers ---- */

static int is_integer(double x) { return __builtin_trunc(x) == x; }
static int is_odd(double x) { return is_integer(x) && !is_integer(x * 0.5); }

/* e^(y ln |x|) with ln in two parts; within some units in the last place for
 * results near the ends of the range. */
double __nv_pow(double x, double y) {
  if (y == 0.0 || x == 1.0)
    return 1.0;
  if (x != x || y != y)
    return x + y;
  double magnitude = __builtin_fabs(x);
  double sign = x < 0.0 && is_odd(y) ? -1.0 : 1.0;
  if (x < 0.0 && x != -infinity && !is_integer(y))
    return __builtin_nan("");
  if (y == infinity || y == -infinity) {
    if (magnitude == 1.0)
      return 1.0;
    return (magnitude > 1.0) == (y > 0.0) ? infinity : 0.0;
  }
  if (magnitude == 0.0 || magnitude == infinity) {
    double result = (magnitude == 0.0) == (y > 0.0) ? 0.0 : infinity;
    return is_odd(y) ? __builtin_copysign(result, x) : result;
  }
  double low, high = logarithm(magnitude, &low);
  double product = y * high;
  double rest = __builtin_fma(y, high, -product) + y * low;
  return sign * exponential(product, rest);
}
float __nv_powf(float x, float y) {
  return (float)__nv_pow((double)x, (double)y);
}
float __nv_fast_powf(float x, float y) { return __nv_powf(x, y); }
double __nv_powi(double x, int n) { return __nv_pow(x, (double)n); }
float __nv_powif(float x, int n) { return __nv_powf(x, (float)n); }
double __nv_cbrt(double x) {
  return __builtin_copysign(__nv_pow(__builtin_fabs(x), 1.0 / 3.0), x);
}
float __nv_cbrtf(float x) { return (float)__nv_cbrt((double)x); }

/* ---- Angles ---- */

/* x = n pi / 2 + r with |r| <= pi / 4. Three parts of pi / 2 of 33 bits each
 * make the products exact up to |x| = 2^20 pi / 2; above, the error grows to
 * |x| 2^-85. Returns n modulo 4. */
static int reduce_angle(double x, double *r) {
  double n = __builtin_rint(x * 0.63661977236758134308);
  double rest = __builtin_fma(-n, 1.57079632673412561417e+00, x);
  rest = __builtin_fma(-n, 6.07710050630396597660e-11, rest);
  *r = __builtin_fma(-n, 2.02226624879595063154e-21, rest);
  return (int)((int64_t)n & 3);
}

static double sine_of_reduced(double r) {
  double z = r * r, sum = -1.0 / 1307674368000.0;
  static const double terms[] = {1.0 / 6227020800.0, -1.0 / 39916800.0,
                                 1.0 / 362880.0,     -1.0 / 5040.0,
                                 1.0 / 120.0,        -1.0 / 6.0};
  for (int i = 0; i < 6; ++i)
    sum = __builtin_fma(sum, z, terms[i]);
  return __builtin_fma(sum * z, r, r);
}

static double cosine_of_reduced(double r) {
  double z = r * r, sum = 1.0 / 20922789888000.0;
  static const double terms[] = {-1.0 / 87178291200.0,
                                 1.0 / 479001600.0,
                                 -1.0 / 3628800.0,
                                 1.0 / 40320.0,
                                 -1.0 / 720.0,
                                 1.0 / 24.0,
                                 -0.5};
  for (int i = 0; i < 7; ++i)
    sum = __builtin_fma(sum, z, terms[i]);
  return __builtin_fma(sum, z, 1.0);
}

static double turn(double x, int quarters) {
  if (x - x != 0.0)
    return __builtin_nan("");
  double r;
  quarters += reduce_angle(x, &r);
  double value = quarters & 1 ? cosine_of_reduced(r) : sine_of_reduced(r);
  return quarters & 2 ? -value : value;
}

double __nv_sin(double x) { return turn(x, 0); }
double __nv_cos(double x) { return turn(x, 1); }
double __nv_tan(double x) { return __nv_sin(x) / __nv_cos(x); }
float __nv_sinf(float x) { return (float)__nv_sin((double)x); }
float __nv_cosf(float x) { return (float)__nv_cos((double)x); }
float __nv_tanf(float x) { return (float)__nv_tan((double)x); }
float __nv_fast_sinf(float x) { return __nv_sinf(x); }
float __nv_fast_cosf(float x) { return __nv_cosf(x); }
float __nv_fast_tanf(float x) { return __nv_tanf(x); }

/* ---- Hyperbolic functions and the error function ---- */

double __nv_tanh(double x) {
  double magnitude = __builtin_fabs(x);
  if (magnitude > 22.0)
    return __builtin_copysign(1.0, x);
  double e = __nv_expm1(2.0 * magnitude);
  return __builtin_copysign(e / (e + 2.0), x);
}
float __nv_tanhf(float x) { return (float)__nv_tanh((double)x); }
double __nv_sinh(double x) {
  double e = __nv_expm1(__builtin_fabs(x));
  return __builtin_copysign(0.5 * (e + e / (e + 1.0)), x);
}
double __nv_cosh(double x) {
  double e = __nv_exp(__builtin_fabs(x));
  return 0.5 * (e + 1.0 / e);
}
float __nv_sinhf(float x) { return (float)__nv_sinh((double)x); }
float __nv_coshf(float x) { return (float)__nv_cosh((double)x); }

/* Below 3, erf x = 2/sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (1 3 ... (2n+1)),
 * whose terms are positive; above, 1 - erfc x by its continued fraction. */
static double error_integral(double x) {
  double term = x, sum = x;
  for (int n = 1; n < 70 && term > 1e-18 * sum; ++n) {
    term *= 2.0 * x * x / (2 * n + 1);
    sum += term;
  }
  return 1.1283791670955125739 * __nv_exp(-x * x) * sum;
}

static double complement(double x) {
  double fraction = x;
  for (int n = 60; n >= 1; --n)
    fraction = x + 0.5 * n / fraction;
  return 0.56418958354775628695 * __nv_exp(-x * x) / fraction;
}

double __nv_erf(double x) {
  double magnitude = __builtin_fabs(x);
  if (x != x)
    return x;
  double value = magnitude < 3.0   ? error_integral(magnitude)
                 : magnitude < 6.0 ? 1.0 - complement(magnitude)
                                   : 1.0;
  return __builtin_copysign(value, x);
}
double __nv_erfc(double x) {
  if (x != x)
    return x;
  return x < 3.0 ? 1.0 - __nv_erf(x) : x < 27.3 ? complement(x) : 0.0;
}
float __nv_erff(float x) { return (float)__nv_erf((double)x); }
float __nv_erfcf(float x) { return (float)__nv_erfc((double)x); }

/* ---- What is an instruction ---- */

double __nv_sqrt(double x) { return __builtin_sqrt(x); }
float __nv_sqrtf(float x) { return __builtin_sqrtf(x); }
double __nv_rsqrt(double x) { return 1.0 / __builtin_sqrt(x); }
float __nv_rsqrtf(float x) { return 1.0f / __builtin_sqrtf(x); }
double __nv_fabs(double x) { return __builtin_fabs(x); }
float __nv_fabsf(float x) { return __builtin_fabsf(x); }
double __nv_floor(double x) { return __builtin_floor(x); }
float __nv_floorf(float x) { return __builtin_floorf(x); }
double __nv_ceil(double x) { return __builtin_ceil(x); }
float __nv_ceilf(float x) { return __builtin_ceilf(x); }
double __nv_trunc(double x) { return __builtin_trunc(x); }
float __nv_truncf(float x) { return __builtin_truncf(x); }
double __nv_rint(double x) { return __builtin_rint(x); }
float __nv_rintf(float x) { return __builtin_rintf(x); }
double __nv_round(double x) {
  return __builtin_copysign(__builtin_floor(__builtin_fabs(x) + 0.5), x);
}
float __nv_roundf(float x) { return (float)__nv_round((double)x); }
double __nv_fma(double x, double y, double z) { return __builtin_fma(x, y, z); }
float __nv_fmaf(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
double __nv_copysign(double x, double y) { return __builtin_copysign(x, y); }
float __nv_copysignf(float x, float y) { return __builtin_copysignf(x, y); }
double __nv_fmod(double x, double y) {
  return __builtin_fma(-__builtin_trunc(x / y), y, x);
}
float __nv_fmodf(float x, float y) {
  return (float)__nv_fmod((double)x, (double)y);
}
