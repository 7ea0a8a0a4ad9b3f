// Instructions whose lanes name the members that take part.
#pragma once

#include "runtime/device/sim/Control.h"
#include "runtime/device/sim/Warp.h"

namespace mamba::sim {

/// Calls body() with Warp::mask the lanes that name the same members; each group
/// must be complete here, unless all lanes name the same, who then wait.
template <typename F>
const Inst *forGroups(Warp &w, const Inst *i, uint32_t membersRow, F &&body) {
  const uint32_t *members = w.row<uint32_t>(membersRow);
  uint32_t mask = w.mask, first = members[__builtin_ctz(mask)], same = 0;
  for (unsigned l = 0; l < kLanes; ++l)
    same |= uint32_t(members[l] == first) << l;
  if ((mask & ~same) == 0) {
    const Inst *next = nullptr;
    if (!startWarpSync(w, i, first, next))
      return next;
    body();
    return finishWarpSync(w, i, first);
  }
  for (uint32_t rest = mask; rest;) {
    uint32_t group = members[__builtin_ctz(rest)], lanes = 0;
    for (unsigned l = 0; l < kLanes; ++l)
      lanes |= uint32_t((rest >> l & 1) && members[l] == group) << l;
    w.mask = lanes;
    if ((lanes & ~group) || (group & w.alive & ~lanes))
      return fail(w, i, DefectKind::Other,
                  "the lanes that execute it are not those of its member mask");
    body();
    rest &= ~lanes;
  }
  return i + 1;
}

} // namespace mamba::sim
