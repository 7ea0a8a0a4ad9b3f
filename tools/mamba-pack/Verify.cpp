// mamba-pack verify.
#include "tools/mamba-pack/Verbs.h"
#include "tools/mamba-run/Checks.h"

#include "runtime/device/cpu/CpuTargets.h"
#include "runtime/device/cpu/ElfImage.h"
#include "runtime/device/sim/ptx/Ptx.h"
#include "runtime/model/Log.h"
#include "runtime/model/Model.h"
#include "runtime/pack/Cubin.h"
#include "runtime/support/Checkpoint.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mamba::pack {

namespace {
struct Arguments {
  std::string path, device = "cpu", model, target;
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

/// The self-tests of one target, in one line; empty `name`: the device's best.
static Result<std::string> verifyTarget(const Arguments &arguments,
                                        const std::shared_ptr<const PackInfo> &info,
                                        const std::string &name) {
  DeviceOptions options;
  options.threads = arguments.threads;
  options.target = name;
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<Model> model,
                         Model::create(info, arguments.device, options));
  MAMBA_RETURN_IF_ERROR(loadWeights(arguments, *model));
  const TargetSpec &target = model->executable().target();
  size_t cases = 0, untested = 0;
  for (const KernelSpec &kernel : target.kernels) {
    cases += kernel.golden.size();
    untested += kernel.golden.empty();
  }
  MAMBA_ASSIGN_OR_RETURN(std::string endToEnd, model->selfTest(nullptr));
  std::string text = target.name + " passes " + std::to_string(cases) + " self-tests";
  if (untested)
    text += ", " + std::to_string(untested) + " kernels have none";
  return text + "; " + endToEnd;
}

/// On the processor every target that runs, and in a line each those that do not;
/// elsewhere, and where one is asked for, one.
static Result<std::vector<std::string>> verifyTargets(const Arguments &arguments,
                                                      const std::shared_ptr<const PackInfo> &info) {
  std::vector<std::string> names, lines, obstacles;
  if (arguments.target.empty() && arguments.device == "cpu") {
    CpuHost host = CpuHost::detect();
    for (const TargetSpec &target : info->manifest().targets) {
      std::string obstacle = target.device == "cpu" ? findObstacle(target, host) : "";
      if (!obstacle.empty())
        obstacles.push_back(target.name + " is not tested here: it " + obstacle);
      else if (target.device == "cpu")
        names.push_back(target.name);
    }
  }
  if (names.empty()) {
    names.push_back(arguments.target);
    obstacles.clear(); // The failure names them, should there be one.
  }
  for (const std::string &name : names) {
    MAMBA_ASSIGN_OR_RETURN(std::string line, verifyTarget(arguments, info, name));
    lines.push_back(line);
  }
  lines.insert(lines.end(), obstacles.begin(), obstacles.end());
  return lines;
}

static Result<std::string> verify(const Arguments &arguments) {
  if (!arguments.quiet)
    setLogFunction([](void *, LogLevel, const char *line) { note(line); }, nullptr);
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const PackInfo> info, PackInfo::open(arguments.path));
  MAMBA_RETURN_IF_ERROR(info->pack()->verifyBlobs());
  MAMBA_RETURN_IF_ERROR(verifyCode(*info->pack()));
  MAMBA_ASSIGN_OR_RETURN(std::vector<std::string> lines, verifyTargets(arguments, info));
  std::string text = arguments.path + ": " + std::to_string(info->manifest().blobs.size()) +
                     " blobs are whole; " + lines[0] + "\n";
  for (size_t i = 1; i < lines.size(); ++i)
    text += arguments.path + ": " + lines[i] + "\n";
  return text;
}

void addVerify(CLI::App &app, Work &work) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *verb = app.add_subcommand("verify", "Check a pack's hashes and run its self-tests");
  verb->add_option("pack", arguments->path, "The pack, X.mpk")->required();
  verb->add_option("--device", arguments->device,
                   "Where the self-tests run: cpu, cuda, cuda:N, sim or auto")
      ->check(run::deviceName());
  verb->add_option("--target", arguments->target,
                   "The one target to test, as in cpu:x86-64-v3; without it all of the pack's\n"
                   "that this processor runs, on another device its best")
      ->check(run::notEmpty());
  verb->add_option("--model", arguments->model,
                   "Folder of the checkpoint, if it is not the one that the pack notes");
  verb->add_option("--threads", arguments->threads, "Threads, 0 for one a processor")
      ->check(CLI::Range(0u, 1024u));
  verb->add_flag("--quiet", arguments->quiet, "No log on standard error");
  verb->footer("Example: mamba-pack verify mamba-130m.mpk");
  verb->callback([arguments, &work] { work = [arguments] { return verify(*arguments); }; });
}

} // namespace mamba::pack
