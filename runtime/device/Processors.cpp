#include "runtime/device/Processors.h"

#include "runtime/device/CpuQuota.h"

#include <algorithm>
#include <sched.h>
#include <thread>

using namespace mamba;

static unsigned allowedProcessors() {
  // The kernel refuses masks that are too small for its processors.
  for (int processors = 1024; processors <= 1 << 20; processors *= 4) {
    cpu_set_t *set = CPU_ALLOC(processors);
    if (!set)
      break;
    size_t bytes = CPU_ALLOC_SIZE(processors);
    int count = 0;
    if (sched_getaffinity(0, bytes, set) == 0)
      count = CPU_COUNT_S(bytes, set);
    CPU_FREE(set);
    if (count > 0)
      return std::min<unsigned>(count, kMaxDeviceThreads);
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

unsigned mamba::availableProcessors() {
  return processorsWithin(allowedProcessors(), cpuQuota());
}

unsigned mamba::processorsWithin(unsigned processors,
                                 std::optional<double> quota) {
  if (!quota || *quota >= processors)
    return processors;
  return std::max(1u, static_cast<unsigned>(*quota + 0.5));
}

Status mamba::checkThreads(unsigned threads) {
  if (threads <= kMaxDeviceThreads)
    return {};
  return invalidArgument("there can be at most " +
                         std::to_string(kMaxDeviceThreads) +
                         " threads, asked for " + std::to_string(threads));
}
