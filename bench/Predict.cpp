// mamba-predict: what the kernels of a model would take on GPUs that are not
// here, beside the limits of those.
#include "bench/PredictFindings.h"
#include "runtime/device/cpu/ThreadPool.h"
#include "runtime/support/File.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>

using namespace mamba;
using namespace mamba::bench;

namespace {

struct Arguments {
  std::vector<std::string> models = {"130m", "370m", "1.4b", "2.8b"}, decoded = {"370m"},
                           weights = {"bf16", "int8", "int4"},
                           chips = {"H200", "A100", "RTX4090"};
  std::string activations = "bf16", json, faults;
  std::vector<uint64_t> lengths = {2048, 16384}, batches = {1, 8}, updates = {64};
  unsigned threads = availableProcessors();
  bool isCheck = false, isMarkdown = false;
};

void note(const std::string &text) {
  static const auto start = std::chrono::steady_clock::now();
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::fprintf(stderr, "%6.1fs %s\n", seconds, text.c_str());
}

class Predictor {
public:
  explicit Predictor(const Arguments &arguments)
      : arguments(arguments), runner(arguments.threads) {}

  Status run();

private:
  /// Of all kernels of the step, or of the scan's alone.
  Status predict(const PredictModel &model, const sim::Chip &chip, const Step &step,
                 bool isWhole = true);
  Result<double> scanAlone(const Widths &widths, const sim::Chip &chip, const Step &step);
  Status check(const PredictModel &model);
  Status predictModel(const Widths &widths, const sim::Chip &chip, const std::string &weights);
  bool isDecodedOnly(const Widths &widths) const {
    return std::ranges::count(arguments.decoded, widths.name) != 0;
  }

  const Arguments &arguments;
  predict::Runner runner;
  std::deque<PredictModel> models; // reports name their kernels
  std::optional<PredictModel> scan; // alone, of the last widths and chip
  std::vector<StepReport> reports;
};

Status Predictor::predict(const PredictModel &model, const sim::Chip &chip, const Step &step,
                          bool isWhole) {
  const PredictProgram *found = model.programFor(step);
  if (!found)
    return internalError("model " + model.widths.name + " has no program for such a step");
  PredictProgram program = *found;
  if (!isWhole)
    std::erase_if(program.launches,
                  [](const PredictLaunch &launch) { return launch.family != Family::Scan; });
  std::vector<Counted> counted;
  bool hasScan = false;
  for (const PredictLaunch &launch : program.launches) {
    note("  " + launch.role + ", " + std::to_string(step.sequences) + " x " +
         std::to_string(step.length));
    MAMBA_ASSIGN_OR_RETURN(Counted one, runner.count(model, launch, step));
    counted.push_back(std::move(one));
    hasScan |= launch.role == "scan";
  }
  reports.push_back(reportOf(model, program, step, chip, counted));
  StepReport &report = reports.back();
  report.isWhole = isWhole;
  if (hasScan && step.length > 1) {
    MAMBA_ASSIGN_OR_RETURN(report.scanAlone, scanAlone(model.widths, chip, step));
  }
  if (!arguments.isMarkdown)
    std::printf("%s\n", report.table().c_str());
  std::fflush(stdout);
  return {};
}

Result<double> Predictor::scanAlone(const Widths &widths, const sim::Chip &chip,
                                    const Step &step) {
  note("  the scan alone");
  if (!scan || scan->widths.name != widths.name || scan->arch != chip.arch) {
    MAMBA_ASSIGN_OR_RETURN(scan, compileScanAlone(widths, std::string(chip.arch)));
  }
  const PredictProgram *program = scan->programFor(step);
  if (!program)
    return internalError("the scan alone has no program for such a step");
  double seconds = 0;
  for (const PredictLaunch &launch : program->launches) {
    MAMBA_ASSIGN_OR_RETURN(Counted one, runner.count(*scan, launch, step));
    seconds += launch.times * one.predict(chip).kernelSeconds;
  }
  return seconds;
}

/// Scaled counts against direct ones, for each kernel of a prefill.
Status Predictor::check(const PredictModel &model) {
  constexpr double kMost = 0.05;
  const PredictProgram *program = model.programFor({1, uint64_t(1) << 15});
  for (const PredictLaunch &launch : program->launches) {
    note("  " + launch.role);
    MAMBA_ASSIGN_OR_RETURN(double error, runner.error(model, launch));
    std::printf("%s, %s: %.2f%% off where it is scaled\n", model.arch.c_str(),
                launch.role.c_str(), 100 * error);
    if (error > kMost)
      return internalError(launch.role + " of model " + model.widths.name + " for " + model.arch +
                           " does not scale with its rows: its prediction would be wrong");
  }
  return {};
}

Status Predictor::predictModel(const Widths &widths, const sim::Chip &chip,
                               const std::string &weights) {
  Precisions precisions{weights, arguments.activations};
  note(widths.name + " in " + weights + " for " + std::string(chip.name) + ": compiling");
  MAMBA_ASSIGN_OR_RETURN(PredictModel compiled,
                         compileForPrediction(widths, precisions, std::string(chip.arch)));
  models.push_back(std::move(compiled));
  const PredictModel &model = models.back();
  if (arguments.isCheck)
    return check(model);
  for (uint64_t batch : arguments.batches)
    MAMBA_RETURN_IF_ERROR(predict(model, chip, {batch, 1}));
  if (weights.starts_with("int"))
    return {};
  for (uint64_t batch : arguments.updates)
    MAMBA_RETURN_IF_ERROR(predict(model, chip, {batch, 1}, /*isWhole=*/false));
  if (isDecodedOnly(widths))
    return {};
  for (uint64_t length : arguments.lengths)
    for (uint64_t batch : arguments.batches)
      MAMBA_RETURN_IF_ERROR(predict(model, chip, {batch, length}));
  return {};
}

Status Predictor::run() {
  for (const std::string &weights : arguments.weights)
    for (const std::string &name : arguments.models) {
      MAMBA_ASSIGN_OR_RETURN(Widths widths, widthsOf(name));
      if (isDecodedOnly(widths) && weights != arguments.weights.front())
        continue;
      for (const std::string &chipName : arguments.chips) {
        MAMBA_ASSIGN_OR_RETURN(const sim::Chip *chip, sim::chipNamed(chipName));
        MAMBA_RETURN_IF_ERROR(predictModel(widths, *chip, weights));
        if (!arguments.faults.empty())
          MAMBA_RETURN_IF_ERROR(writeFileAtomically(arguments.faults, faultLines(reports)));
      }
    }
  std::vector<Finding> findings = findingsOf(reports);
  if (arguments.isMarkdown)
    std::printf("%s\n%s", markdown(findings).c_str(), markdownFaults(reports).c_str());
  else
    std::printf("%s%s", lines(findings).c_str(), faultLines(reports).c_str());
  if (arguments.json.empty())
    return {};
  std::string text;
  for (const StepReport &report : reports)
    text += report.json() + "\n";
  return writeFileAtomically(arguments.json, text);
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Predicts every kernel of a model on GPUs, from counts of the simulator. Nothing is "
               "measured on a GPU.\nExample: mamba-predict --model 130m --chip H200 --tokens 2048");
  Arguments arguments;
  app.add_option("--model", arguments.models,
                 "130m, 370m, 790m, 1.4b, 2.8b, or D=64,layers=2,V=200")
      ->check([](const std::string &name) { return widthsOf(name).status().message(); });
  app.add_option("--decode-only", arguments.decoded,
                 "of these models decode in the first precision alone");
  app.add_option("--chip", arguments.chips, "chips, as mamba-run's --chip")->delimiter(',');
  app.add_option("--weights", arguments.weights,
                 "precisions of weights; of integers only decode is predicted")
      ->delimiter(',');
  app.add_option("--activations", arguments.activations, "precision of rows between kernels");
  app.add_option("--tokens", arguments.lengths, "tokens of a sequence in prefill")
      ->delimiter(',')
      ->check(CLI::Range(uint64_t(2), uint64_t(1) << 20));
  app.add_option("--batch", arguments.batches, "sequences of a step")
      ->delimiter(',')
      ->check(CLI::Range(uint64_t(1), uint64_t(1) << 12));
  app.add_option("--updates", arguments.updates,
                 "sequences of decode steps of which the state update alone is predicted")
      ->delimiter(',')
      ->check(CLI::Range(uint64_t(1), uint64_t(1) << 12));
  app.add_option("--threads", arguments.threads, "threads of the simulator")
      ->check(CLI::Range(1, 1024));
  app.add_option("--json", arguments.json, "file for one JSON object a step");
  app.add_option("--faults", arguments.faults,
                 "file for a line each of what kernels waste, as far as it is known");
  app.add_flag("--markdown", arguments.isMarkdown, "print the tables of bench/README.md alone");
  app.add_flag("--check", arguments.isCheck,
               "compare counts scaled from few rows with those of more rows, run directly");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &answer) {
    return app.exit(answer);
  } catch (const CLI::ParseError &error) {
    std::fprintf(stderr, "mamba-predict: %s (see 'mamba-predict --help')\n", error.what());
    return 2;
  }
  Status status = Predictor(arguments).run();
  if (status.ok())
    return 0;
  std::fprintf(stderr, "mamba-predict: %s\n", status.message().c_str());
  return 1;
}
