#include "compiler/tune/Sweep.h"

#include "compiler/tune/SweepFiles.h"
#include "runtime/device/Processors.h"
#include "runtime/support/Version.h"
#include "runtime/tune/Child.h"
#include "runtime/tune/Timing.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Config/llvm-config.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <numeric>
#include <thread>

namespace fs = std::filesystem;

namespace mamba {

/// The reference takes its time, and so does LLVM.
static constexpr double kMostWorkerSeconds = 240;
/// Rounds of the last race of the best and the default.
static constexpr size_t kLastRounds = 15;

namespace {

using Clock = std::chrono::steady_clock;

/// A folder that goes away.
struct WorkFolder {
  WorkFolder() {
    std::string name = (fs::temp_directory_path() / "mamba-tune-").string() + std::string(6, 'X');
    if (::mkdtemp(name.data()))
      path = name;
  }
  ~WorkFolder() {
    std::error_code ignored;
    if (!path.empty())
      fs::remove_all(path, ignored);
  }
  std::string path; // empty: it cannot be made
};

class KernelSweep {
public:
  KernelSweep(const SweepOptions &options, const TunedKernel &kernel, const std::string &folder,
              const std::function<bool()> &stop,
              const std::function<void(const std::string &)> &note)
      : options(options), folder(folder), stop(stop), note(note) {
    result.kernel = kernel;
  }
  /// Nothing if it was stopped.
  Result<std::optional<KernelResult>> run();

private:
  void chooseCandidates();
  std::string runChild(const std::vector<std::string> &arguments);
  void build();
  Status race();

  const SweepOptions &options;
  std::string folder;
  const std::function<bool()> &stop;
  const std::function<void(const std::string &)> &note;
  KernelResult result;
};

} // namespace

/// Of a large space, the default and those that are predicted to be the fastest.
void KernelSweep::chooseCandidates() {
  const TunedKernel &kernel = result.kernel;
  std::vector<size_t> order(kernel.candidates.size());
  std::iota(order.begin(), order.end(), 0);
  if (!options.exhaustive && order.size() > options.most) {
    if (!kernel.predictedUs.empty())
      std::sort(order.begin() + 1, order.end(), [&](size_t a, size_t b) {
        return std::pair(kernel.predictedUs[a], a) < std::pair(kernel.predictedUs[b], b);
      });
    order.resize(options.most);
  }
  for (size_t i : order)
    result.candidates.push_back(
        {kernel.candidates[i], kernel.predictedUs.empty() ? 0 : kernel.predictedUs[i], "", {}});
}

/// What went wrong in another process; empty if nothing did.
std::string KernelSweep::runChild(const std::vector<std::string> &arguments) {
  Result<tune::Child> child = tune::Child::start(arguments);
  if (!child.ok())
    return child.status().message();
  Clock::time_point begin = Clock::now();
  std::string last, line;
  while (!stop()) {
    tune::Child::Read read = child->readLine(line, 0.2);
    if (read == tune::Child::Read::Line)
      last = line;
    if (read == tune::Child::Read::End) {
      std::string end = child->finish();
      return end.empty() ? "" : last.empty() ? "it crashes: " + end : last;
    }
    if (std::chrono::duration<double>(Clock::now() - begin).count() > kMostWorkerSeconds)
      return "it takes longer than " + std::to_string(int(kMostWorkerSeconds)) + " seconds";
  }
  return "stopped";
}

void KernelSweep::build() {
  std::atomic<size_t> next{0}, built{0};
  auto work = [&] {
    for (size_t i; (i = next++) < result.candidates.size() && !stop();) {
      CandidateResult &candidate = result.candidates[i];
      candidate.failure = runChild({kTryVerb, folder + "/job", candidate.schedule.text(),
                                    folder + "/" + std::to_string(i) + ".mpk"});
      note("built " + std::to_string(++built) + " of " +
           std::to_string(result.candidates.size()));
    }
  };
  std::vector<std::thread> builders;
  unsigned count = options.builders ? options.builders : availableProcessors();
  for (unsigned i = 0; i < count; ++i)
    builders.emplace_back(work);
  for (std::thread &builder : builders)
    builder.join();
}

Status KernelSweep::race() {
  std::vector<size_t> runners;
  for (size_t i = 0; i < result.candidates.size(); ++i)
    if (result.candidates[i].failure.empty())
      runners.push_back(i);
  auto packsOf = [&](const std::vector<size_t> &of) {
    std::vector<std::string> packs;
    for (size_t i : of)
      packs.push_back(folder + "/" + std::to_string(i) + ".mpk");
    return packs;
  };
  tune::TimingOptions timing;
  timing.threads = options.input.step.threads;
  timing.stop = stop;
  std::vector<std::string> failures;
  tune::Race race(runners.size());
  note("timing " + std::to_string(runners.size()));
  MAMBA_RETURN_IF_ERROR(tune::runRace(race, packsOf(runners), timing, failures));
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
  tune::Race final(last.size(), {.rounds = kLastRounds, .finalists = 2});
  MAMBA_RETURN_IF_ERROR(tune::runRace(final, packsOf(last), timing, failures));
  if (!failures[0].empty())
    return internalError("the default " + failures[0].substr(3));
  if (!stop() && last.size() == 1) {
    result.defaultTime = result.bestTime = tune::estimate(race.timings(0));
  } else if (!stop()) {
    result.defaultTime = tune::estimate(final.timings(0));
    tune::Estimate best = tune::estimate(final.timings(1));
    // Round by round too: what disturbs for long disturbs both.
    std::vector<double> gains;
    for (auto [own, other] : llvm::zip(final.timings(0), final.timings(1)))
      gains.push_back(own / other);
    bool wins = failures[1].empty() && result.defaultTime.above(best) &&
                tune::estimate(gains).low > 1;
    result.best = wins ? last[1] : 0;
    result.bestTime = wins ? best : result.defaultTime;
  }
  return {};
}

Result<std::optional<KernelResult>> KernelSweep::run() {
  const std::vector<int64_t> &step = result.kernel.lengths;
  result.rows = std::accumulate(step.begin(), step.end(), int64_t(0));
  chooseCandidates();
  CandidateKernel kernel = {result.kernel.module, options.input.target, step, folder + "/golden"};
  MAMBA_RETURN_IF_ERROR(writeJob(folder + "/job", kernel));
  note("computing the reference");
  result.failure = runChild({kGoldenVerb, folder + "/job"});
  if (result.failure.empty())
    build();
  if (stop())
    return std::optional<KernelResult>();
  if (result.failure.empty() && !result.candidates.front().failure.empty())
    result.failure = "the default: " + result.candidates.front().failure;
  if (result.failure.empty())
    if (Status status = race(); !status.ok())
      result.failure = status.message();
  if (stop())
    return std::optional<KernelResult>();
  std::vector<double> predicted, measured;
  for (const CandidateResult &candidate : result.candidates)
    if (!candidate.us.empty()) {
      predicted.push_back(candidate.predictedUs);
      measured.push_back(tune::least(candidate.us));
    }
  result.rankCorrelation = tune::rankCorrelation(predicted, measured);
  return std::optional<KernelResult>(std::move(result));
}

Result<bool> sweep(const SweepOptions &options, const std::vector<TunedKernel> &kernels,
                   const std::function<Status(const KernelResult &)> &done) {
  Clock::time_point begin = Clock::now();
  std::function<bool()> stop = [&] {
    double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    return options.stop() || (options.budgetSeconds > 0 && seconds > options.budgetSeconds);
  };
  for (size_t i = 0; i < kernels.size(); ++i) {
    WorkFolder folder;
    if (folder.path.empty())
      return ioError("cannot make a folder for the candidates in " +
                     fs::temp_directory_path().string());
    std::function<void(const std::string &)> note = [&](const std::string &what) {
      options.progress(i, kernels.size(), kernels[i].key.text() + ": " + what);
    };
    MAMBA_ASSIGN_OR_RETURN(std::optional<KernelResult> result,
                           KernelSweep(options, kernels[i], folder.path, stop, note).run());
    if (!result)
      return false;
    MAMBA_RETURN_IF_ERROR(done(*result));
  }
  return true;
}

ScheduleRecord recordOf(const KernelResult &result, const Target &target, unsigned threads) {
  char date[16];
  std::time_t now = std::time(nullptr);
  std::tm utc = {};
  ::gmtime_r(&now, &utc);
  std::strftime(date, sizeof(date), "%Y-%m-%d", &utc);
  ScheduleRecord record;
  record.target = databaseTarget(target);
  record.key = result.kernel.key;
  record.schedule = result.candidates[result.best].schedule;
  record.figure = {true,
                   result.bestTime.median * 1e6,
                   result.bestTime.spread(),
                   result.defaultTime.median * 1e6,
                   result.rows,
                   int64_t(threads ? threads : availableProcessors())};
  record.chip = hostChip();
  record.versions = "mamba " MAMBA_VERSION " llvm " LLVM_VERSION_STRING;
  record.date = date;
  return record;
}

} // namespace mamba
