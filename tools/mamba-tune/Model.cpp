// mamba-tune over a model, which it compiles.
#include "compiler/tune/PredictGpu.h"
#include "compiler/tune/PredictSweep.h"
#include "compiler/tune/TargetHere.h"
#include "compiler/tune/TuningPack.h"
#include "passes/target/ScheduleDatabase.h"
#include "runtime/device/Device.h"
#include "runtime/device/Processors.h"
#include "runtime/device/cuda/Gpu.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Version.h"
#include "runtime/tune/WorkFolder.h"
#include "tools/lib/AppCommand.h"
#include "tools/mamba-tune/ModelList.h"
#include "tools/mamba-tune/Progress.h"
#include "tools/mamba-tune/SweepRun.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <csignal>
#include <filesystem>

namespace mamba::tune {
namespace {

class Model final : public ModelVerb {
public:
  Result<std::string> run(const TuneCommand &command, int &signal) override;

  SweepOptions sweep;
  ListOptions listing;
  bool isListing = false;
  std::string chip; // TuneCommand's
  CLI::Option *prefillTokens = nullptr;

private:
  Result<Target> target() const;
  std::string settings(const Target &target, const std::string &chip) const;
  Result<const sim::Chip *> predictedChip(const Target &target, const std::string &device) const;
  Status checkDevice(const Target &target, const std::string &device) const;
  Result<std::string> runVariants(const TuneCommand &command, int &signal);
};

} // namespace

/// What a journal must be of.
std::string Model::settings(const Target &target, const std::string &chip) const {
  nlohmann::ordered_json settings = {
      {"mamba", MAMBA_VERSION},
      {"input", sweep.input.input},
      {"target", databaseTarget(target)},
      {"weights", sweep.input.weights},
      {"activations", sweep.input.activations},
      {"batch_invariant", sweep.input.batchInvariant},
      {"threads", sweep.input.step.threads},
      {"prefill_tokens", sweep.input.step.prefillTokens},
      {"exhaustive", sweep.exhaustive},
      {"chip", chip}};
  return settings.dump();
}

Result<Target> Model::target() const {
  std::string refusal;
  mlir::FailureOr<Target> target = parseTarget(sweep.input.target, refusal);
  if (mlir::failed(target))
    return invalidArgument(refusal);
  return std::move(*target);
}

/// Null where candidates are timed on this machine, which then runs the target's code.
Result<const sim::Chip *> Model::predictedChip(const Target &target,
                                               const std::string &device) const {
  MAMBA_RETURN_IF_ERROR(checkDevice(target, device));
  if (target.isGpu())
    return predict::chipOf(target.arch, target.name, chip);
  if (std::string obstacle = obstacleHere(target); !obstacle.empty())
    return unavailable(obstacle);
  return nullptr;
}

Status Model::checkDevice(const Target &target, const std::string &device) const {
  std::string wanted = target.isGpu() ? "sim" : "cpu";
  if (!device.empty() && device != wanted)
    return invalidArgument("device " + inQuotes(device) + " does not run target " +
                           inQuotes(target.name) + ": leave --device out, or name " + wanted +
                           (target.isGpu() ? " or cuda" : ""));
  if (!chip.empty() && !target.isGpu())
    return invalidArgument("--chip is for GPUs, target " + inQuotes(target.name) + " is none");
  return {};
}

/// Of the variants that a tuning pack would have, on a GPU.
Result<std::string> Model::runVariants(const TuneCommand &command, int &signal) {
  if (prefillTokens->count() || !chip.empty())
    return invalidArgument("--prefill-tokens and --chip are not for variants on device " +
                           inQuotes(command.device) + ", leave them out");
  MAMBA_ASSIGN_OR_RETURN(WorkFolder folder, WorkFolder::create());
  BuildOptions build;
  build.input = command.input;
  build.output = folder.path() + "/variants.mpk";
  build.targets = {sweep.input.target};
  build.batchInvariant = sweep.input.batchInvariant;
  build.weights = sweep.input.weights;
  build.activations = sweep.input.activations;
  build.jobs = availableProcessors();
  build.cache = KernelCache::ofUser();
  Progress progress(command.quiet);
  build.note = [&](const std::string &what) { progress.line(what); };
  build.stop = [] { return stopSignal() != 0; };
  build.quit = [&] {
    std::error_code ignored;
    std::filesystem::remove_all(folder.path(), ignored);
    std::signal(stopSignal(), SIG_DFL);
    std::raise(stopSignal());
  };
  catchSignals();
  MAMBA_RETURN_IF_ERROR(
      buildTuningPack(build, sweep.exhaustive ? kMostVariants : kDefaultVariants));
  return tunePack(command, build.output, signal);
}

Result<std::string> Model::run(const TuneCommand &command, int &signal) {
  sweep.input.input = command.input;
  chip = command.chip;
  if (!command.target.empty())
    sweep.input.target = command.target;
  sweep.input.step.threads = command.settings.threads;
  MAMBA_ASSIGN_OR_RETURN(Target target, this->target());
  if (target.isGpu() && !prefillTokens->count())
    sweep.input.step.prefillTokens = kPredictedTokens;
  if (isListing)
    return list(sweep.input, command.filter, listing);
  if (std::optional<unsigned> gpu = gpuOf(command.device); gpu && target.isGpu()) {
    MAMBA_RETURN_IF_ERROR(cuda::Gpu::open(*gpu).status());
    return runVariants(command, signal);
  }
  MAMBA_ASSIGN_OR_RETURN(const sim::Chip *predicted, predictedChip(target, command.device));
  std::string chipName = predicted ? std::string(predicted->name) : hostChip();
  TuneCommand named = command;
  if (predicted)
    named.settings.device = "sim";
  MAMBA_ASSIGN_OR_RETURN(SweepRun run, SweepRun::begin(named, databaseTarget(target),
                                                       settings(target, chipName)));
  MAMBA_ASSIGN_OR_RETURN(std::vector<TunedKernel> kernels, planKernels(sweep.input));
  std::vector<ShardItem> items;
  for (const TunedKernel &kernel : kernels) {
    // There is no choice where there is no prediction.
    size_t candidates = predicted && !isPredictable(kernel) ? 1 : kernel.candidates.size();
    items.push_back({kernel.key.text(),
                     sweep.exhaustive ? candidates : std::min(candidates, sweep.most)});
  }
  MAMBA_ASSIGN_OR_RETURN(std::set<std::string> chosen, run.choose(std::move(items), "--list"));
  std::erase_if(kernels, [&](const TunedKernel &kernel) {
    return !chosen.contains(kernel.key.text());
  });
  auto sweepKernels = [&](const SweepSettings &settings, const SweepRun::Done &done) {
    static_cast<SweepSettings &>(sweep) = settings;
    return predicted ? sweepByPrediction(sweep, kernels, *predicted, done)
                     : mamba::sweep(sweep, kernels, done);
  };
  auto line = [&](const KernelResult &result) {
    ScheduleLine line = recordOf(result, target, command.settings.threads);
    line.chip = chipName;
    if (predicted)
      line.figure.threads = 0;
    return line;
  };
  std::string title = command.input + " for " + databaseTarget(target);
  return run.run(sweepKernels, line,
                 title + (predicted ? ", predicted for " : " on ") + chipName, signal);
}

std::unique_ptr<ModelVerb> addModel(CLI::App &app, const std::vector<CLI::Option *> &ofSweeps) {
  auto model = std::make_unique<Model>();
  TuneInput &input = model->sweep.input;
  auto *weights = app.add_option("--weights", input.weights,
                                 "Precision of the matrices: f32, bf16, f16, int8, int4")
                      ->check(cli::oneOf({"f32", "bf16", "f16", "int8", "int4"}))
                      ->capture_default_str();
  auto *activations = app.add_option("--activations", input.activations,
                                     "Precision of rows between kernels: f32, bf16, f16 or int8")
                          ->check(cli::oneOf({"f32", "bf16", "f16", "int8"}))
                          ->capture_default_str();
  auto *invariant =
      app.add_flag("--batch-invariant", input.batchInvariant,
                   "The kernels of the programs that do not depend on the batch, too");
  auto *list =
      app.add_flag("--list", model->isListing, "Print the kernels and their spaces of schedules");
  auto *all = app.add_flag("--all", model->listing.all, "With --list: every schedule")->needs(list);
  auto *json = app.add_flag("--json", model->listing.json, "With --list: as JSON")->needs(list);
  auto *tokens = app.add_option("--prefill-tokens", input.step.prefillTokens,
                                "Tokens of the step that kernels for many tokens are timed with;\n"
                                "without it 512, of a GPU 2048")
                     ->check(CLI::Range(17, 65536));
  auto *exhaustive =
      app.add_flag("--exhaustive", model->sweep.exhaustive,
                   "Try all of large spaces too, not only what is predicted to be fast");
  for (CLI::Option *option : ofSweeps)
    list->excludes(option);
  list->excludes(tokens)->excludes(exhaustive);
  model->prefillTokens = tokens;
  model->options = {weights, activations, invariant, list, all, json, tokens, exhaustive};
  return model;
}

Status runModelWorker(const std::string &verb, const std::vector<std::string> &arguments) {
  return runWorker(verb, arguments);
}

} // namespace mamba::tune
