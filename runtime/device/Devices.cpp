// Devices by name.
#include "runtime/device/Device.h"
#include "runtime/support/Quote.h"

using namespace mamba;

Result<std::string> Executable::profile(const std::string &chip) const {
  return unavailable(std::string("device '") + device() +
                     "' counts nothing, a profile needs device 'sim'");
}

Result<std::unique_ptr<Executable>>
mamba::loadOnDevice(std::shared_ptr<const Pack> pack, const std::string &device,
                    const DeviceOptions &options) {
  if (device == "cpu" || device == "auto")
    return loadOnCpu(std::move(pack), options);
  if (device == "sim")
    return loadOnSim(std::move(pack), options);
  if (device == "cuda")
    return unavailable("this version has no device 'cuda'; 'sim' runs the same "
                       "kernels in software, 'cpu' runs on the processor");
  return invalidArgument("unknown device " + inQuotes(device) +
                         "; use 'cpu', 'cuda', 'sim' or 'auto'");
}
