#include "runtime/tune/Candidate.h"

#include "runtime/device/Device.h"
#include "runtime/device/cpu/CpuTargets.h"
#include "runtime/support/Quote.h"

namespace mamba::tune {

Result<Candidate> Candidate::open(const std::string &path) {
  Candidate candidate;
  MAMBA_ASSIGN_OR_RETURN(candidate.pack_, Pack::open(path));
  const std::vector<TargetSpec> &targets = candidate.pack_->manifest().targets;
  if (targets.size() != 1 || targets[0].device != "cpu" || targets[0].kernels.size() != 1 ||
      targets[0].kernels[0].golden.size() < 2)
    return invalidData(inQuotes(path) + " is not one kernel with its checks");
  // Says what is missing here, and asks for tiles.
  MAMBA_RETURN_IF_ERROR(chooseCpuTarget(*candidate.pack_, CpuHost::detect()).status());
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> code, candidate.pack_->code(targets[0].code));
  MAMBA_ASSIGN_OR_RETURN(candidate.image_, ElfImage::load(code, targets[0].arch));
  MAMBA_ASSIGN_OR_RETURN(candidate.entry_, candidate.image_.kernel(candidate.kernel().entry));
  return candidate;
}

Status Candidate::check(unsigned threads) const {
  DeviceOptions options;
  options.threads = threads;
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<Executable> executable,
                         loadOnDevice(pack_, "cpu", options));
  return executable->selfTest(nullptr);
}

} // namespace mamba::tune
