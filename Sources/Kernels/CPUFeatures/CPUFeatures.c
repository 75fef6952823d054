#define _GNU_SOURCE
#include "CPUFeatures.h"

#include <unistd.h>

#if defined(__linux__)
#include <sched.h>
#endif

int pairwise_processor_count(void) {
#if defined(__linux__)
  // Unlike the number of processors online, the affinity mask knows about containers and taskset.
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0 && CPU_COUNT(&mask) > 0) {
    return CPU_COUNT(&mask);
  }
#endif
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int)online : 1;
}
