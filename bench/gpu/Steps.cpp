#include "bench/gpu/Blas.h"
#include "bench/gpu/Cases.h"
#include "bench/gpu/Check.h"
#include "bench/gpu/Limits.h"
#include "bench/gpu/ModelTimes.h"
#include "bench/gpu/Report.h"
#include "bench/gpu/Subprocess.h"
#include "runtime/device/cuda/CudaTargets.h"
#include "runtime/device/cuda/Nvrtc.h"
#include "runtime/pack/Pack.h"
#include "runtime/support/Quote.h"

#include <cstdlib>
#include <filesystem>

using namespace mamba;
using namespace mamba::bench;
using namespace mamba::cuda;

/// That this GPU has not what the step needs, which is nobody's fault.
static Status sayMisfit(const std::string &message) {
  say({{"row", "misfit"}, {"message", message}});
  return {};
}

static std::string nameOf(const nlohmann::json &model) {
  return model.at("name").get<std::string>() + " " + model.at("weights").get<std::string>();
}

/// Beside the first form that works, those that the element's pack has: without a
/// cubin that is PTX already. A pack that is damaged has all, so that steps tell.
static std::vector<std::string> formsOf(const CheckFolder &folder, const nlohmann::json &element) {
  Result<std::shared_ptr<const Pack>> pack =
      Pack::open(folder.file(element.at("pack").get<std::string>()));
  bool hasCubin = !pack.ok(), hasSource = !pack.ok();
  if (pack.ok())
    for (const TargetSpec &target : (*pack)->manifest().targets) {
      hasCubin |= target.device == "cuda" && target.cubin;
      hasSource |= target.device == "cuda" && target.cuda;
    }
  std::vector<std::string> forms;
  if (hasCubin)
    forms.push_back("MAMBA_CUDA_PREFER=ptx");
  if (hasSource)
    forms.push_back("MAMBA_CUDA_PREFER=nvrtc");
  return forms;
}

std::vector<CheckStep> bench::stepsOf(const CheckFolder &folder) {
  const nlohmann::json &cases = folder.plan.at("cases"), &models = folder.plan.at("models");
  std::vector<CheckStep> steps = {{"machine", 0, "the machine", {}, 60}};
  auto add = [&](const char *kind, size_t index, std::string title, double seconds,
                 const std::string &setting = "") {
    CheckStep step{kind, index, std::move(title), {}, seconds, setting.ends_with("=nvrtc")};
    if (!setting.empty()) {
      step.title += ", " + setting;
      step.environment.push_back(setting);
    }
    steps.push_back(std::move(step));
  };
  for (size_t i = 0; i < cases.size(); ++i)
    add("case", i, cases[i].at("name").get<std::string>(), 60);
  add("limits", 0, "the limits of the machine", 60);
  for (size_t i = 0; i < models.size(); ++i) {
    add("model", i, nameOf(models[i]), 90);
    if (i == 0)
      add("blas", 0, "cuBLAS", 60);
  }
  for (size_t i = 0; i < cases.size(); ++i)
    for (const std::string &form : formsOf(folder, cases[i]))
      add("case", i, cases[i].at("name").get<std::string>(), 60, form);
  for (size_t i = 0; i < models.size(); ++i)
    for (const std::string &form : formsOf(folder, models[i]))
      add("kernels", i, "kernels of " + nameOf(models[i]), 60, form);
  add("peers", 0, "PyTorch and Triton", 120);
  for (size_t i = 0; i < models.size(); ++i)
    for (const char *off : {"MAMBA_CUDA_OVERLAP=off", "MAMBA_CUDA_GRAPHS=off"})
      if (models[i].at("weights") == "bf16")
        add("launches", i, nameOf(models[i]), 60, off);
  return steps;
}

static Status sayMachine(const std::shared_ptr<const Gpu> &gpu) {
  Current current(*gpu);
  MAMBA_RETURN_IF_ERROR(current.status());
  Row row = {{"row", "machine"},
             {"gpu", gpu->name()},
             {"chip", "sm_" + std::to_string(gpu->chip())},
             {"driver", gpu->driver().versionText()}};
  const char *named = std::getenv("MAMBA_CUDA_DRIVER");
  row["driver_library"] = named && *named ? named : "libcuda.so.1";
  for (auto [name, attribute] :
       {std::pair("multiprocessors", CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
        {"clock_khz", CU_DEVICE_ATTRIBUTE_CLOCK_RATE},
        {"l2_bytes", CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE}}) {
    MAMBA_ASSIGN_OR_RETURN(row[name], gpu->attribute(attribute));
  }
  size_t free = 0, total = 0;
  MAMBA_RETURN_IF_ERROR(
      gpu->check(gpu->driver().cuMemGetInfo_v2(&free, &total), "ask for its memory"));
  row["memory_bytes"] = total;
  row["memory_free"] = free;
  Result<const Nvrtc *> nvrtc = Nvrtc::load();
  row["nvrtc"] = nvrtc.ok() ? (*nvrtc)->version() : "none";
  if (!nvrtc.ok())
    row["nvrtc_message"] = nvrtc.status().message();
  say(row);
  return {};
}

/// A script of ours says the rows, where Python has what it asks for.
static Status timePeers(const CheckFolder &folder) {
  Command command{{"/usr/bin/env", "python3", folder.file("peers.py"), folder.file("check.json")},
                  {},
                  600};
  MAMBA_ASSIGN_OR_RETURN(Outcome outcome, runProcess(command, [&](const std::string &line) {
                           if (nlohmann::json row = nlohmann::json::parse(line, nullptr, false);
                               row.is_object())
                             say(row);
                         }));
  if (outcome.status == 0)
    return {};
  if (outcome.status == 127)
    return unavailable("no python3 is here");
  std::string message = outcome.complaint.empty()
                            ? "peers.py ended with status " + std::to_string(outcome.status)
                            : outcome.complaint;
  return outcome.status == kAbsentStatus ? unavailable(message) : internalError(message);
}

/// Why the GPU cannot run the element's pack, in the form that is asked for;
/// nothing if it can, or if it is for the step to tell.
static std::string misfitOf(const CheckFolder &folder, const nlohmann::json &element,
                            unsigned ordinal) {
  Result<std::shared_ptr<const Pack>> pack =
      Pack::open(folder.file(element.at("pack").get<std::string>()));
  Result<std::shared_ptr<const Gpu>> gpu = Gpu::open(ordinal);
  if (!pack.ok() || !gpu.ok())
    return "";
  Result<const TargetSpec *> target = chooseTarget(**pack, (*gpu)->chip());
  if (!target.ok())
    return target.status().message();
  const char *prefer = std::getenv("MAMBA_CUDA_PREFER");
  if (prefer && std::string_view(prefer) == "nvrtc" && !(*target)->cuda)
    return inQuotes((*pack)->path()) + " has no CUDA C++ for " + (*target)->arch;
  return "";
}

static Status doStep(const CheckFolder &folder, const std::string &kind, size_t index,
                     unsigned ordinal) {
  if (kind == "peers")
    return timePeers(folder);
  if (kind == "case") {
    MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *plan, folder.entry("cases", index));
    if (std::string misfit = misfitOf(folder, *plan, ordinal); !misfit.empty())
      return sayMisfit(misfit);
    std::error_code ignored;
    std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    return runCase(folder, *plan, self.parent_path().string(), ordinal);
  }
  if (kind == "model" || kind == "launches" || kind == "kernels") {
    MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *model, folder.entry("models", index));
    if (std::string misfit = misfitOf(folder, *model, ordinal); !misfit.empty())
      return sayMisfit(misfit);
    return kind == "kernels"
               ? testKernels(folder, *model, ordinal)
               : timeModel(folder, *model, ordinal, kind == "model");
  }
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const Gpu> gpu, Gpu::open(ordinal));
  if (kind == "machine")
    return sayMachine(gpu);
  if (kind == "limits")
    return measureLimits(folder, gpu);
  if (kind == "blas")
    return timeBlas(folder, gpu);
  return invalidArgument("unknown step " + inQuotes(kind));
}

Status bench::runStep(const CheckFolder &folder, const std::string &kind, size_t index,
                      unsigned ordinal) {
  Status done = doStep(folder, kind, index, ordinal);
  if (done.code() == StatusCode::OutOfMemory && kind != "machine")
    return sayMisfit(done.message());
  return done;
}
