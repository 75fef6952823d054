#ifndef PAIRWISE_CPU_FEATURES_H
#define PAIRWISE_CPU_FEATURES_H

#include <stdbool.h>

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

#include "Tiles.h"

// Swift has no CPUID, pause or prefetch intrinsic, so these are headers of C. `__builtin_cpu_supports` also checks that the
// operating system saves the wide registers.

/// Whether this CPU and operating system run AVX2 and FMA instructions.
static inline bool pairwise_cpu_has_avx2(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

/// Whether this CPU and operating system run the AVX-512 subset of Skylake servers (F, CD, BW, DQ, VL).
static inline bool pairwise_cpu_has_avx512(void) {
#if defined(__x86_64__)
  return pairwise_cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

/// Whether this CPU and operating system multiply 16-bit numbers as well (AVX-512 of Cooper Lake servers and Zen 4).
static inline bool pairwise_cpu_has_avx512bf16(void) {
#if defined(__x86_64__)
  return pairwise_cpu_has_avx512() && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

/// Whether this CPU has a matrix unit for 16-bit numbers as well (AMX), and the operating system lets this process use it,
/// which is asked for here.
bool pairwise_cpu_has_amx(void);

/// Tells the CPU that this thread waits in a loop.
static inline void pairwise_cpu_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Asks for a cache line that will be read soon.
static inline void pairwise_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

/// Asks for a cache line that will be read later, in the second-level cache.
static inline void pairwise_prefetch_far(const void *address) { __builtin_prefetch(address, 0, 2); }

#if defined(__AVX512BF16__)
// Words are pairs of bfloat16 numbers, the first in the lower half, in a vector of floats that nobody calculates with.

/// The first `count` numbers, of at most 16; the others are zero and not read.
static inline __m512 pairwise_load_first(const float *numbers, long count) {
  return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), numbers);
}

/// Stores the first `count` numbers, of at most 16.
static inline void pairwise_store_first(float *numbers, __m512 vector, long count) {
  _mm512_mask_storeu_ps(numbers, (__mmask16)((1u << count) - 1), vector);
}

/// `sum + a b` for the pairs of each word: both products of a word are added to one sum.
static inline __m512 pairwise_add_bfloat16_products(__m512 sum, __m512 a, __m512 b) {
  return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_castps_si512(a), (__m512bh)_mm512_castps_si512(b));
}

/// `sum + a b` for the four bytes of each word, of `a` without sign: whole numbers.
static inline __m512 pairwise_add_byte_products(__m512 sum, __m512 a, __m512 b) {
  return _mm512_castsi512_ps(
      _mm512_dpbusd_epi32(_mm512_castps_si512(sum), _mm512_castps_si512(a), _mm512_castps_si512(b)));
}

/// Whole numbers of two vectors, the difference as numbers.
static inline __m512 pairwise_difference_as_numbers(__m512 a, __m512 b) {
  return _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}

/// The bits of the largest absolute value, or of one that is no number.
static inline unsigned pairwise_largest_bits(const float *numbers, long count) {
  __m512i largest = _mm512_setzero_si512();
  const __m512i absolute = _mm512_set1_epi32(0x7fffffff);
  for (long i = 0; i < count; i += 16) {
    __m512 vector = pairwise_load_first(numbers + i, count - i < 16 ? count - i : 16);
    largest = _mm512_max_epu32(largest, _mm512_and_si512(_mm512_castps_si512(vector), absolute));
  }
  return _mm512_reduce_max_epu32(largest);
}

/// The first `count` numbers, of at most 64, times a factor, to the nearest whole number and 128 more, as bytes; zeros behind.
static inline __m512 pairwise_quantize(const float *numbers, float factor, long count) {
  const __m512i zero_point = _mm512_set1_epi32(128);
  __m128i quarters[4];
  for (int i = 0; i < 4; i++) {
    long present = count - 16 * i < 0 ? 0 : count - 16 * i < 16 ? count - 16 * i : 16;
    __m512 scaled = _mm512_mul_ps(pairwise_load_first(numbers + 16 * i, present), _mm512_set1_ps(factor));
    quarters[i] = _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(scaled), zero_point));
  }
  __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(quarters[0]), quarters[1], 1);
  __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(quarters[2]), quarters[3], 1);
  return _mm512_castsi512_ps(_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1));
}

/// 32 numbers, rounded, as 16 words.
static inline __m512 pairwise_round_to_bfloat16(__m512 first, __m512 last) {
  return _mm512_castsi512_ps((__m512i)_mm512_cvtne2ps_pbh(last, first));
}

/// Words of one number each of two vectors, rounded.
static inline __m512 pairwise_interleave_bfloat16(__m512 low, __m512 high) {
  const __m512i order = _mm512_set_epi16(
    31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(high, low)));
}
#endif

/// How many processors this process may use; at least 1.
int pairwise_processor_count(void);

#endif
