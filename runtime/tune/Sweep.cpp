#include "runtime/tune/Sweep.h"

#include "runtime/tune/Timing.h"
#include "runtime/tune/WorkFolder.h"
#include "runtime/tune/Workers.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>

namespace mamba::tune {

/// Rounds of the last race of the best and the default.
static constexpr size_t kLastRounds = 15;

namespace {

using Clock = std::chrono::steady_clock;

class KernelSweep {
public:
  KernelSweep(const SweepSettings &settings, const SweepSource &source, const KernelTurn &turn)
      : settings(settings), source(source), index(turn.index), folder(turn.folder),
        stop(turn.stop), note(turn.note), result(source.kernel(index)) {}
  /// Nothing if it was stopped.
  Result<std::optional<KernelResult>> run();

private:
  std::vector<std::string> made(const std::vector<size_t> &candidates) const;
  Status make();
  Status race();
  void compare(const Race &race, const Race &final, const std::vector<size_t> &last, bool failed);

  const SweepSettings &settings;
  const SweepSource &source;
  const size_t index;
  const std::string &folder;
  const std::function<bool()> &stop;
  const std::function<void(const std::string &)> &note;
  KernelResult result;
};

} // namespace

Status KernelSweep::make() {
  std::atomic<size_t> built{0};
  auto makeOne = [&](size_t i) -> Status {
    MAMBA_ASSIGN_OR_RETURN(result.candidates[i].failure,
                           runWorkerProcess(source.trial(index, i, folder), stop));
    note("built " + std::to_string(++built) + " of " + std::to_string(result.candidates.size()));
    return {};
  };
  return forEachAtOnce(result.candidates.size(), settings.builders, stop, makeOne);
}

std::vector<std::string> KernelSweep::made(const std::vector<size_t> &candidates) const {
  std::vector<std::string> packs;
  for (size_t i : candidates)
    packs.push_back(source.made(index, i, folder));
  return packs;
}

Status KernelSweep::race() {
  std::vector<size_t> runners;
  for (size_t i = 0; i < result.candidates.size(); ++i)
    if (result.candidates[i].failure.empty())
      runners.push_back(i);
  TimingOptions timing;
  timing.device = settings.device;
  timing.threads = settings.threads;
  timing.stop = stop;
  std::vector<std::string> failures;
  Race race(runners.size());
  note("timing " + std::to_string(runners.size()));
  MAMBA_RETURN_IF_ERROR(runRace(race, made(runners), timing, failures));
  for (size_t i = 0; i < runners.size(); ++i) {
    CandidateResult &candidate = result.candidates[runners[i]];
    candidate.failure = failures[i];
    for (double seconds : race.timings(i))
      candidate.us.push_back(seconds * 1e6);
  }
  if (!failures[0].empty())
    return internalError("the default " + failures[0].substr(3));
  // The best of many has had luck too: only new timings count.
  std::vector<size_t> last = {runners[0], runners[race.best()]};
  if (last[1] == last[0])
    last.pop_back();
  Race final(last.size(), {.rounds = kLastRounds, .finalists = 2});
  MAMBA_RETURN_IF_ERROR(runRace(final, made(last), timing, failures));
  if (!failures[0].empty())
    return internalError("the default " + failures[0].substr(3));
  if (!stop())
    compare(race, final, last, last.size() > 1 && !failures[1].empty());
  return {};
}

/// The default and the winner by their last race, which the winner may have failed.
void KernelSweep::compare(const Race &race, const Race &final, const std::vector<size_t> &last,
                          bool failed) {
  if (last.size() == 1) {
    result.defaultTime = result.bestTime = estimate(race.timings(0));
    return;
  }
  result.defaultTime = estimate(final.timings(0));
  Estimate best = estimate(final.timings(1));
  // Round by round too: what disturbs for long disturbs both.
  bool wins = !failed && result.defaultTime.above(best) &&
              slower(final.timings(0), final.timings(1)) > 0;
  result.best = wins ? last[1] : 0;
  result.bestTime = wins ? best : result.defaultTime;
}

Result<std::optional<KernelResult>> KernelSweep::run() {
  MAMBA_ASSIGN_OR_RETURN(std::vector<std::string> first, source.prepare(index, folder));
  if (!first.empty()) {
    note("computing the reference");
    MAMBA_ASSIGN_OR_RETURN(result.failure, runWorkerProcess(first, stop));
  }
  if (result.failure.empty())
    MAMBA_RETURN_IF_ERROR(make());
  if (stop())
    return std::optional<KernelResult>();
  if (result.failure.empty() && !result.candidates.front().failure.empty())
    result.failure = "the default: " + result.candidates.front().failure;
  if (result.failure.empty())
    if (Status status = race(); !status.ok())
      result.failure = status.message();
  if (stop())
    return std::optional<KernelResult>();
  std::vector<double> predicted;
  std::vector<std::vector<double>> measured;
  for (const CandidateResult &candidate : result.candidates)
    if (!candidate.us.empty()) {
      predicted.push_back(candidate.predictedUs);
      measured.push_back(candidate.us);
    }
  if (std::any_of(predicted.begin(), predicted.end(), [](double us) { return us > 0; }))
    result.rank = rankCorrelation(predicted, measured);
  return std::optional<KernelResult>(std::move(result));
}

Result<bool> forEachKernel(const SweepSettings &settings, const std::vector<std::string> &keys,
                           const TuneKernel &tune,
                           const std::function<Status(const KernelResult &)> &done) {
  Clock::time_point begin = Clock::now();
  std::function<bool()> stop = [&] {
    double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    return settings.stop() || (settings.budgetSeconds > 0 && seconds > settings.budgetSeconds);
  };
  for (size_t i = 0; i < keys.size(); ++i) {
    MAMBA_ASSIGN_OR_RETURN(WorkFolder folder, WorkFolder::create());
    std::function<void(const std::string &)> note = [&](const std::string &what) {
      settings.progress(i, keys.size(), keys[i] + ": " + what);
    };
    Result<std::optional<KernelResult>> result = tune({i, folder.path(), stop, note});
    if (!result.ok())
      return result.status().withContext(keys[i]);
    if (!*result)
      return false;
    MAMBA_RETURN_IF_ERROR(done(**result));
  }
  return true;
}

Result<bool> runSweep(const SweepSettings &settings, const SweepSource &source,
                      const std::function<Status(const KernelResult &)> &done) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < source.kernels(); ++i)
    keys.push_back(source.kernel(i).key);
  auto tune = [&](const KernelTurn &turn) { return KernelSweep(settings, source, turn).run(); };
  return forEachKernel(settings, keys, tune, done);
}

ScheduleLine lineOf(const KernelResult &result, ScheduleLine line) {
  line.key = result.key;
  line.schedule = result.candidates[result.best].schedule;
  line.figure = {result.isMeasured,
                 result.bestTime.median * 1e6,
                 result.bestTime.spread(),
                 result.defaultTime.median * 1e6,
                 result.rows,
                 line.figure.threads,
                 result.candidates[result.best].form};
  line.date = today();
  return line;
}

} // namespace mamba::tune
