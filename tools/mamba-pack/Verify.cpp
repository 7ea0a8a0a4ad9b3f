// mamba-pack verify.
#include "tools/lib/AppCommand.h"
#include "tools/lib/Checks.h"
#include "tools/mamba-pack/Verbs.h"

#include "runtime/device/GpuArch.h"
#include "runtime/device/cpu/CpuTargets.h"
#include "runtime/device/cpu/ElfImage.h"
#include "runtime/device/cuda/Gpu.h"
#include "runtime/device/sim/ptx/Ptx.h"
#include "runtime/model/Log.h"
#include "runtime/model/Model.h"
#include "runtime/pack/Cubin.h"
#include "runtime/support/Checkpoint.h"
#include "runtime/support/Quote.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mamba::pack {

namespace {
struct Arguments {
  std::string path, device, model, target; // No device: all.
  unsigned threads = 0;
  bool quiet = false;
};
} // namespace

static void note(const std::string &line) {
  std::fprintf(stderr, "mamba-pack: %s\n", line.c_str());
}

/// Every target's code can be loaded, whether or not this machine can run it.
static Status verifyCode(const Pack &pack) {
  for (const TargetSpec &target : pack.manifest().targets) {
    MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> code, pack.code(target.code));
    Status status;
    if (target.device == "cuda")
      status = ptx::parse({reinterpret_cast<const char *>(code.data()), code.size()}, target.code)
                   .status();
    else
      status = parseElf(code, target.arch).status();
    if (status.ok() && target.cubin) {
      MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> cubin, pack.code(*target.cubin));
      status = readCubin(cubin, *target.cubin).status();
    }
    MAMBA_RETURN_IF_ERROR(status.withContext("target '" + target.name + "'"));
  }
  return {};
}

/// What --model names must be right; what the pack notes is taken if it is
/// there and the pack has a check for it.
static Status loadWeights(const Arguments &arguments, Model &model) {
  const Manifest &manifest = model.manifest();
  if (!arguments.model.empty())
    return model.loadWeights(arguments.model, nullptr);
  if (manifest.check && (model.info().pack()->hasEmbeddedWeights() ||
                         openCheckpoint(manifest.source).ok()))
    return model.loadWeights(std::nullopt, nullptr);
  return {};
}

using Info = std::shared_ptr<const PackInfo>;

/// The self-tests of one target, in one line; empty `name`: the device's best.
static Result<std::string> verifyTarget(const Arguments &arguments, const Info &info,
                                        const std::string &device, const std::string &name) {
  DeviceOptions options;
  options.threads = arguments.threads;
  options.target = name;
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<Model> model,
                         Model::create(info, device, options));
  MAMBA_RETURN_IF_ERROR(loadWeights(arguments, *model));
  const TargetSpec &target = model->executable().target();
  size_t cases = 0, untested = 0;
  for (const KernelSpec &kernel : target.kernels) {
    cases += kernel.golden.size();
    untested += kernel.golden.empty();
  }
  MAMBA_ASSIGN_OR_RETURN(std::string endToEnd, model->selfTest(nullptr));
  std::string text = target.name + " passes " + std::to_string(cases) + " self-tests";
  if (device != "cpu")
    text += " on " + device;
  if (untested)
    text += ", " + std::to_string(untested) + " kernels have none";
  return text + "; " + endToEnd;
}

namespace {

/// A target and a device that runs it.
struct Trial {
  std::string device, target; // No target: the device's best.
};

/// What is to be tested, and in a line each what cannot be.
struct Trials {
  std::vector<Trial> list;
  std::vector<std::string> obstacles;
};

} // namespace

static void addCpu(const TargetSpec &target, Trials &trials) {
  static const CpuHost host = CpuHost::detect();
  std::string obstacle = findObstacle(target, host);
  if (obstacle.empty())
    trials.list.push_back({"cpu", target.name});
  else
    trials.obstacles.push_back(target.name + " is not tested here: it " + obstacle);
}

/// How many GPUs the driver has.
static Result<int> countGpus() {
  MAMBA_ASSIGN_OR_RETURN(const cuda::Driver *driver, cuda::Driver::load());
  int count = 0;
  MAMBA_RETURN_IF_ERROR(driver->check(driver->cuDeviceGetCount(&count), "count the GPUs"));
  return count;
}

/// Each GPU that there is, with each target that it runs.
static void addGpus(const std::vector<const TargetSpec *> &targets, Trials &trials) {
  Result<int> count = countGpus();
  if (!count.ok())
    trials.obstacles.push_back("nothing is tested on a GPU: " + count.status().message());
  for (int ordinal = 0; count.ok() && ordinal < *count; ++ordinal) {
    std::string device = "cuda:" + std::to_string(ordinal);
    auto gpu = cuda::Gpu::open(unsigned(ordinal));
    if (!gpu.ok())
      trials.obstacles.push_back("nothing is tested on " + device + ": " +
                                 gpu.status().message());
    for (const TargetSpec *target : targets)
      if (gpu.ok() && GpuArch::of(target->arch).compilesFor((*gpu)->chip()))
        trials.list.push_back({device, target->name});
      else if (gpu.ok())
        trials.obstacles.push_back(target->name + " is not tested on " + device + ": " +
                                   (*gpu)->name() + " is 'sm_" +
                                   std::to_string((*gpu)->chip()) + "'");
  }
}

/// Each target on every device that runs it; on one device all of the processor's,
/// of another the best.
static Trials planTrials(const Arguments &arguments, const Manifest &manifest) {
  Trials trials;
  bool isOneDevice = !arguments.device.empty();
  if (isOneDevice && (arguments.device != "cpu" || !arguments.target.empty())) {
    trials.list.push_back({arguments.device, arguments.target});
    return trials;
  }
  std::vector<const TargetSpec *> gpu;
  for (const TargetSpec &target : manifest.targets) {
    if (!arguments.target.empty() && target.name != arguments.target)
      continue;
    if (target.device == "cpu") {
      addCpu(target, trials);
    } else if (target.device == "cuda" && !isOneDevice) {
      trials.list.push_back({"sim", target.name});
      gpu.push_back(&target);
    } else if (!isOneDevice) {
      trials.obstacles.push_back(target.name + " is not tested: there is no device " +
                                 inQuotes(target.device));
    }
  }
  if (!gpu.empty())
    addGpus(gpu, trials);
  if (!trials.list.empty())
    return trials;
  // The failure says why none is.
  trials.list.push_back({"cpu", arguments.target});
  trials.obstacles.clear();
  return trials;
}

/// What GPUs at hand run of a tuning pack.
static Trials gpuTrials(const Arguments &arguments, const std::vector<TuningSpec> &tuning) {
  std::vector<const TargetSpec *> targets;
  std::set<std::string> names;
  for (const TuningSpec &kernel : tuning) {
    const TargetSpec &target = kernel.variants.front().target;
    bool isAsked = arguments.target.empty() || target.name == arguments.target;
    if (target.device == "cuda" && isAsked && names.insert(target.name).second)
      targets.push_back(&target);
  }
  Trials trials;
  if (arguments.device.empty() && !targets.empty())
    addGpus(targets, trials);
  return trials;
}

/// Each variant of each kernel on the devices that run it, in a line for each target.
static Result<std::string> verifyTuning(const Arguments &arguments, const Pack &pack) {
  if (!arguments.model.empty())
    return invalidArgument("a tuning pack has no model to test, leave --model out");
  MAMBA_RETURN_IF_ERROR(pack.verifyBlobs());
  std::map<std::string, size_t> tested;
  std::string obstacles;
  const std::vector<TuningSpec> &tuning = pack.manifest().tuning;
  Trials gpus = gpuTrials(arguments, tuning);
  for (const std::string &obstacle : gpus.obstacles)
    obstacles += obstacle + "\n";
  for (size_t kernel = 0; kernel < tuning.size(); ++kernel) {
    const TargetSpec &target = tuning[kernel].variants.front().target;
    if (!arguments.target.empty() && target.name != arguments.target)
      continue;
    std::vector<std::string> devices = {!arguments.device.empty()  ? arguments.device
                                        : target.device == "cuda" ? "sim"
                                                                   : target.device};
    for (const Trial &trial : gpus.list)
      if (trial.target == target.name)
        devices.push_back(trial.device);
    const std::string &device = devices.front();
    std::string obstacle = device == "cpu" ? findObstacle(target, CpuHost::detect())
                           : target.device != "cuda" && device != "auto" ? "is for device 'cpu'"
                                                                         : "";
    if (!obstacle.empty()) {
      std::string line = target.name + " is not tested here: it " + obstacle + "\n";
      if (obstacles.find(line) == std::string::npos)
        obstacles += line;
      continue;
    }
    for (size_t variant = 0; variant < tuning[kernel].variants.size(); ++variant) {
      DeviceOptions options;
      options.threads = arguments.threads;
      MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const Pack> one, pack.variant(kernel, variant));
      std::string place = tuning[kernel].key + ", " + tuning[kernel].variants[variant].schedule;
      MAMBA_RETURN_IF_ERROR(verifyCode(*one).withContext(place));
      for (const std::string &each : devices) {
        auto executable = loadOnDevice(one, each, options);
        if (!executable.ok())
          return executable.status().withContext(place);
        MAMBA_RETURN_IF_ERROR((*executable)->selfTest(nullptr).withContext(place));
        ++tested[target.name + " on " + each];
      }
    }
  }
  if (tested.empty())
    return unavailable(inQuotes(arguments.path) + " has nothing that can be tested: " +
                       (obstacles.empty() ? "it has no such target"
                                          : obstacles.substr(0, obstacles.find('\n'))));
  std::string text = arguments.path + ": " + std::to_string(pack.manifest().blobs.size()) +
                     " blobs are whole\n";
  for (const auto &[where, count] : tested)
    text += arguments.path + ": " + std::to_string(count) + " variants for " + where +
            " pass their self-tests\n";
  return text + obstacles;
}

static Result<std::string> verify(const Arguments &arguments) {
  if (!arguments.quiet)
    setLogFunction([](void *, LogLevel, const char *line) { note(line); }, nullptr);
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const Pack> pack, Pack::open(arguments.path));
  if (pack->isTuning())
    return verifyTuning(arguments, *pack);
  Info info = std::make_shared<PackInfo>(pack);
  MAMBA_RETURN_IF_ERROR(info->pack()->verifyBlobs());
  MAMBA_RETURN_IF_ERROR(verifyCode(*info->pack()));
  Trials trials = planTrials(arguments, info->manifest());
  std::vector<std::string> lines;
  for (const Trial &trial : trials.list) {
    MAMBA_ASSIGN_OR_RETURN(std::string line,
                           verifyTarget(arguments, info, trial.device, trial.target));
    lines.push_back(line);
  }
  lines.insert(lines.end(), trials.obstacles.begin(), trials.obstacles.end());
  std::string text = arguments.path + ": " + std::to_string(info->manifest().blobs.size()) +
                     " blobs are whole; " + lines[0] + "\n";
  for (size_t i = 1; i < lines.size(); ++i)
    text += arguments.path + ": " + lines[i] + "\n";
  return text;
}

void addVerify(CLI::App &app, Work &work) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *verb = app.add_subcommand("verify", "Check a pack's hashes and run its self-tests");
  verb->add_option("pack", arguments->path, "The pack, X.mpk")->required()->type_name("X.mpk");
  verb->add_option("--device", arguments->device,
                   "Where the self-tests run: cpu, cuda, cuda:N, sim or auto. Without it every\n"
                   "target is tested on all that runs it here: this processor, the simulated GPU\n"
                   "(MAMBA_SIM_CHECKS=off is fast), GPUs")
      ->check(cli::deviceName({"cpu", "cuda", "sim", "auto"}))
      ->check(cli::offers({"auto", "cpu", "cuda", "sim"}));
  verb->add_option("--target", arguments->target,
                   "The one target to test, as in cpu:x86-64-v3; without it all of the pack's;\n"
                   "with --device=cpu all that this processor runs, with another device its best")
      ->check(cli::notEmpty());
  verb->add_option("--model", arguments->model,
                   "Folder of the checkpoint, or its org/name in the Hugging Face cache, if it is not\n"
                   "the one that the pack notes")
      ->type_name("DIR");
  verb->add_option("--threads", arguments->threads, "Threads, 0 for one a processor")
      ->check(CLI::Range(0u, 1024u));
  verb->add_flag("--quiet", arguments->quiet, "No log on standard error");
  verb->footer("Exit status 0: at least one target was tested, each that was is right; what\n"
               "cannot be tested here is named with its reason. 1: the file is damaged, a test\n"
               "failed, or nothing could be tested.\n"
               "Example: mamba-pack verify mamba-130m.mpk");
  verb->callback([arguments, &work] { work = [arguments] { return verify(*arguments); }; });
}

} // namespace mamba::pack
