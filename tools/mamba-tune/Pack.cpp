// mamba-tune over a tuning pack, whose variants are compiled already.
#include "runtime/support/Version.h"
#include "runtime/tune/PackPredictions.h"
#include "tools/mamba-tune/SweepRun.h"

#include <nlohmann/json.hpp>

namespace mamba::tune {

/// What a journal must be of.
static std::string settingsOf(const TuneCommand &command, const PackSource &source) {
  nlohmann::ordered_json settings = {{"mamba", MAMBA_VERSION},
                                     {"input", command.input},
                                     {"target", source.target()},
                                     {"pack", source.digest()},
                                     {"device", source.device()},
                                     {"threads", command.settings.threads},
                                     {"chip", source.chip()}};
  return settings.dump();
}

Result<std::string> tunePack(const TuneCommand &command, const std::string &pack, int &signal) {
  MAMBA_ASSIGN_OR_RETURN(PackSource source,
                         PackSource::open(pack, command.target, command.device, command.chip));
  const bool isPredicted = source.device() == "sim";
  TuneCommand named = command;
  named.settings.device = source.device();
  MAMBA_ASSIGN_OR_RETURN(
      SweepRun run, SweepRun::begin(named, source.target(), settingsOf(command, source)));
  std::vector<ShardItem> items;
  for (size_t i = 0; i < source.kernels(); ++i)
    items.push_back({source.kernel(i).key, source.kernel(i).candidates.size()});
  MAMBA_ASSIGN_OR_RETURN(std::set<std::string> chosen,
                         run.choose(std::move(items), pack == command.input
                                                          ? "'mamba-pack inspect --json'"
                                                          : "--list"));
  source.keep([&](const std::string &key, size_t) { return chosen.contains(key); });
  auto sweep = [&](const SweepSettings &settings, const SweepRun::Done &done) {
    // What is in the pack was chosen already.
    return isPredicted ? predictSweep(settings, {.exhaustive = true}, PackPredictions(source), done)
                       : runSweep(settings, source, done);
  };
  auto line = [&](const KernelResult &result) {
    ScheduleLine line;
    line.target = source.target();
    line.chip = source.chip();
    line.versions = versionsOf(source.compiler());
    line.figure.threads = source.threads(command.settings.threads);
    return lineOf(result, std::move(line));
  };
  std::string how = isPredicted ? ", predicted for " : " on ";
  return run.run(sweep, line, command.input + " for " + source.target() + how + source.chip(),
                 signal);
}

} // namespace mamba::tune
