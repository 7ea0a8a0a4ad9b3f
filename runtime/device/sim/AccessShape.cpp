#include "runtime/device/sim/AccessShape.h"

#include "runtime/support/LaneClones.h"

#include <algorithm>

using namespace mamba::sim;

namespace {
struct Glance {
  uint64_t together = 0, notRun = 0, notSame = 0, low = ~uint64_t(0), high = 0;
};

MAMBA_LANE_CLONES void glanceAtAll(const uint64_t *at, uint64_t bytes, Glance *glance) {
  uint64_t first = at[0], together = 0, notRun = 0, notSame = 0, low = first, high = first;
  for (uint64_t lane = 0; lane < 32; ++lane) {
    together |= at[lane];
    notRun |= at[lane] ^ (first + lane * bytes);
    notSame |= at[lane] ^ first;
    low = at[lane] < low ? at[lane] : low;
    high = at[lane] > high ? at[lane] : high;
  }
  *glance = {together, notRun, notSame, low, high};
}

Glance glanceAt(const uint64_t *at, uint64_t bytes, uint32_t lanes, uint32_t firstLane) {
  Glance g;
  uint32_t run = lanes >> firstLane;
  g.notRun = run & (run + 1);
  for (; lanes; lanes &= lanes - 1) {
    uint32_t lane = static_cast<uint32_t>(__builtin_ctz(lanes));
    g.together |= at[lane];
    g.notRun |= at[lane] ^ (at[firstLane] + (lane - firstLane) * bytes);
    g.notSame |= at[lane] ^ at[firstLane];
    g.low = std::min(g.low, at[lane]);
    g.high = std::max(g.high, at[lane]);
  }
  return g;
}
} // namespace

AccessShape::AccessShape(const WarpAccess &access)
    : firstLane(static_cast<uint32_t>(__builtin_ctz(access.lanes))) {
  Glance g;
  if (access.lanes == ~uint32_t(0))
    glanceAtAll(access.addresses, access.bytes, &g);
  else
    g = glanceAt(access.addresses, access.bytes, access.lanes, firstLane);
  isAligned = (g.together & (access.align - 1)) == 0;
  form = !g.notRun ? Form::Run : !g.notSame ? Form::Same : Form::Any;
  low = g.low;
  // A lane at the end of the address space must not come round to its begin.
  high = g.high + access.bytes < g.high ? ~uint64_t(0) : g.high + access.bytes;
}
