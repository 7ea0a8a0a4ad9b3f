// Tunes kernels for a GPU that is not here: what decides is the time that the
// simulator's counts predict.
#pragma once

#include "runtime/predict/Figures.h"
#include "runtime/tune/Sweep.h"

namespace mamba::tune {

/// By how much a candidate must be predicted to be faster than the default, to take
/// its place: what scaled counts may be off (bench/README.md).
inline constexpr double kPredictionMargin = 0.05;

/// The kernels of such a sweep. Their candidates are predicted and checked by processes
/// of this program, each of which says in a line why it fails.
class PredictionSource {
public:
  using Arguments = std::vector<std::string>;

  virtual ~PredictionSource() = default;
  virtual size_t kernels() const = 0;
  virtual std::string key(size_t index) const = 0;
  /// The candidates' schedules as databases have them, the default first.
  virtual std::vector<std::string> schedules(size_t index) const = 0;
  /// Makes ready what the kernel's candidates have in common, in a folder of its own.
  virtual Status prepare(size_t index, const std::string &folder) const = 0;
  /// The arguments of the process that writes a candidate's predict::Figures as JSON
  /// into `file`, whose name says the step: see stepOfFile.
  virtual Arguments prediction(size_t index, size_t candidate, const std::string &folder,
                               const std::string &file) const = 0;
  /// Of the process that compares its numbers with the reference, and of the one that
  /// computes that for the kernel; none where its prediction has done so.
  virtual Arguments check(size_t index, size_t candidate, const std::string &folder) const = 0;
  virtual Arguments reference(size_t index, const std::string &folder) const = 0;
};

/// The step whose prediction is in a file of this name.
predict::StepKind stepOfFile(const std::string &file);

struct SearchRules {
  bool exhaustive = false; // else large spaces are searched from the default on
  size_t most = 40;        // candidates of a space that is searched
};

/// Tunes the kernels one after the other, see forEachKernel. The numbers of a candidate
/// that takes the default's place are compared with the reference.
Result<bool> predictSweep(const SweepSettings &settings, const SearchRules &rules,
                          const PredictionSource &source,
                          const std::function<Status(const KernelResult &)> &done);

} // namespace mamba::tune
