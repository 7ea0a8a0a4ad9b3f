// How the addresses of one warp-instruction lie.
#pragma once

#include "runtime/device/sim/Monitor.h"
#include "runtime/device/sim/Races.h"

#include <cstdint>

namespace mamba::sim {

/// How the addresses of a warp's lanes lie, found once for all checks.
struct AccessShape {
  enum class Form : uint8_t { Run, Same, Any }; // Run: lane after lane, without a gap
  Form form = Form::Any;
  uint32_t firstLane = 0;
  uint64_t low = 0, high = 0; // lowest address, highest + bytes
  bool isAligned = true;

  explicit AccessShape(const WarpAccess &access);
};

/// The access cut into runs: consecutive lanes at consecutive bytes.
struct LaneRuns {
  LaneRuns(const WarpAccess &access, uint64_t base) : access(access), base(base) {}
  /// False at the end; else `run`, with its offset from base.
  bool next() {
    if (!left)
      return false;
    run.firstLane = static_cast<uint32_t>(__builtin_ctz(left));
    const uint64_t *at = access.addresses + run.firstLane;
    run.offset = *at - base;
    run.bytes = access.bytes;
    run.count = 0;
    do {
      ++run.count;
      left &= left - 1;
    } while (left >> (run.firstLane + run.count - 1) >> 1 & 1 &&
             at[run.count] == at[0] + uint64_t(run.count) * access.bytes);
    return true;
  }

  const WarpAccess &access;
  uint64_t base;
  LaneRun run;
  uint32_t left = access.lanes;
};

} // namespace mamba::sim
