#include "runtime/device/sim/SimTargets.h"

#include "runtime/device/GpuArch.h"
#include "runtime/support/Quote.h"

#include <string_view>

using namespace mamba;

Result<const TargetSpec *> mamba::chooseSimTarget(const Pack &pack,
                                                  const char *wanted) {
  if (wanted && !*wanted)
    wanted = nullptr;
  const TargetSpec *newest = nullptr;
  std::string names;
  for (const TargetSpec &target : pack.manifest().targets) {
    if (!wanted || target.device == "cuda")
      names += (names.empty() ? "" : ", ") + inQuotes(target.name);
    if (target.device != "cuda" || (wanted && target.name != wanted))
      continue;
    if (!newest || GpuArch::of(newest->arch) < GpuArch::of(target.arch))
      newest = &target;
  }
  if (newest)
    return newest;
  std::string has = names.empty() ? "it has no target" : "it has " + names;
  if (wanted)
    return unavailable(inQuotes(pack.path()) + " has no cuda target " +
                       inQuotes(wanted) + " (MAMBA_SIM_TARGET), " +
                       (names.empty() ? "it has none" : has));
  return unavailable(inQuotes(pack.path()) +
                     " has no PTX for device 'sim', " + has +
                     "; build one with 'mamba-pack build --target=cuda:sm_80'");
}

Result<const TargetSpec *> mamba::findSimTarget(const Pack &pack,
                                                const std::string &name) {
  MAMBA_ASSIGN_OR_RETURN(const TargetSpec *target, pack.findTarget(name));
  if (target->device == "cuda")
    return target;
  return unavailable("target " + inQuotes(name) + " of " +
                     inQuotes(pack.path()) + " is for device " +
                     inQuotes(target->device) +
                     ", device 'sim' runs cuda targets");
}

Result<sim::Checks> mamba::parseSimChecks(const char *value) {
  std::string_view text = value && *value ? value : "all";
  sim::Checks checks;
  if (text != "all" && text != "memory" && text != "off")
    return invalidArgument("MAMBA_SIM_CHECKS must be all, memory or off, got " +
                           inQuotes(std::string(text)));
  checks.unwritten = text != "off";
  checks.races = text == "all";
  return checks;
}
