// Measures the candidates of a model's kernels on this machine.
#pragma once

#include "compiler/tune/Plan.h"
#include "passes/target/ScheduleDatabase.h"
#include "runtime/tune/Statistics.h"

#include <functional>
#include <string>
#include <vector>

namespace mamba {

/// The first arguments of processes that this program starts of itself.
inline constexpr const char *kGoldenVerb = "@golden", *kTryVerb = "@try";
/// What they do; the rest of the arguments follows.
Status runWorker(const std::string &verb, const std::vector<std::string> &arguments);

struct SweepOptions {
  TuneInput input;
  std::string filter;      // of keys, a part of them; empty: all kernels
  unsigned builders = 0;   // processes that compile; 0: one for each processor
  bool exhaustive = false; // else large spaces are cut by prediction
  size_t most = 40;        // candidates of a space that is cut
  double budgetSeconds = 0; // 0: as long as it takes
  std::function<bool()> stop = [] { return false; };
  /// How far it is: kernels done and to do, what is done now.
  std::function<void(size_t done, size_t total, const std::string &what)> progress =
      [](size_t, size_t, const std::string &) {};
};

/// What became of a candidate.
struct CandidateResult {
  Schedule schedule;
  double predictedUs = 0;
  std::string failure;      // empty: none
  std::vector<double> us;   // timings
};

struct KernelResult {
  TunedKernel kernel;
  int64_t rows = 0;
  std::string failure; // of the whole kernel; empty: none
  std::vector<CandidateResult> candidates; // the default first
  size_t best = 0;
  /// Of best and default in a last race of the two; of the default alone if it is
  /// the best.
  tune::Estimate bestTime, defaultTime; // seconds
  double rankCorrelation = 0; // of predicted and measured
};

/// Tunes the kernels one after the other. `done` takes each result; the sweep ends
/// early when it is to stop, or the budget is spent: then false.
Result<bool> sweep(const SweepOptions &options, const std::vector<TunedKernel> &kernels,
                   const std::function<Status(const KernelResult &)> &done);

/// The line of a database for it, measured on this machine today.
ScheduleRecord recordOf(const KernelResult &result, const Target &target, unsigned threads);

} // namespace mamba
