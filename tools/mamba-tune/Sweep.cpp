// mamba-tune without --list.
#include "tools/mamba-tune/Verbs.h"

#include "compiler/tune/Journal.h"
#include "compiler/tune/TargetHere.h"
#include "runtime/support/File.h"
#include "runtime/support/Format.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Version.h"
#include "tools/mamba-tune/Progress.h"

#include <csignal>

namespace mamba::tune {

static volatile std::sig_atomic_t interrupted = 0;

/// What is ignored (nohup) stays ignored.
static void catchSignals() {
  for (int signal : {SIGINT, SIGTERM, SIGHUP})
    if (std::signal(signal, [](int caught) { interrupted = caught; }) == SIG_IGN)
      std::signal(signal, SIG_IGN);
}

/// What a journal must be of.
static std::string settingsOf(const SweepOptions &options, const Target &target) {
  nlohmann::ordered_json settings = {
      {"mamba", MAMBA_VERSION},
      {"input", options.input.input},
      {"target", databaseTarget(target)},
      {"weights", options.input.weights},
      {"activations", options.input.activations},
      {"batch_invariant", options.input.batchInvariant},
      {"threads", options.input.step.threads},
      {"prefill_tokens", options.input.step.prefillTokens},
      {"exhaustive", options.exhaustive},
      {"chip", hostChip()}};
  return settings.dump();
}

static std::string ratio(const KernelReport &report) {
  if (!report.failure.empty())
    return "not tuned: " + report.failure;
  return format("default %.1f us, best %.1f us, %.3fx", report.ownUs, report.bestUs,
                report.ownUs / report.bestUs);
}

/// The target, if this machine runs its code.
static Result<Target> targetHere(const std::string &name) {
  std::string refusal;
  mlir::FailureOr<Target> target = parseTarget(name, refusal);
  if (mlir::failed(target))
    return invalidArgument(refusal);
  if (target->isGpu())
    return invalidArgument("target " + inQuotes(name) +
                           " is a GPU: mamba-tune measures processors, --list shows its kernels");
  if (std::string obstacle = obstacleHere(*target); !obstacle.empty())
    return unavailable(obstacle);
  return std::move(*target);
}

Result<std::string> tuneOnCpu(const TuneCommand &command, int &signal) {
  SweepOptions options = command.sweep;
  MAMBA_ASSIGN_OR_RETURN(Target target, targetHere(options.input.target));
  std::string database = command.database;
  if (database.empty())
    database = databaseFile(target);
  MAMBA_ASSIGN_OR_RETURN(Journal journal, Journal::open(database, settingsOf(options, target),
                                                        command.resume));
  if (!command.report.empty())
    MAMBA_RETURN_IF_ERROR(checkWritable(command.report));
  MAMBA_ASSIGN_OR_RETURN(std::vector<TunedKernel> kernels, planKernels(options.input));
  std::erase_if(kernels, [&](const TunedKernel &kernel) {
    std::string key = kernel.key.text();
    return kernel.candidates.size() < 2 || key.find(options.filter) == std::string::npos ||
           journal.isDone(key);
  });
  catchSignals();
  options.stop = [] { return interrupted != 0; };
  Progress progress(command.quiet);
  options.progress = [&](size_t done, size_t total, const std::string &what) {
    progress.show(done, total, what);
  };
  auto keep = [&](const KernelResult &result) -> Status {
    KernelReport report = reportOf(result, recordOf(result, target, options.input.step.threads));
    progress.line(report.key + ": " + ratio(report));
    return journal.add(report);
  };
  MAMBA_ASSIGN_OR_RETURN(bool isComplete, sweep(options, kernels, keep));
  progress.end();
  if (!command.report.empty())
    MAMBA_RETURN_IF_ERROR(writeFileAtomically(
        command.report, reportSvg(journal.reports(), options.input.input + " for " +
                                                         databaseTarget(target) + " on " +
                                                         hostChip())));
  std::string text = reportTable(journal.reports());
  if (isComplete) {
    journal.close();
    return text;
  }
  signal = interrupted;
  return text + "stopped: what was found is in " + database + ", --resume goes on\n";
}

} // namespace mamba::tune
