#include "runtime/device/sim/SimTargets.h"

#include "runtime/support/Quote.h"

#include <string_view>
#include <utility>

using namespace mamba;

/// "sm_90a" -> {90, "a"}: later is newer. The arch is verified.
static std::pair<unsigned, std::string_view> chipOf(const TargetSpec &target) {
  std::string_view arch = target.arch;
  arch.remove_prefix(3);
  unsigned number = 0;
  while (!arch.empty() && arch[0] >= '0' && arch[0] <= '9') {
    number = number * 10 + (arch[0] - '0');
    arch.remove_prefix(1);
  }
  return {number, arch};
}

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
    if (!newest || chipOf(*newest) < chipOf(target))
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
