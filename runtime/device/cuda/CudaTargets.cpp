#include "runtime/device/cuda/CudaTargets.h"

#include "runtime/device/GpuArch.h"
#include "runtime/support/Quote.h"

#include <string_view>

using namespace mamba;
using namespace mamba::cuda;

Result<const TargetSpec *> cuda::chooseTarget(const Pack &pack, unsigned chip,
                                              const std::string &wanted) {
  if (!wanted.empty()) {
    MAMBA_ASSIGN_OR_RETURN(const TargetSpec *target, pack.findTarget(wanted));
    if (target->device == "cuda" && GpuArch::of(target->arch).compilesFor(chip))
      return target;
    return unavailable("target " + inQuotes(wanted) + " of " +
                       inQuotes(pack.path()) + " is for " +
                       inQuotes(target->arch) + ", this GPU is 'sm_" +
                       std::to_string(chip) + "'");
  }
  const TargetSpec *newest = nullptr;
  std::string names;
  for (const TargetSpec &target : pack.manifest().targets) {
    names += (names.empty() ? "" : ", ") + inQuotes(target.name);
    if (target.device != "cuda")
      continue;
    GpuArch arch = GpuArch::of(target.arch);
    if (arch.compilesFor(chip) &&
        (!newest || GpuArch::of(newest->arch) < arch))
      newest = &target;
  }
  if (newest)
    return newest;
  std::string name = "sm_" + std::to_string(chip);
  return unavailable(inQuotes(pack.path()) + " has no code for a GPU of chip " +
                     inQuotes(name) + ", it has " +
                     (names.empty() ? "no target" : names) +
                     "; build one with 'mamba-pack build --target=cuda:" +
                     name + "'");
}

Result<std::optional<CodeForm>> cuda::parseCodeForm(const char *value) {
  std::string_view text = value ? value : "";
  if (text.empty())
    return std::optional<CodeForm>();
  if (text == "cubin")
    return std::optional(CodeForm::Cubin);
  if (text == "ptx")
    return std::optional(CodeForm::Ptx);
  if (text == "nvrtc")
    return std::optional(CodeForm::Nvrtc);
  return invalidArgument("MAMBA_CUDA_PREFER must be cubin, ptx or nvrtc, got " +
                         inQuotes(text));
}

Result<bool> cuda::parseSwitch(const char *variable, const char *value) {
  std::string_view text = value && *value ? value : "on";
  if (text == "on" || text == "off")
    return text == "on";
  return invalidArgument(std::string(variable) + " must be on or off, got " +
                         inQuotes(text));
}
