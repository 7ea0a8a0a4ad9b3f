#include "runtime/tune/PackSource.h"

#include "runtime/device/Device.h"
#include "runtime/device/GpuArch.h"
#include "runtime/device/Processors.h"
#include "runtime/device/cpu/CpuTargets.h"
#include "runtime/device/cuda/CudaTargets.h"
#include "runtime/device/cuda/Gpu.h"
#include "runtime/device/cuda/Nvrtc.h"
#include "runtime/device/sim/SimTargets.h"
#include "runtime/predict/Figures.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Sha256.h"
#include "runtime/tune/Bout.h"
#include "runtime/tune/Candidate.h"

#include <algorithm>
#include <cstdlib>

namespace mamba::tune {

Status checkVariant(const std::vector<std::string> &arguments) {
  if (arguments.size() != 2)
    return invalidArgument("a device and a variant are missing");
  MAMBA_ASSIGN_OR_RETURN(Candidate candidate, Candidate::open(arguments[1]));
  if (std::optional<unsigned> gpu = gpuOf(arguments[0]))
    return checkOnCuda(candidate, *gpu);
  return candidate.check(arguments[0], /*threads=*/1);
}

std::vector<std::string> formsOf(const TargetSpec &target, unsigned chip, bool hasNvrtc) {
  std::vector<std::string> forms = {""};
  if (target.cubin && GpuArch::of(target.arch).runsOn(chip))
    forms.push_back("ptx");
  if (!target.cuda || !hasNvrtc)
    return forms;
  forms.push_back("nvrtc");
  uint32_t registers = target.kernels[0].launch->registers.value_or(0);
  // Fewer make room for more blocks, if these are what there is too little room for.
  if (registers > 64)
    for (uint32_t most : {registers * 3 / 4, registers / 2})
      forms.push_back("nvrtc:" + std::to_string(most / 8 * 8));
  return forms;
}

/// The target that is predicted: by name, or for the chip if one is named, or the newest.
static Result<const TargetSpec *> predictedTarget(const Pack &targets, const std::string &wanted,
                                                  const std::string &chip) {
  if (!wanted.empty())
    return findSimTarget(targets, wanted);
  if (chip.empty())
    return chooseSimTarget(targets, std::getenv("MAMBA_SIM_TARGET"));
  MAMBA_ASSIGN_OR_RETURN(const sim::Chip *named, sim::chipNamed(chip));
  for (const TargetSpec &target : targets.manifest().targets)
    if (target.device == "cuda" && predict::chipOf(target.arch, target.name, chip).ok())
      return &target;
  return unavailable(inQuotes(targets.path()) + " has no target for chip " + inQuotes(chip) +
                     ", which is " + std::string(named->arch));
}

/// The target of the pack that the device runs; notes what the device calls itself.
Result<const TargetSpec *> PackSource::chooseTarget(const Pack &targets,
                                                    const std::string &wanted,
                                                    const std::string &chip) {
  if (device_ == "sim") {
    MAMBA_ASSIGN_OR_RETURN(const TargetSpec *target, predictedTarget(targets, wanted, chip));
    MAMBA_ASSIGN_OR_RETURN(const sim::Chip *found,
                           predict::chipOf(target->arch, target->name, chip));
    chip_ = found->name;
    return target;
  }
  if (!chip.empty())
    return invalidArgument("--chip is for predictions: name --device=sim too, or leave it out");
  if (std::optional<unsigned> ordinal = gpuOf(device_)) {
    MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const cuda::Gpu> gpu, cuda::Gpu::open(*ordinal));
    chip_ = asField(gpu->name());
    gpuChip_ = gpu->chip();
    return cuda::chooseTarget(targets, gpuChip_, wanted);
  }
  if (device_ != "cpu")
    return invalidArgument("variants are not timed on device " + inQuotes(device_) +
                           ": use --device=cpu, cuda on a machine with a GPU, or sim");
  chip_ = hostChip();
  return chooseCpuTarget(targets, CpuHost::detect(), wanted);
}

Result<PackSource> PackSource::open(const std::string &path, const std::string &target,
                                    const std::string &device, const std::string &chip) {
  PackSource source;
  source.path_ = path;
  source.device_ = device;
  MAMBA_ASSIGN_OR_RETURN(source.pack_, Pack::open(path));
  const std::vector<TuningSpec> &tuning = source.pack_->manifest().tuning;
  if (!source.pack_->isTuning())
    return invalidArgument(inQuotes(path) +
                           " has no variants to choose from: make a tuning pack of the model with "
                           "'mamba-pack build --variants'");
  std::shared_ptr<const Pack> targets = source.pack_->tuningTargets();
  auto isGpu = [](const TargetSpec &spec) { return spec.device == "cuda"; };
  const std::vector<TargetSpec> &specs = targets->manifest().targets;
  if (device.empty())
    source.device_ = std::all_of(specs.begin(), specs.end(), isGpu) ? "cuda" : "cpu";
  MAMBA_ASSIGN_OR_RETURN(const TargetSpec *chosen, source.chooseTarget(*targets, target, chip));
  const char *preferred = std::getenv("MAMBA_CUDA_PREFER");
  if (source.gpuChip_ && preferred && *preferred)
    return invalidArgument("MAMBA_CUDA_PREFER allows one form of code, and a sweep tries all of "
                           "them: unset it");
  bool hasNvrtc = source.gpuChip_ && cuda::Nvrtc::load().ok();
  for (size_t i = 0; i < tuning.size(); ++i) {
    if (tuning[i].variants.front().target.name != chosen->name)
      continue;
    source.target_ = tuning[i].target;
    if (source.device_ == "sim" && !tuning[i].launch)
      continue;
    Kernel kernel = {i, {}};
    for (size_t variant = 0; variant < tuning[i].variants.size(); ++variant) {
      const TargetSpec &spec = tuning[i].variants[variant].target;
      for (const std::string &form : source.gpuChip_
                                         ? formsOf(spec, source.gpuChip_, hasNvrtc)
                                         : std::vector<std::string>{""})
        kernel.trials.push_back({variant, form});
    }
    source.kernels_.push_back(std::move(kernel));
  }
  if (source.kernels_.empty())
    return unavailable(inQuotes(path) + " has no kernel for " + inQuotes(chosen->name) +
                       " whose time can be predicted: make it anew with 'mamba-pack build "
                       "--variants'");
  return source;
}

std::string PackSource::digest() const {
  std::string text = writeManifest(pack_->manifest());
  return sha256Hex(text.data(), text.size());
}

int64_t PackSource::threads(unsigned asked) const {
  if (device_ != "cpu")
    return 0;
  return int64_t(asked ? asked : availableProcessors());
}

void PackSource::keep(const std::function<bool(const std::string &, size_t)> &wanted) {
  const std::vector<TuningSpec> &tuning = pack_->manifest().tuning;
  std::erase_if(kernels_, [&](const Kernel &kernel) {
    return !wanted(tuning[kernel.place].key, kernel.trials.size());
  });
}

KernelResult PackSource::kernel(size_t index) const {
  const TuningSpec &tuning = spec(index);
  KernelResult result;
  result.key = tuning.key;
  for (int64_t length : tuning.variants[0].target.kernels[0].golden.back().lengths)
    result.rows += length;
  for (const Trial &trial : kernels_[index].trials) {
    const VariantSpec &variant = tuning.variants[trial.variant];
    result.candidates.push_back({variant.schedule, variant.predictedUs, "", {}, trial.form});
  }
  return result;
}

PackSource::Arguments PackSource::trial(size_t index, size_t candidate,
                                        const std::string &folder) const {
  return {kCheckVerb, device_, made(index, candidate, folder)};
}

std::string PackSource::made(size_t index, size_t candidate, const std::string &) const {
  const Trial &trial = kernels_[index].trials[candidate];
  return VariantName{path_, kernels_[index].place, trial.variant, trial.form}.text();
}

} // namespace mamba::tune
