// cp.async: copies from global to shared memory. Their data moves at once; that
// nobody may look at it before the wait is the monitor's business.
#pragma once

#include "runtime/device/sim/Program.h"

namespace mamba::sim::copies {

/// Target: a, imm, flags as of any access to shared memory. Source: b, more[0]
/// its flags, more[1..2] its displacement; more[3] the bytes; c the bytes to
/// read, the rest are zeros.
const Inst *copy(Warp &w, const Inst *i);
const Inst *commit(Warp &w, const Inst *i);
const Inst *waitGroup(Warp &w, const Inst *i); // imm: groups that may be pending
const Inst *waitAll(Warp &w, const Inst *i);

} // namespace mamba::sim::copies
