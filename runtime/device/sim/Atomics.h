// atom and red.
#pragma once

#include "runtime/device/sim/Program.h"

namespace mamba::sim {

enum class AtomicOp : uint32_t {
  Add, Exchange, CompareSwap, Min, Max, Increment, Decrement, And, Or, Xor
};
bool isAtomicKnown(AtomicOp op, ptx::Type type);

namespace atomics {
/// The address as of any access; d: what was there; b, c: rows; more[0]: op,
/// from bit 8 the type.
const Inst *atomic(Warp &w, const Inst *i);
} // namespace atomics

} // namespace mamba::sim
