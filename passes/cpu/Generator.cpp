#include "passes/cpu/Generator.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace mamba {

bool CpuGenerator::isLegal(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr schedule,
                           std::string &reason) const {
  int64_t lanes = schedule.getLanes();
  if (lanes < 4 || lanes > 64 || (lanes & (lanes - 1))) {
    reason = "lanes must be a power of two from 4 to 64, got " + std::to_string(lanes);
    return false;
  }
  return checkSchedule(kernel, target, schedule, reason);
}

void registerCpuGenerators() {
  // Once a process, however often a registry is filled.
  static bool done = [] {
    registerGenerator("cpu", createRowsGenerator());
    registerGenerator("cpu", createSampleGenerator());
    registerGenerator("cpu", createWeightsGenerator());
    registerGenerator("cpu", createConvGenerator());
    registerGenerator("cpu", createScanGenerator());
    registerGenerator("cpu", createLinearGenerator());
    return true;
  }();
  (void)done;
}

} // namespace mamba
