// Which of a pack's targets this machine runs.
#pragma once

#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/pack/Pack.h"

#include <functional>
#include <string>

namespace mamba {

/// What decides which targets run.
struct CpuHost {
  CpuFeatures features;
  std::string_view arch;
  Status (*requestAmx)(); // Asked only for targets that have all else.

  /// This machine.
  static CpuHost detect();
};

/// Why the target does not run there; empty if it does, and then its tiles may
/// be used.
std::string findObstacle(const TargetSpec &target, const CpuHost &host);

/// The runnable CPU target with the most features, the first of equals; or the
/// one named `wanted` if that is not empty. NotFound if the pack has no such
/// target; Unavailable, naming for each target what is missing, if none runs.
/// Where it is the operating system's word alone that keeps a better one from
/// running, `warn` is told, which may be null. The result is borrowed from the
/// pack.
Result<const TargetSpec *>
chooseCpuTarget(const Pack &pack, const CpuHost &host,
                const std::string &wanted = {},
                const std::function<void(const std::string &)> &warn = nullptr);

/// Whether its code touches AMX tile registers.
bool needsAmx(const TargetSpec &target);

} // namespace mamba
