#include "compiler/tune/Sweep.h"

#include "compiler/tune/SweepFiles.h"
#include "passes/target/ScheduleDatabase.h"
#include "runtime/device/Processors.h"
#include "runtime/support/Version.h"

#include "llvm/Config/llvm-config.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace mamba {

std::vector<size_t> chooseCandidates(const TunedKernel &kernel, size_t most) {
  std::vector<size_t> order(kernel.candidates.size());
  std::iota(order.begin(), order.end(), 0);
  if (!kernel.predictedUs.empty())
    std::sort(order.begin() + 1, order.end(), [&](size_t a, size_t b) {
      return std::pair(kernel.predictedUs[a], a) < std::pair(kernel.predictedUs[b], b);
    });
  else if (most < order.size())
    for (size_t i = 1; i < most; ++i)
      order[i] = 1 + (i - 1) * (order.size() - 1) / (most - 1);
  order.resize(std::min(most, order.size()));
  return order;
}

namespace {

/// Compiles each candidate in a process.
class ModelSource final : public tune::SweepSource {
public:
  ModelSource(const SweepOptions &options, const std::vector<TunedKernel> &tuned)
      : options(options), tuned(tuned) {
    size_t most = options.exhaustive ? std::numeric_limits<size_t>::max() : options.most;
    for (const TunedKernel &kernel : tuned)
      chosen.push_back(chooseCandidates(kernel, most));
  }

  size_t kernels() const override { return tuned.size(); }
  tune::KernelResult kernel(size_t index) const override;
  Result<Arguments> prepare(size_t index, const std::string &folder) const override;
  Arguments trial(size_t index, size_t candidate, const std::string &folder) const override {
    const Schedule &schedule = tuned[index].candidates[chosen[index][candidate]];
    return {kTryVerb, folder + "/job", schedule.text(), made(index, candidate, folder)};
  }
  std::string made(size_t, size_t candidate, const std::string &folder) const override {
    return folder + "/" + std::to_string(candidate) + ".mpk";
  }

private:
  const SweepOptions &options;
  const std::vector<TunedKernel> &tuned;
  std::vector<std::vector<size_t>> chosen; // of each kernel
};

} // namespace

tune::KernelResult ModelSource::kernel(size_t index) const {
  const TunedKernel &kernel = tuned[index];
  tune::KernelResult result;
  result.key = kernel.key.text();
  result.rows = std::accumulate(kernel.lengths.begin(), kernel.lengths.end(), int64_t(0));
  for (size_t i : chosen[index])
    result.candidates.push_back({kernel.candidates[i].text(),
                                 kernel.predictedUs.empty() ? 0 : kernel.predictedUs[i], "", {}});
  return result;
}

Result<ModelSource::Arguments> ModelSource::prepare(size_t index, const std::string &folder) const {
  CandidateKernel kernel = {tuned[index].module, options.input.target, tuned[index].lengths,
                            folder + "/golden"};
  MAMBA_RETURN_IF_ERROR(writeJob(folder + "/job", kernel));
  return Arguments{kGoldenVerb, folder + "/job"};
}

Result<bool> sweep(const SweepOptions &options, const std::vector<TunedKernel> &kernels,
                   const std::function<Status(const tune::KernelResult &)> &done) {
  return tune::runSweep(options, ModelSource(options, kernels), done);
}

tune::ScheduleLine recordOf(const tune::KernelResult &result, const Target &target,
                            unsigned threads) {
  tune::ScheduleLine line;
  line.target = databaseTarget(target);
  line.chip = tune::hostChip();
  line.versions = tune::versionsOf("mamba " MAMBA_VERSION ", LLVM " LLVM_VERSION_STRING);
  line.figure.threads = int64_t(threads ? threads : availableProcessors());
  return tune::lineOf(result, std::move(line));
}

} // namespace mamba
