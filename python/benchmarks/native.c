// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Probes of the machine, and address_memory as a C programmer would write it.
// Compiled when the benchmarks start, for the machine that runs them.

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#include <immintrin.h>
enum { WIDTH = 16, CHAINS = 16 };
#define KEEP(x) __asm__ volatile("" : "+v"(x))
#elif defined(__AVX__)
#include <immintrin.h>
enum { WIDTH = 8, CHAINS = 12 };
#define KEEP(x) __asm__ volatile("" : "+x"(x))
#else
enum { WIDTH = 4, CHAINS = 12 };
#define KEEP(x) (void)(x)
#endif
typedef float Vector __attribute__((vector_size(4 * WIDTH)));

int thread_count(void) {
  int count = 0;
#pragma omp parallel reduction(+ : count)
  count += 1;
  return count;
}

// Every peak runs `turns` turns on each thread and returns the operations of
// all threads, 0 where the CPU has no such instruction.

double peak_f32(long turns) {
  double operations = 0;
#pragma omp parallel reduction(+ : operations)
  {
    Vector sums[CHAINS] = {0}, scale = (Vector){0} + 1.0000001f;
    for (long i = 0; i < turns; ++i) {
#pragma clang loop unroll(full)
      for (int j = 0; j < CHAINS; ++j)
        sums[j] = sums[j] * scale + scale;
#pragma clang loop unroll(full)
      for (int j = 0; j < CHAINS; ++j)
        KEEP(sums[j]);
    }
    operations += 2.0 * WIDTH * CHAINS * turns;
  }
  return operations;
}

double peak_bf16(long turns) {
  double operations = 0;
#if defined(__AVX512BF16__)
#pragma omp parallel reduction(+ : operations)
  {
    __m512 sums[CHAINS] = {0};
    __m512bh ones = (__m512bh)_mm512_set1_epi32(0x3f803f80);
    for (long i = 0; i < turns; ++i) {
#pragma clang loop unroll(full)
      for (int j = 0; j < CHAINS; ++j)
        sums[j] = _mm512_dpbf16_ps(sums[j], ones, ones);
#pragma clang loop unroll(full)
      for (int j = 0; j < CHAINS; ++j)
        KEEP(sums[j]);
    }
    operations += 64.0 * CHAINS * turns;
  }
#endif
  return operations;
}

double peak_i8(long turns) {
  double operations = 0;
#if defined(__AVX512VNNI__)
#pragma omp parallel reduction(+ : operations)
  {
    __m512i sums[CHAINS] = {0}, ones = _mm512_set1_epi8(1);
    for (long i = 0; i < turns; ++i) {
#pragma clang loop unroll(full)
      for (int j = 0; j < CHAINS; ++j)
        sums[j] = _mm512_dpbusd_epi32(sums[j], ones, ones);
#pragma clang loop unroll(full)
      for (int j = 0; j < CHAINS; ++j)
        KEEP(sums[j]);
    }
    operations += 128.0 * CHAINS * turns;
  }
#elif defined(__AVX2__)
  // Pairs of 16-bit integers, to which bytes can be widened ahead of time.
#pragma omp parallel reduction(+ : operations)
  {
    __m256i sums[CHAINS] = {0}, ones = _mm256_set1_epi16(1);
    for (long i = 0; i < turns; ++i) {
#pragma clang loop unroll(full)
      for (int j = 0; j < CHAINS; ++j) {
        KEEP(ones);
        sums[j] = _mm256_add_epi32(sums[j], _mm256_madd_epi16(ones, ones));
      }
#pragma clang loop unroll(full)
      for (int j = 0; j < CHAINS; ++j)
        KEEP(sums[j]);
    }
    operations += 32.0 * CHAINS * turns;
  }
#endif
  return operations;
}

// Reads every byte; memory is a multiple of 8 bytes long.
uint64_t read_memory(const uint64_t *memory, size_t bytes) {
  uint64_t seen = 0;
#pragma omp parallel for simd reduction(^ : seen) schedule(static)
  for (size_t i = 0; i < bytes / 8; ++i) {
    seen ^= memory[i];
  }
  return seen;
}

void write_memory(char *memory, size_t bytes) {
  const size_t part = 1 << 16;
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < bytes; i += part)
    memset(memory + i, 1, i + part < bytes ? part : bytes - i);
}

void copy_memory(char *to, const char *from, size_t bytes) {
  const size_t part = 1 << 16;
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < bytes; i += part)
    memcpy(to + i, from + i, i + part < bytes ? part : bytes - i);
}

// The equations of address_memory with gamma = 1, addresses taken on trust.
void address_memory(long B, long T, long K, long R, long E, long M,
                    const float *restrict write_weights,
                    const int32_t *restrict write_indices,
                    const float *restrict values,
                    const float *restrict read_weights,
                    const int32_t *restrict read_indices,
                    float *restrict memory, float *restrict mass,
                    float *restrict out) {
#pragma omp parallel for schedule(static)
  for (long b = 0; b < B; ++b) {
    float *rows = memory + b * M * E, *masses = mass + b * M;
    for (long t = 0; t < T; ++t) {
      const long token = b * T + t;
      const float *value = values + token * E;
      for (long i = 0; i < K; ++i) {
        const float weight = write_weights[token * K + i];
        const long slot = write_indices[token * K + i];
        float *row = rows + slot * E;
        for (long e = 0; e < E; ++e)
          row[e] = (1 - weight) * row[e] + weight * value[e];
        masses[slot] = (1 - weight) * masses[slot] + weight;
      }
      float *result = out + token * E;
      for (long e = 0; e < E; ++e)
        result[e] = 0;
      for (long i = 0; i < R; ++i) {
        const long slot = read_indices[token * R + i];
        const float *row = rows + slot * E;
        const float share =
            read_weights[token * R + i] / (masses[slot] + 1e-6f);
        for (long e = 0; e < E; ++e)
          result[e] += share * row[e];
      }
    }
  }
}
