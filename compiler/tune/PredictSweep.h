// Tunes kernels for a GPU that is not here: what decides is the time that the
// simulator's counts predict.
#pragma once

#include "compiler/tune/Sweep.h"
#include "runtime/device/sim/Chips.h"

namespace mamba {

inline constexpr const char *kPredictVerb = "@predict", *kVerifyVerb = "@verify";
/// What processes of these names do: compile and predict a candidate, check one.
Status runPredictWorker(const std::string &verb, const std::vector<std::string> &arguments);

/// By how much a candidate must be predicted to be faster than the default, to take
/// its place: what scaled counts may be off (bench/README.md).
inline constexpr double kPredictionMargin = 0.05;

/// Whether what a kernel does hangs on shapes alone: predictions run on zeros.
bool isPredictable(const TunedKernel &kernel);

/// Tunes the kernels one after the other for the chip, as tune::forEachKernel. Each
/// candidate is compiled in a process of its own; the numbers of one that takes the
/// default's place are compared with the reference.
Result<bool> sweepByPrediction(const SweepOptions &options,
                               const std::vector<TunedKernel> &kernels, const sim::Chip &chip,
                               const std::function<Status(const tune::KernelResult &)> &done);

/// The chip of the target that is predicted: `name`, or the first one known without
/// it. The failure says what does not go together.
Result<const sim::Chip *> chipOf(const Target &target, const std::string &name);

} // namespace mamba
