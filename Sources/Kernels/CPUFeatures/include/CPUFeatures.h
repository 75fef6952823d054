#ifndef PAIRWISE_CPU_FEATURES_H
#define PAIRWISE_CPU_FEATURES_H

#include <stdbool.h>

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

/// How many processors this process may use; at least 1.
int pairwise_processor_count(void);

#endif
