// Which of a pack's targets this machine runs.
#pragma once

#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/pack/Pack.h"

namespace mamba {

/// The runnable CPU target with the most features, the first of equals.
/// Unavailable, naming for each target what is missing, if there is none.
/// The result is borrowed from the pack.
Result<const TargetSpec *> chooseCpuTarget(const Pack &pack,
                                           const CpuFeatures &features,
                                           std::string_view arch);

/// Whether its code touches AMX tile registers.
bool needsAmx(const TargetSpec &target);

} // namespace mamba
