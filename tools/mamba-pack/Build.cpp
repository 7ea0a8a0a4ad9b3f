// mamba-pack build.
#include "tools/mamba-pack/Verbs.h"

#include "compiler/pack/BuildPack.h"
#include "compiler/pack/OutOfMemory.h"
#include "compiler/tune/TuningPack.h"
#include "runtime/device/Processors.h"
#include "runtime/pack/Pack.h"
#include "runtime/support/Quote.h"
#include "tools/lib/AppCommand.h"
#include "tools/lib/Checks.h"
#include "tools/lib/InputFiles.h"
#include "tools/lib/ProgressBar.h"
#include "tools/lib/Signals.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>

namespace fs = std::filesystem;

namespace mamba::pack {

static BuildOptions::Check checkNamed(const std::string &word) {
  return word == "on"    ? BuildOptions::Check::On
         : word == "off" ? BuildOptions::Check::Off
                         : BuildOptions::Check::Auto;
}

/// The pack must not take the place of what it is made from.
static void checkOutput(const BuildOptions &build) {
  if (build.output == "-")
    throw CLI::ValidationError("--output",
                               "a pack is not written to standard output, name a file");
  cli::checkOutput("--output", build.output,
                   {.files = {build.scheduleFile}, .checkpoints = {build.input}});
}

/// A pack is not taken for the text of a module.
static Status checkInput(const std::string &input) {
  std::error_code ignored;
  if (!fs::is_regular_file(input, ignored) ||
      (fs::path(input).extension() != ".mpk" && !Pack::open(input).ok()))
    return {};
  return invalidArgument(inQuotes(input) +
                         " is a pack already, name the checkpoint or the .mlir file it is to be "
                         "built from");
}

/// A cache that was asked for and cannot be is no failure, but somebody waits for it.
static void warnOfNoCache(const std::string &folder) {
  std::error_code failed, ignored;
  if (folder.empty() || fs::create_directories(folder, failed) || fs::is_directory(folder, ignored))
    return;
  std::fprintf(stderr, "mamba-pack: warning: --cache-dir %s is no folder, no kernel is kept%s\n",
               inQuotes(folder).c_str(), failed ? (": " + failed.message()).c_str() : "");
}

/// "all" stands for those that are the same on every machine.
static void expandTargets(BuildOptions &build) {
  std::vector<std::string> names;
  for (const std::string &name : build.targets) {
    std::vector<std::string> meant = name == "all" ? allTargets() : std::vector{name};
    names.insert(names.end(), meant.begin(), meant.end());
  }
  build.targets = names;
}

static std::string everyTarget() {
  std::string text;
  for (const std::string &name : allTargets())
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

static std::vector<std::string> offeredTargets() {
  std::vector<std::string> names = allTargets();
  names.insert(names.end(), {"cpu:native", "all"});
  return names;
}

static void checkTargets(const BuildOptions &build) {
  std::set<std::string> names;
  for (const std::string &name : build.targets)
    if (!names.insert(name).second)
      throw CLI::ValidationError("--target", "target '" + name + "' is named twice");
  auto isCpu = [](const std::string &name) { return name.starts_with("cpu:"); };
  if ((build.scanSlices || build.scanBlock) && std::none_of(names.begin(), names.end(), isCpu))
    throw CLI::ValidationError(build.scanSlices ? "--scan-slices" : "--scan-block",
                               "cuda targets have rules of their own for scans, leave it out or "
                               "add a cpu target");
}

static volatile std::sig_atomic_t interrupted = 0;

static void onSignal(int signal) {
  if (interrupted != 0)
    cli::endBySignal(signal);
  interrupted = signal;
}

/// The first Ctrl-C ends the work as soon as nothing is left behind by it, a
/// second one at once. What is ignored (nohup) stays ignored.
static void catchInterrupt() {
  struct sigaction action = {}, before = {};
  action.sa_handler = onSignal;
  action.sa_flags = SA_RESTART;
  for (int signal : {SIGINT, SIGTERM, SIGHUP})
    if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)
      sigaction(signal, &action, nullptr);
}

/// What is written beside the pack: a line for each step, below them a bar.
struct BuildLog {
  std::mutex mutex;
  run::ProgressBar bar;
  explicit BuildLog(bool quiet) : bar("building", quiet) {}
};

/// The number that --variants has.
static size_t parseVariants(const std::string &text) {
  size_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 2 ||
      value > kMostVariants)
    throw CLI::ValidationError("--variants", "must be a number from 2 to " +
                                                 std::to_string(kMostVariants) + ", got '" + text +
                                                 "'");
  return value;
}

/// More would only take memory, some hundred megabytes each.
static void boundJobs(BuildOptions &options) {
  unsigned most = 2 * availableProcessors();
  if (options.jobs <= most)
    return;
  options.note(std::to_string(options.jobs) + " jobs are more than two a processor: " +
               std::to_string(most) + " run at a time");
  options.jobs = most;
}

/// No `variants`: the pack of a model.
static Status build(BuildOptions options, size_t variants, bool quiet) {
  BuildLog log(quiet);
  if (!quiet)
    options.note = [&](const std::string &line) {
      std::lock_guard lock(log.mutex);
      log.bar.clear();
      std::fprintf(stderr, "mamba-pack: %s\n", line.c_str());
    };
  options.progress = [&](size_t done, size_t total) {
    std::lock_guard lock(log.mutex);
    log.bar.update(done, total);
  };
  options.stop = [] { return interrupted != 0; };
  options.quit = [&] {
    log.bar.clear();
    std::signal(interrupted, SIG_DFL);
    std::raise(interrupted);
  };
  boundJobs(options);
  catchInterrupt();
  endWhenOutOfMemory("mamba-pack: there is not enough memory, ask for fewer --jobs\n");
  return variants ? buildTuningPack(options, variants) : buildPack(options);
}

void addBuild(CLI::App &app, Work &work) {
  struct Arguments {
    BuildOptions build;
    bool quiet = false, noCache = false;
    std::string cacheFolder, variants;
    unsigned jobs = 0;
    size_t variantCount = 0; // 0: no tuning pack
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App *verb = app.add_subcommand("build", "Compile a model, or operators, to a pack");
  verb->add_option("input", arguments->build.input,
                   "Folder of a checkpoint, org/name of one in the Hugging Face cache, or an .mlir\n"
                   "file of mamba-import")
      ->required();
  verb->add_option("-o,--output", arguments->build.output, "The pack, X.mpk")
      ->required()
      ->type_name("X.mpk");
  verb->add_option("--target", arguments->build.targets,
                   "What to compile for, as in cpu:native,cpu:x86-64-v3; all is\n" + everyTarget())
      ->delimiter(',')
      ->check([](const std::string &name) {
        return name == "all" ? std::string() : checkTarget(name).message();
      })
      ->check(cli::offers(offeredTargets()))
      ->capture_default_str();
  verb->add_option("--weights", arguments->build.weights,
                   "Precision of the matrices: f32, bf16, f16, int8 or int4")
      ->check(cli::oneOf({"f32", "bf16", "f16", "int8", "int4"}))
      ->capture_default_str();
  verb->add_option("--activations", arguments->build.activations,
                   "Precision of rows between kernels: f32, bf16 or f16; matrix units want bf16. "
                   "int8: bf16, and int8 in products with int8 or int4 weights")
      ->check(cli::oneOf({"f32", "bf16", "f16", "int8"}))
      ->capture_default_str();
  auto *embed = verb->add_flag("--embed-weights", arguments->build.embedWeights,
                               "Put the checkpoint's weights into the pack");
  auto *invariant = verb->add_flag("--batch-invariant", arguments->build.batchInvariant,
                                   "Add programs whose results do not depend on the batch");
  auto *block = verb->add_option("--scan-block", arguments->build.scanBlock,
                                 "On cpu targets, channels that a thread scans together: 16,\n"
                                 "32 or 64, without it 64, 32 for x86-64-v3, 16 for aarch64.\n"
                                 "Narrow blocks keep more threads busy with one sequence;\n"
                                 "bits do not depend on it")
                    ->type_name("N")
                    ->check(cli::oneOf({"16", "32", "64"}));
  auto *slices =
      verb->add_option("--scan-slices", arguments->build.scanSlices,
                       "On cpu targets, scan few long sequences in N slices of time, 2 to 16,\n"
                       "beside each other, after a pass that finds the states between them:\n"
                       "nearly twice the work, so it pays where threads are more than twice the\n"
                       "blocks of channels. In steps of 64 N tokens or more, of at most\n"
                       "(N - 1) / 2 sequences, or of one")
          ->type_name("N")
          ->check(CLI::Range(2, 16))
          ->excludes(invariant);
  verb->add_flag("!--no-overlap", arguments->build.overlap,
                 "Kernels of cuda targets begin when the one before them has ended");
  verb->add_option_function<std::string>(
          "--check",
          [arguments](const std::string &word) { arguments->build.check = checkNamed(word); },
          "An end-to-end check against the float64 reference: on, off, or auto: if it is cheap")
      ->check(cli::oneOf({"on", "off", "auto"}))
      ->default_str("auto");
  verb->add_flag("!--no-cuda-source", arguments->build.cudaSource,
                 "Leave the CUDA C++ of cuda targets out");
  auto *database =
      verb->add_option("--db", arguments->build.scheduleFile,
                       "A file of schedules that mamba-tune found, beside those known")
          ->type_name("FILE");
  verb->add_flag("!--no-db", arguments->build.knownSchedules,
                 "Leave the schedules that are known out");
  verb->add_option("--jobs", arguments->jobs,
                   "Threads, 0 for one a processor, no more than two; the pack is the same for\n"
                   "any number")
      ->check(CLI::Range(0u, kMaxDeviceThreads));
  auto *folder =
      verb->add_option("--cache-dir", arguments->cacheFolder,
                       "Where compiled kernels are kept for the next build, 256 MB at most;\n"
                       "without it $MAMBA_CACHE, or mamba in $XDG_CACHE_HOME or ~/.cache")
          ->type_name("DIR")
          ->check(cli::notEmpty());
  verb->add_flag("--variants{" + std::to_string(kDefaultVariants) + "}", arguments->variants,
                 "Make a tuning pack, for mamba-tune on machines without a compiler: each kernel\n"
                 "with its own schedule and those that are predicted to be the fastest, so many\n"
                 "together, " + std::to_string(kDefaultVariants) + " without =N")
      ->excludes(embed)
      ->excludes(slices)
      ->excludes(block)
      ->excludes(database);
  verb->add_flag("--no-cache", arguments->noCache, "Compile everything, and keep nothing")
      ->excludes(folder);
  verb->add_flag("--quiet", arguments->quiet, "No log on standard error");
  verb->footer("Example: mamba-pack build mamba-130m -o mamba-130m.mpk");
  verb->callback([arguments, &work] {
    BuildOptions &options = arguments->build;
    expandTargets(options);
    checkTargets(options);
    checkOutput(options);
    if (!arguments->variants.empty())
      arguments->variantCount = parseVariants(arguments->variants);
    options.jobs = arguments->jobs ? arguments->jobs : availableProcessors();
    if (!arguments->noCache)
      options.cache = arguments->cacheFolder.empty() ? KernelCache::ofUser()
                                                     : KernelCache(arguments->cacheFolder);
    work = [arguments]() -> Result<std::string> {
      MAMBA_RETURN_IF_ERROR(checkInput(arguments->build.input));
      if (!arguments->quiet)
        warnOfNoCache(arguments->cacheFolder);
      MAMBA_RETURN_IF_ERROR(build(arguments->build, arguments->variantCount, arguments->quiet));
      return std::string();
    };
  });
}

} // namespace mamba::pack
