#include "runtime/device/cuda/CudaTargets.h"

#include "runtime/device/GpuArch.h"
#include "runtime/support/Quote.h"

#include <charconv>
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

std::optional<CodeChoice> CodeChoice::parse(std::string_view text) {
  constexpr std::string_view kBounded = "nvrtc:";
  if (text == "cubin")
    return CodeChoice{CodeForm::Cubin, 0};
  if (text == "ptx")
    return CodeChoice{CodeForm::Ptx, 0};
  if (text == "nvrtc")
    return CodeChoice{CodeForm::Nvrtc, 0};
  if (!text.starts_with(kBounded))
    return std::nullopt;
  CodeChoice choice{CodeForm::Nvrtc, 0};
  const char *begin = text.data() + kBounded.size(), *end = text.data() + text.size();
  auto [stop, error] = std::from_chars(begin, end, choice.mostRegisters);
  if (error != std::errc() || stop != end || choice.mostRegisters == 0 ||
      choice.mostRegisters > kMaxThreadRegisters)
    return std::nullopt;
  return choice;
}

std::string CodeChoice::text() const {
  switch (form) {
  case CodeForm::Cubin:
    return "cubin";
  case CodeForm::Ptx:
    return "ptx";
  case CodeForm::Nvrtc:
    break;
  }
  return mostRegisters ? "nvrtc:" + std::to_string(mostRegisters) : "nvrtc";
}

Result<std::optional<CodeForm>> cuda::parseCodeForm(const char *value) {
  std::string_view text = value ? value : "";
  if (text.empty())
    return std::optional<CodeForm>();
  if (auto choice = CodeChoice::parse(text); choice && !choice->mostRegisters)
    return std::optional(choice->form);
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
