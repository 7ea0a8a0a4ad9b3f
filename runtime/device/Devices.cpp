// Devices by name.
#include "runtime/device/Device.h"
#include "runtime/device/cuda/Driver.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

using namespace mamba;

Result<std::string> Executable::profile(const std::string &,
                                        ProfileForm) const {
  return unavailable(std::string("device '") + device() +
                     "' counts nothing, a profile needs device 'cpu' or 'sim'");
}

void Executable::runOnThreads(
    uint32_t count, const std::function<void(uint32_t index)> &task) {
  for (uint32_t i = 0; i < count; ++i)
    task(i);
}

std::optional<unsigned> mamba::gpuOf(std::string_view device) {
  if (device == "cuda")
    return 0;
  constexpr std::string_view kPrefix = "cuda:";
  if (!device.starts_with(kPrefix))
    return {};
  const char *end = device.data() + device.size();
  unsigned number = 0;
  auto parsed =
      std::from_chars(device.data() + kPrefix.size(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end)
    return {};
  return number;
}

/// The device of the target that is asked for; else the first GPU where there is
/// a driver and the pack is for GPUs; else, and with a warning where that fails,
/// this processor.
static Result<std::unique_ptr<Executable>>
loadOnAny(std::shared_ptr<const Pack> pack, const DeviceOptions &options) {
  if (!options.target.empty()) {
    MAMBA_ASSIGN_OR_RETURN(const TargetSpec *target,
                           pack->findTarget(options.target));
    return target->device == "cuda" ? loadOnCuda(std::move(pack), 0, options)
                                    : loadOnCpu(std::move(pack), options);
  }
  const std::vector<TargetSpec> &targets = pack->manifest().targets;
  bool isForGpus =
      std::any_of(targets.begin(), targets.end(),
                  [](const TargetSpec &t) { return t.device == "cuda"; });
  if (!isForGpus || !cuda::Driver::load().ok())
    return loadOnCpu(std::move(pack), options);
  auto onGpu = loadOnCuda(pack, 0, options);
  // What the user wrote is wrong wherever it runs.
  if (onGpu.ok() || onGpu.status().code() == StatusCode::InvalidArgument)
    return onGpu;
  auto onCpu = loadOnCpu(std::move(pack), options);
  if (!onCpu.ok())
    return Status(onCpu.status().code(),
                  "no GPU: " + onGpu.status().message() +
                      "; no processor: " + onCpu.status().message());
  if (options.warn)
    options.warn("runs on the processor, as no GPU does: " +
                 onGpu.status().message());
  return onCpu;
}

Result<std::unique_ptr<Executable>>
mamba::loadOnDevice(std::shared_ptr<const Pack> pack, const std::string &device,
                    const DeviceOptions &options) {
  if (device == "cpu")
    return loadOnCpu(std::move(pack), options);
  if (device == "sim")
    return loadOnSim(std::move(pack), options);
  if (device == "auto")
    return loadOnAny(std::move(pack), options);
  if (std::optional<unsigned> gpu = gpuOf(device))
    return loadOnCuda(std::move(pack), *gpu, options);
  return invalidArgument("unknown device " + inQuotes(device) +
                         "; use 'cpu', 'cuda', 'cuda:N', 'sim' or 'auto'");
}
