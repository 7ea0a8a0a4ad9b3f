// Tunes a model's kernels for a GPU that is not here.
#pragma once

#include "compiler/tune/Sweep.h"
#include "runtime/tune/PredictSweep.h"

namespace mamba {

inline constexpr const char *kPredictVerb = "@predict", *kVerifyVerb = "@verify";
/// What processes of these names do: compile and predict a candidate, check one.
Status runPredictWorker(const std::string &verb, const std::vector<std::string> &arguments);

/// Whether what a kernel does hangs on shapes alone: predictions run on zeros.
bool isPredictable(const TunedKernel &kernel);

/// Tunes the kernels one after the other for the chip, see tune::predictSweep. Each
/// candidate is compiled in a process of its own.
Result<bool> sweepByPrediction(const SweepOptions &options,
                               const std::vector<TunedKernel> &kernels, const sim::Chip &chip,
                               const std::function<Status(const tune::KernelResult &)> &done);

} // namespace mamba
