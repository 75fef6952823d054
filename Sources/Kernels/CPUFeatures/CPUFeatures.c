#define _GNU_SOURCE
#include "CPUFeatures.h"

#include <unistd.h>

#if defined(__linux__)
#include <sched.h>
#include <stddef.h>
#endif

#if defined(__linux__) && defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#endif

bool pairwise_cpu_has_amx(void) {
#if defined(__linux__) && defined(__x86_64__)
  unsigned int a, b, c, d;
  // AMX-INT8, AMX-TILE, AMX-BF16.
  const unsigned int tiles = 1u << 25 | 1u << 24 | 1u << 22;
  if (!pairwise_cpu_has_avx512bf16() || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) { return false; }
  if ((d & tiles) != tiles) { return false; }
  // The tiles are state that Linux saves for those who ask: ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA.
  return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
#else
  return false;
#endif
}

int pairwise_processor_count(void) {
#if defined(__linux__)
  // Unlike the number of processors online, the affinity mask knows about containers and taskset. The call fails while
  // the mask has no room for all processors that the kernel could have.
  for (int room = 1024; room <= 1 << 20; room *= 4) {
    cpu_set_t *mask = CPU_ALLOC(room);
    if (mask == NULL) { break; }
    size_t size = CPU_ALLOC_SIZE(room);
    int count = sched_getaffinity(0, size, mask) == 0 ? CPU_COUNT_S(size, mask) : 0;
    CPU_FREE(mask);
    if (count > 0) { return count; }
  }
#endif
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int)online : 1;
}
