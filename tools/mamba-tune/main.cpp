// mamba-tune: finds the best schedules of a model's kernels.
#include "runtime/support/Version.h"
#include "runtime/tune/Timing.h"
#include "tools/mamba-tune/Verbs.h"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>

using namespace mamba;

static constexpr int kFailed = 1, kUsage = 2;

static int fail(int code, const std::string &message) {
  std::fprintf(stderr, "mamba-tune: %s\n", message.c_str());
  return code;
}

/// A process that a sweep has started of this program: its only word is why it
/// failed, on standard output.
static int runChild(const std::string &verb, const std::vector<std::string> &arguments) {
  // The sweep ends its processes.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  Status status = verb == tune::kTimingVerb
                      ? tune::serveTimings(arguments, std::cin, std::cout)
                      : runWorker(verb, arguments);
  if (!status.ok() && verb != tune::kTimingVerb)
    std::cout << status.message() << std::endl;
  return status.ok() ? 0 : kFailed;
}

/// Seconds of "90s", "10m", "1h".
static CLI::Validator duration() {
  auto convert = [](std::string &text) -> std::string {
    size_t used = 0;
    double value = -1;
    try {
      value = std::stod(text, &used);
    } catch (const std::exception &) {
    }
    std::string unit = text.substr(std::min(used, text.size()));
    double factor = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
    if (factor == 0 || !(value > 0) || value > 1e6)
      return "must be a time like 90s, 10m or 1h, got '" + text + "'";
    text = std::to_string(value * factor);
    return "";
  };
  return CLI::Validator(convert, "");
}

static void addOptions(CLI::App &app, tune::TuneCommand &command, tune::ListOptions &listing,
                       bool &isListing) {
  TuneInput &input = command.sweep.input;
  app.add_option("input", input.input, "Folder of a checkpoint, or an .mlir file of mamba-import")
      ->required();
  app.add_option("--target", input.target, "What to compile for, as in cpu:x86-64-v4")
      ->capture_default_str();
  app.add_option("--weights", input.weights,
                 "Precision of the matrices: f32, bf16, f16, int8, int4")
      ->check(CLI::IsMember({"f32", "bf16", "f16", "int8", "int4"}))
      ->capture_default_str();
  app.add_option("--activations", input.activations,
                 "Precision of rows between kernels: f32, bf16, f16 or int8")
      ->check(CLI::IsMember({"f32", "bf16", "f16", "int8"}))
      ->capture_default_str();
  app.add_flag("--batch-invariant", input.batchInvariant,
               "The kernels of the programs that do not depend on the batch, too");
  app.add_option("--kernels", command.sweep.filter,
                 "Only kernels whose key (see --list) contains this");
  auto *list = app.add_flag("--list", isListing, "Print the kernels and their spaces of schedules");
  app.add_flag("--all", listing.all, "With --list: every schedule")->needs(list);
  app.add_flag("--json", listing.json, "With --list: as JSON")->needs(list);

  std::vector<CLI::Option *> ofSweeps = {
      app.add_option("--db", command.database,
                     "The database that records go to, joined with what it holds; without it, a "
                     "file named after the target"),
      app.add_flag("--resume", command.resume, "Go on with a sweep that was stopped"),
      app.add_option("--budget", command.sweep.budgetSeconds, "Stop after a time like 10m")
          ->transform(duration()),
      app.add_option("--threads", input.step.threads,
                     "Threads of a kernel; without it, one for each processor")
          ->check(CLI::Range(1, 1024)),
      app.add_option("--prefill-tokens", input.step.prefillTokens,
                     "Tokens of the step that kernels for many tokens are timed with")
          ->check(CLI::Range(17, 65536))
          ->capture_default_str(),
      app.add_flag("--exhaustive", command.sweep.exhaustive,
                   "Try all of large spaces too, not only what is predicted to be fast"),
      app.add_option("--report", command.report, "Draw measured by predicted, as FILE.svg"),
      app.add_flag("--quiet", command.quiet, "No log on standard error")};
  for (CLI::Option *option : ofSweeps)
    list->excludes(option);
}

/// A report must not take the place of what is read or found.
static void checkReport(const tune::TuneCommand &command) {
  namespace fs = std::filesystem;
  for (const std::string &file : {command.sweep.input.input, command.database}) {
    std::error_code ignored;
    if (!command.report.empty() && !file.empty() &&
        fs::weakly_canonical(file, ignored) == fs::weakly_canonical(command.report, ignored))
      throw CLI::ValidationError("--report", "'" + file + "' is not for the report, name another file");
  }
}

int main(int argc, char **argv) {
  if (argc > 1 && argv[1][0] == '@')
    return runChild(argv[1], {argv + 2, argv + argc});
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("Finds the best schedules of a model's kernels on this machine.");
  app.name("mamba-tune");
  app.set_version_flag("--version", "mamba-tune " MAMBA_VERSION);
  app.footer("Exit status: 0 done, or the budget is spent, 1 the work failed, 2 usage, 128 and the\n"
             "signal's number when stopped by Ctrl-C (130), SIGTERM (143) or SIGHUP (129): what was\n"
             "found is kept, --resume goes on.\n"
             "Example: mamba-tune mamba-130m --weights bf16 --activations bf16 --budget 15m");
  tune::TuneCommand command;
  tune::ListOptions listing;
  bool isListing = false;
  addOptions(app, command, listing, isListing);
  try {
    app.parse(argc, argv);
    checkReport(command);
  } catch (const CLI::Success &answer) {
    return app.exit(answer);
  } catch (const CLI::ParseError &error) {
    return fail(kUsage, std::string(error.what()) + " (see 'mamba-tune --help')");
  }
  try {
    int signal = 0;
    Result<std::string> text =
        isListing ? tune::list(command.sweep.input, listing) : tune::tuneOnCpu(command, signal);
    if (!text.ok())
      return fail(kFailed, text.status().message());
    std::fputs(text->c_str(), stdout);
    if (std::fflush(stdout) != 0)
      return fail(kFailed, "cannot write to standard output");
    return signal ? 128 + signal : 0;
  } catch (const std::exception &error) {
    return fail(kFailed, error.what());
  }
}
