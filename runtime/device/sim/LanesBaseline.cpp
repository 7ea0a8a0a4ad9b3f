// The lane handlers for any machine, and the choice among their copies.
#include "runtime/device/sim/LaneHeaders.h"

namespace mamba::sim::baseline {
namespace {
#include "runtime/device/sim/LanesCommon.inc"
#include "runtime/device/sim/LanesInteger.inc"
#include "runtime/device/sim/LanesFloat.inc"
#include "runtime/device/sim/LanesCompare.inc"
#include "runtime/device/sim/LanesConvert.inc"
#include "runtime/device/sim/LanesMemory.inc"
} // namespace
extern const LaneUnit unit;
const LaneUnit unit{integer, predicates, floating, compare, conversion, conversionPair, testp, load,
                    store};
} // namespace mamba::sim::baseline

#if defined(__x86_64__)
namespace mamba::sim::avx2 {
extern const LaneUnit unit;
}
namespace mamba::sim::avx512 {
extern const LaneUnit unit;
}
#endif

const mamba::sim::LaneUnit &mamba::sim::laneUnit() {
#if defined(__x86_64__)
  static const LaneUnit &best = [] () -> const LaneUnit & {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
      return baseline::unit;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512cd"))
      return avx512::unit;
    return avx2::unit;
  }();
  return best;
#else
  return baseline::unit;
#endif
}
