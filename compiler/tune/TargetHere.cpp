#include "compiler/tune/TargetHere.h"

#include "runtime/device/cpu/CpuTargets.h"
#include "runtime/support/Quote.h"

namespace mamba {

std::string obstacleHere(const Target &target) {
  TargetSpec spec;
  spec.device = target.device;
  spec.arch = target.arch;
  spec.features = target.features;
  std::string obstacle = findObstacle(spec, CpuHost::detect());
  return obstacle.empty()
             ? obstacle
             : "target " + inQuotes(target.name) + " does not run here: it " + obstacle;
}

} // namespace mamba
