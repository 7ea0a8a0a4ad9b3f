#include "runtime/tune/Bout.h"

#include "runtime/device/Device.h"
#include "runtime/support/Quote.h"

#include <algorithm>

namespace mamba::tune {

/// A timing takes about so long, in seconds, unless one run does, and has so many
/// runs at most.
static constexpr double kTimingSeconds = 2e-3;
static constexpr size_t kMostRuns = 256;
static constexpr uint64_t kMostCopies = 400;

size_t runsOfATiming(double seconds) {
  return size_t(std::clamp(kTimingSeconds / std::max(seconds, 1e-9), 1.0, double(kMostRuns)));
}

ColdArguments ColdArguments::of(const KernelSpec &kernel, uint64_t bytes) {
  const GoldenCase &other = kernel.golden.front(), &size = kernel.golden.back();
  ColdArguments cold;
  uint64_t together = 0;
  for (size_t i = 0; i < size.args.size(); ++i) {
    const GoldenArg &arg = size.args[i];
    if (arg.count != other.args[i].count || arg.fill == GoldenArg::Fill::Poison)
      continue;
    cold.arguments.push_back(i);
    together += arg.count * dtypeBytes(arg.dtype);
  }
  if (together)
    cold.copies = std::clamp<uint64_t>(bytes / together, 1, kMostCopies);
  return cold;
}

Result<std::unique_ptr<Bout>> Bout::create(const std::vector<std::string> &names,
                                           const std::string &device, unsigned threads) {
  std::vector<Candidate> candidates;
  for (const std::string &name : names) {
    MAMBA_ASSIGN_OR_RETURN(Candidate candidate, Candidate::open(name));
    candidates.push_back(std::move(candidate));
  }
  if (candidates.empty())
    return invalidArgument("there is no candidate to time");
  if (std::optional<unsigned> gpu = gpuOf(device))
    return createCudaBout(std::move(candidates), *gpu);
  if (device == "cpu")
    return createCpuBout(std::move(candidates), threads);
  return invalidArgument("nothing is timed on device " + inQuotes(device));
}

} // namespace mamba::tune
