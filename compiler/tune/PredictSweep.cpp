#include "compiler/tune/PredictSweep.h"

#include "compiler/tune/PredictGpu.h"
#include "compiler/tune/SweepFiles.h"
#include "runtime/support/File.h"
#include "runtime/support/Quote.h"

namespace mamba {
namespace {

/// Compiles each candidate in a process.
class ModelPredictions final : public tune::PredictionSource {
public:
  ModelPredictions(const SweepOptions &options, const std::vector<TunedKernel> &tuned,
                   const sim::Chip &chip)
      : options(options), tuned(tuned), chip(chip) {}

  size_t kernels() const override { return tuned.size(); }
  std::string key(size_t index) const override { return tuned[index].key.text(); }
  std::vector<std::string> schedules(size_t index) const override;
  Status prepare(size_t index, const std::string &folder) const override;
  Arguments prediction(size_t index, size_t candidate, const std::string &folder,
                       const std::string &file) const override {
    return {kPredictVerb, folder + "/job", tuned[index].candidates[candidate].text(),
            std::string(chip.name), file};
  }
  Arguments check(size_t index, size_t candidate, const std::string &folder) const override {
    return {kVerifyVerb, folder + "/check", tuned[index].candidates[candidate].text(), folder};
  }
  Arguments reference(size_t, const std::string &folder) const override {
    return {kGoldenVerb, folder + "/check"};
  }

private:
  const SweepOptions &options;
  const std::vector<TunedKernel> &tuned;
  const sim::Chip &chip;
};

} // namespace

std::vector<std::string> ModelPredictions::schedules(size_t index) const {
  std::vector<std::string> texts;
  for (const Schedule &schedule : tuned[index].candidates)
    texts.push_back(schedule.text());
  return texts;
}

Status ModelPredictions::prepare(size_t index, const std::string &folder) const {
  CandidateKernel job = {tuned[index].module, options.input.target, tuned[index].lengths,
                         folder + "/golden"};
  MAMBA_RETURN_IF_ERROR(writeJob(folder + "/job", job));
  job.lengths.clear();
  return writeJob(folder + "/check", job);
}

bool isPredictable(const TunedKernel &kernel) {
  return !llvm::StringRef(kernel.key.kind).starts_with("sample ");
}

Result<bool> sweepByPrediction(const SweepOptions &options,
                               const std::vector<TunedKernel> &kernels, const sim::Chip &chip,
                               const std::function<Status(const tune::KernelResult &)> &done) {
  return tune::predictSweep(options, {options.exhaustive, options.most},
                            ModelPredictions(options, kernels, chip), done);
}

Status runPredictWorker(const std::string &verb, const std::vector<std::string> &arguments) {
  bool isPrediction = verb == kPredictVerb;
  if (arguments.size() != (isPrediction ? 4u : 3u))
    return invalidArgument(inQuotes(verb) + " is for processes that mamba-tune starts itself");
  MAMBA_ASSIGN_OR_RETURN(CandidateKernel kernel, readJob(arguments[0]));
  std::string reason;
  std::optional<Schedule> schedule = Schedule::parse(arguments[1], reason);
  if (!schedule)
    return invalidArgument(reason);
  if (!isPrediction)
    return checkCandidate(kernel, *schedule, arguments[2]);
  MAMBA_ASSIGN_OR_RETURN(const sim::Chip *chip, sim::chipNamed(arguments[2]));
  MAMBA_ASSIGN_OR_RETURN(
      predict::Figures figures,
      predictCandidate(kernel, *schedule, *chip, tune::stepOfFile(arguments[3])));
  return writeFileAtomically(arguments[3], figures.json());
}

} // namespace mamba
