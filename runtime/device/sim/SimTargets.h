// What the simulator runs of a pack, and how strictly; from the environment.
#pragma once

#include "runtime/device/sim/Sim.h"
#include "runtime/pack/Pack.h"

namespace mamba {

/// The pack's cuda target for the newest chip, or the one named `wanted` if
/// that is not null (MAMBA_SIM_TARGET). Borrowed from the pack. The failure
/// says which targets there are.
Result<const TargetSpec *> chooseSimTarget(const Pack &pack,
                                           const char *wanted);

/// The pack's cuda target of this name.
Result<const TargetSpec *> findSimTarget(const Pack &pack,
                                         const std::string &name);

/// "all", "memory" (no races) or "off" (only what is always checked); null is
/// "all" (MAMBA_SIM_CHECKS).
Result<sim::Checks> parseSimChecks(const char *value);

} // namespace mamba
