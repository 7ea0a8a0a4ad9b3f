// Measures the candidates of a model's kernels on this machine.
#pragma once

#include "compiler/tune/Plan.h"
#include "runtime/tune/Sweep.h"

#include <functional>
#include <string>
#include <vector>

namespace mamba {

/// The first arguments of processes that this program starts of itself.
inline constexpr const char *kGoldenVerb = "@golden", *kTryVerb = "@try";
/// What they do; the rest of the arguments follows.
Status runWorker(const std::string &verb, const std::vector<std::string> &arguments);

struct SweepOptions : tune::SweepSettings {
  TuneInput input;         // its step's threads are those of the settings
  std::string filter;      // of keys, a part of them; empty: all kernels
  bool exhaustive = false; // else large spaces are cut by prediction
  size_t most = 40;        // candidates of a space that is cut
};

/// The kernel's candidates that are tried, by their places: the default, then those
/// that are predicted to be the fastest, or where nothing is predicted some from all of
/// the space, `most` together.
std::vector<size_t> chooseCandidates(const TunedKernel &kernel, size_t most);

/// Tunes the kernels one after the other, see tune::runSweep.
Result<bool> sweep(const SweepOptions &options, const std::vector<TunedKernel> &kernels,
                   const std::function<Status(const tune::KernelResult &)> &done);

/// The line of a database for it, measured on this machine today.
tune::ScheduleLine recordOf(const tune::KernelResult &result, const Target &target,
                            unsigned threads);

} // namespace mamba
