#include "runtime/device/cpu/CpuTargets.h"

#include "runtime/support/Quote.h"

using namespace mamba;

CpuHost CpuHost::detect() {
  return {CpuFeatures::detect(), hostArch(), mamba::requestAmx};
}

/// What the processor itself says.
static std::string findMissing(const TargetSpec &target, const CpuHost &host) {
  if (target.device != "cpu")
    return "is for device " + inQuotes(target.device);
  if (target.arch != host.arch)
    return "is for " + inQuotes(target.arch) + ", this is " +
           inQuotes(host.arch);
  for (const std::string &feature : target.features) {
    if (!host.features.isKnown(feature))
      return "needs " + inQuotes(feature) +
             ", which this program does not know";
    if (!host.features.has(feature))
      return "needs " + inQuotes(feature) + ", which this processor lacks";
  }
  return {};
}

/// What the operating system says of a target that the processor runs.
static std::string findRefusal(const TargetSpec &target, const CpuHost &host) {
  Status granted = needsAmx(target) ? host.requestAmx() : Status();
  return granted.ok() ? "" : "needs AMX: " + granted.message();
}

std::string mamba::findObstacle(const TargetSpec &target, const CpuHost &host) {
  std::string missing = findMissing(target, host);
  return missing.empty() ? findRefusal(target, host) : missing;
}

static Result<const TargetSpec *> chooseNamed(const Pack &pack,
                                              const CpuHost &host,
                                              const std::string &wanted) {
  MAMBA_ASSIGN_OR_RETURN(const TargetSpec *target, pack.findTarget(wanted));
  std::string obstacle = findObstacle(*target, host);
  if (obstacle.empty())
    return target;
  return unavailable("target " + inQuotes(wanted) + " of " +
                     inQuotes(pack.path()) + " does not run here: it " +
                     obstacle);
}

Result<const TargetSpec *> mamba::chooseCpuTarget(
    const Pack &pack, const CpuHost &host, const std::string &wanted,
    const std::function<void(const std::string &)> &warn) {
  if (!wanted.empty())
    return chooseNamed(pack, host, wanted);
  const TargetSpec *best = nullptr, *refused = nullptr;
  std::string obstacles, refusal;
  bool hasPtx = false;
  auto isBetter = [](const TargetSpec &target, const TargetSpec *than) {
    return !than || target.features.size() > than->features.size();
  };
  for (const TargetSpec &target : pack.manifest().targets) {
    std::string obstacle = findMissing(target, host);
    hasPtx |= target.device == "cuda";
    if (obstacle.empty() && isBetter(target, best)) {
      obstacle = findRefusal(target, host);
      if (obstacle.empty()) {
        best = &target;
      } else if (isBetter(target, refused)) {
        refused = &target;
        refusal = obstacle;
      }
    }
    if (!obstacle.empty())
      obstacles += (obstacles.empty() ? "" : "; ") + inQuotes(target.name) +
                   " " + obstacle;
  }
  if (best && refused && isBetter(*refused, best) && warn)
    warn("runs target " + inQuotes(best->name) + " of " +
         inQuotes(pack.path()) + ": " + inQuotes(refused->name) + " " +
         refusal);
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
