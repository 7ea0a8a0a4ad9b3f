// The lane handlers for any machine, and the choice among their copies.
#include "runtime/device/sim/LaneHeaders.h"

#define MAMBA_WIDTH 4

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

const std::vector<const mamba::sim::LaneUnit *> &mamba::sim::laneUnits() {
  static const std::vector<const LaneUnit *> units = [] {
    std::vector<const LaneUnit *> found;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v4"))
      found.push_back(&avx512::unit);
    if (__builtin_cpu_supports("x86-64-v3"))
      found.push_back(&avx2::unit);
#endif
    found.push_back(&baseline::unit);
    return found;
  }();
  return units;
}

const mamba::sim::LaneUnit &mamba::sim::laneUnit() { return *laneUnits().front(); }
