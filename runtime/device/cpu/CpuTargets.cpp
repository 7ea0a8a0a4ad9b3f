#include "runtime/device/cpu/CpuTargets.h"

#include "runtime/support/Quote.h"

using namespace mamba;

/// Why the target does not run here; empty if it does.
static std::string findObstacle(const TargetSpec &target,
                                const CpuFeatures &features,
                                std::string_view arch) {
  if (target.device != "cpu")
    return "is for device " + inQuotes(target.device);
  if (target.arch != arch)
    return "is for " + inQuotes(target.arch) + ", this is " + inQuotes(arch);
  for (const std::string &feature : target.features) {
    if (!features.isKnown(feature))
      return "needs " + inQuotes(feature) +
             ", which this program does not know";
    if (!features.has(feature))
      return "needs " + inQuotes(feature) + ", which this processor lacks";
  }
  return {};
}

Result<const TargetSpec *> mamba::chooseCpuTarget(const Pack &pack,
                                                  const CpuFeatures &features,
                                                  std::string_view arch) {
  const TargetSpec *best = nullptr;
  std::string obstacles;
  bool hasPtx = false;
  for (const TargetSpec &target : pack.manifest().targets) {
    std::string obstacle = findObstacle(target, features, arch);
    hasPtx |= target.device == "cuda";
    if (!obstacle.empty())
      obstacles += (obstacles.empty() ? "" : "; ") + inQuotes(target.name) +
                   " " + obstacle;
    else if (!best || target.features.size() > best->features.size())
      best = &target;
  }
  if (best)
    return best;
  return unavailable(inQuotes(pack.path()) +
                     " has no target for this machine's processor: " +
                     (obstacles.empty() ? "it has no target" : obstacles) +
                     "; build one with 'mamba-pack build --target=cpu:native'" +
                     (hasPtx ? " or run its PTX on device 'sim'" : ""));
}

bool mamba::needsAmx(const TargetSpec &target) {
  for (const std::string &feature : target.features)
    if (CpuFeatures::isAmx(feature))
      return true;
  return false;
}
