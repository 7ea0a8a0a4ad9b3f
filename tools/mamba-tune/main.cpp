// mamba-tune: finds the best schedules of a model's kernels.
#include "runtime/tune/PackPredictions.h"
#include "runtime/tune/Timing.h"
#include "runtime/tune/Workers.h"
#include "tools/lib/AppCommand.h"
#include "tools/lib/Checks.h"
#include "tools/lib/InputFiles.h"
#include "tools/lib/OutOfMemory.h"
#include "tools/lib/Signals.h"
#include "tools/lib/Version.h"
#include "tools/mamba-tune/Merge.h"
#include "tools/mamba-tune/SweepRun.h"
#include "tools/mamba-tune/Verbs.h"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>

#include <sys/prctl.h>

using namespace mamba;

static constexpr int kFailed = 1, kUsage = 2;

static int fail(int code, const std::string &message) {
  std::fprintf(stderr, "mamba-tune: %s\n", message.c_str());
  return code;
}

/// A process that a sweep has started of this program: its only word is why it
/// failed, on standard output.
static int runChild(const std::string &verb, const std::vector<std::string> &arguments) {
  // The sweep ends its processes, even if it is killed while one of them hangs.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // a write that fails says why
  bool isTiming = verb == tune::kTimingVerb;
  Status status = isTiming ? tune::serveTimings(arguments, std::cin, std::cout)
                  : verb == tune::kCheckVerb          ? tune::checkVariant(arguments)
                  : verb == tune::kPredictVariantVerb ? tune::predictVariant(arguments)
                                                      : tune::runModelWorker(verb, arguments);
  // What timed says itself why it fails.
  return isTiming ? (status.ok() ? 0 : kFailed) : tune::endWorkerProcess(status, std::cout);
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

/// What models and packs have in common; answers the options of sweeps.
static std::vector<CLI::Option *> addOptions(CLI::App &app, tune::TuneCommand &command) {
  app.add_option("input", command.input,
                 "Folder of a checkpoint, org/name of one in the Hugging Face cache, an .mlir file\n"
                 "of mamba-import, or a tuning pack X.mpk")
      ->required();
  app.add_option("--target", command.target,
                 "What to compile for, as in cpu:x86-64-v4, without it cpu:native; of a pack,\n"
                 "without it the one that this machine would run");
  app.add_option("--kernels", command.filter, "Only kernels whose key (see --list) contains this");
  return {app.add_option("--device", command.device,
                         "Where candidates are timed: cpu, for GPUs cuda or cuda:N; or sim, which\n"
                         "predicts kernels for a GPU, as is done of a model without --device")
              ->check(cli::deviceName({"cpu", "cuda", "sim"}))
              ->check(cli::offers({"cpu", "cuda", "sim"})),
          app.add_option("--chip", command.chip,
                         "The GPU that kernels are predicted for, as mamba-run's --chip;\n"
                         "without it the first one known of the target"),
          app.add_option("--db", command.database,
                         "The database that records go to, joined with what it holds; without it, "
                         "a file named after target and shard")
              ->type_name("FILE"),
          app.add_option_function<std::string>(
                 "--shard",
                 [&](const std::string &text) {
                   Result<tune::Shard> shard = tune::Shard::parse(text);
                   if (!shard.ok())
                     throw CLI::ValidationError("--shard", shard.status().message());
                   command.shard = *shard;
                 },
                 "Only one share of the kernels, as in 2/8, the second of eight; all shares\n"
                 "together have each kernel once, see 'mamba-tune merge --help'")
              ->type_name("I/N"),
          app.add_flag("--resume", command.resume, "Go on with a sweep that was stopped"),
          app.add_option("--budget", command.settings.budgetSeconds, "Stop after a time like 10m")
              ->transform(duration()),
          app.add_option("--threads", command.settings.threads,
                         "Threads of a kernel; without it, one for each processor")
              ->check(CLI::Range(1, 1024)),
          app.add_option("--report", command.report, "Draw measured by predicted, as FILE.svg")
              ->type_name("FILE"),
          app.add_flag("--no-wait", command.noWait,
                       "Begin although another sweep runs on this machine: both will be timed\n"
                       "slower than they are"),
          app.add_flag("--quiet", command.quiet, "No log on standard error")};
}

static bool isPack(const std::string &input) {
  return std::filesystem::path(input).extension() == ".mpk";
}

/// A report must not take the place of what is read or found; of a pack, the model's
/// options say nothing.
static void checkUse(const tune::TuneCommand &command, const tune::ModelVerb &model) {
  for (const std::string &file : {command.input, command.database})
    if (tune::isSameFile(file, command.report))
      throw CLI::ValidationError("--report", "'" + file + "' is not for the report, name another file");
  cli::checkOutput("--report", command.report, {.checkpoints = {command.input}});
  for (const CLI::Option *option : model.options)
    if (isPack(command.input) && option->count())
      throw CLI::ValidationError(option->get_name(),
                                 "a pack has been compiled already, leave it out");
}

/// Parses the command line, does the work and prints what it gives; the exit status.
/// `missing` says what to do about an argument that is not there; "": CLI11 does.
static int
runProgram(CLI::App &app, int argc, char **argv, const std::string &missing,
           const std::function<void()> &check,
           const std::function<Result<std::string>(int &signal)> &work) {
  try {
    app.parse(argc, argv);
    check();
  } catch (const CLI::Success &answer) {
    return cli::answer(app, answer, fail);
  } catch (const CLI::ParseError &error) {
    bool isKnown = !missing.empty() && dynamic_cast<const CLI::RequiredError *>(&error);
    return fail(kUsage, (isKnown ? missing : error.what()) + " (see '" + app.get_name() + " --help')");
  }
  try {
    int signal = 0;
    Result<std::string> text = work(signal);
    if (!text.ok())
      return fail(kFailed, text.status().message());
    if (Status written = cli::writeStandardOutput(*text); !written.ok())
      return fail(kFailed, written.message());
    return signal ? 128 + signal : 0;
  } catch (const std::exception &error) {
    return fail(kFailed, error.what());
  }
}

static std::string version() { return cli::versionText("mamba-tune", MAMBA_LLVM_VERSION); }

/// The verb `merge` is a command line of its own, since a model's has no verb.
static void addInformation(CLI::App &app) {
  cli::addInformation(app, version(), [](cli::Command &tool) {
    CLI::App merge("Makes one database of several", "merge");
    tune::MergeCommand command;
    tune::addMerge(merge, command);
    tool.verbs.push_back(cli::describe(merge));
  });
}

static int runMerge(int argc, char **argv) {
  CLI::App app("Makes one database of several.", "mamba-tune merge");
  tune::MergeCommand command;
  tune::addMerge(app, command);
  app.set_version_flag("--version", version(), "Print version, build and ABI, and exit");
  return runProgram(app, argc, argv, "", [] {}, [&](int &) { return tune::merge(command); });
}

[[gnu::init_priority(101)]] static cli::LastWords
    lastWords("mamba-tune: out of memory\n");

int main(int argc, char **argv) {
  if (argc > 1 && argv[1][0] == '@')
    return runChild(argv[1], {argv + 2, argv + argc});
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  cli::endBySignals(); // Until a sweep answers them.
  if (argc > 1 && std::string(argv[1]) == "merge")
    return runMerge(argc - 1, argv + 1);
  CLI::App app("Finds the best schedules of a model's kernels on this machine.");
  app.name("mamba-tune");
  addInformation(app);
  app.footer("Exit status: 0 done, or the budget is spent, 1 the work failed, 2 usage, 128 and the\n"
             "signal's number when stopped by Ctrl-C (130), SIGTERM (143) or SIGHUP (129): what was\n"
             "found is kept, --resume goes on.\n"
             "'mamba-tune merge --help' shows how databases are joined.\n"
             "Example: mamba-tune mamba-130m --weights bf16 --activations bf16 --budget 15m");
  tune::TuneCommand command;
  std::unique_ptr<tune::ModelVerb> model = tune::addModel(app, addOptions(app, command));
  return runProgram(
      app, argc, argv,
      "a model is missing: name a checkpoint's folder, an .mlir file or a tuning pack X.mpk",
      [&] { checkUse(command, *model); },
      [&](int &signal) {
        return isPack(command.input) ? tune::tunePack(command, command.input, signal)
                                     : model->run(command, signal);
      });
}
