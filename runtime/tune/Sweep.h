// Measures the candidates of kernels on this machine, wherever they come from.
#pragma once

#include "runtime/support/Status.h"
#include "runtime/tune/ScheduleLine.h"
#include "runtime/tune/Statistics.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mamba::tune {

/// What became of a candidate.
struct CandidateResult {
  std::string schedule;
  double predictedUs = 0;
  std::string failure;    // empty: none
  std::vector<double> us; // timings
  std::string form = {};  // as in ScheduleFigure

  /// For people: "threads=96, nvrtc:64".
  std::string text() const { return form.empty() ? schedule : schedule + ", " + form; }
};

struct KernelResult {
  std::string key;
  int64_t rows = 0;    // of the step that it is timed with
  bool isMeasured = true; // else its timings are predictions
  std::string failure; // of the whole kernel; empty: none
  std::vector<CandidateResult> candidates; // the default first
  size_t best = 0;
  /// Of best and default in a last race of the two; of the default alone if it is
  /// the best.
  Estimate bestTime, defaultTime; // seconds
  RankCorrelation rank; // of predicted and measured
};

struct SweepSettings {
  std::string device = "cpu"; // where candidates are timed: cpu, cuda, cuda:N
  unsigned threads = 0;       // of a kernel; 0: one for each processor
  unsigned builders = 0;      // processes that make candidates; 0: one for each processor
  double budgetSeconds = 0;   // 0: as long as it takes
  std::function<bool()> stop = [] { return false; };
  /// How far it is: kernels done and to do, what is done now.
  std::function<void(size_t done, size_t total, const std::string &what)> progress =
      [](size_t, size_t, const std::string &) {};
};

/// The kernels of a sweep. Their candidates are made and checked by processes of this
/// program, each of which says in a line why it fails.
class SweepSource {
public:
  using Arguments = std::vector<std::string>;

  virtual ~SweepSource() = default;
  virtual size_t kernels() const = 0;
  /// Key, rows, and the candidates to try with what is predicted of them.
  virtual KernelResult kernel(size_t index) const = 0;
  /// Makes ready what the kernel's candidates have in common, in a folder of its own.
  /// The arguments of a process that does the rest of it; none if there is none.
  virtual Result<Arguments> prepare(size_t index, const std::string &folder) const = 0;
  /// The arguments of the process that makes and checks a candidate.
  virtual Arguments trial(size_t index, size_t candidate, const std::string &folder) const = 0;
  /// What Candidate::open takes when that has succeeded.
  virtual std::string made(size_t index, size_t candidate, const std::string &folder) const = 0;
};

/// What tuning one kernel is given.
struct KernelTurn {
  size_t index;
  const std::string &folder; // of its own, empty
  const std::function<bool()> &stop;
  const std::function<void(const std::string &)> &note; // what is done now
};
/// Nothing if it was stopped.
using TuneKernel = std::function<Result<std::optional<KernelResult>>(const KernelTurn &)>;

/// Tunes the kernels one after the other. `done` takes each result; the sweep ends
/// early when it is to stop, or the budget is spent: then false. A failure names the
/// kernel, unless it is that of `done`.
Result<bool> forEachKernel(const SweepSettings &settings, const std::vector<std::string> &keys,
                           const TuneKernel &tune,
                           const std::function<Status(const KernelResult &)> &done);

/// The same by measuring the candidates of a source.
Result<bool> runSweep(const SweepSettings &settings, const SweepSource &source,
                      const std::function<Status(const KernelResult &)> &done);

/// The line of a database for it, measured today. `line` has target, chip, versions
/// and threads.
ScheduleLine lineOf(const KernelResult &result, ScheduleLine line);

} // namespace mamba::tune
