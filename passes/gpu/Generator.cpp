#include "passes/gpu/Generator.h"

using namespace mlir;

namespace mamba {

bool GpuGenerator::isLegal(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr schedule,
                           std::string &reason) const {
  int64_t threads = schedule.getThreads();
  if (threads < 32 || threads % 32 || threads > target.blockThreads) {
    reason = "threads must be a multiple of 32 up to " + std::to_string(target.blockThreads) +
             ", got " + std::to_string(threads);
    return false;
  }
  Needs needs;
  if (!checkSchedule(kernel, target, schedule, needs, reason))
    return false;
  if (needs.sharedBytes > target.sharedBytes) {
    reason = "it takes " + std::to_string(needs.sharedBytes) +
             " bytes of shared memory, a block has " + std::to_string(target.sharedBytes) +
             ": take smaller tiles or chunks";
    return false;
  }
  // A quarter of all is for every fourth warp, given out in eights.
  int64_t registers = target.allRegisters / 4 / 32 / ((threads + 127) / 128) / 8 * 8;
  registers = std::min(target.threadRegisters, registers);
  if (needs.registers > registers) {
    reason = "it takes about " + std::to_string(needs.registers) + " registers, a thread of " +
             std::to_string(threads) + " has " + std::to_string(registers) +
             ": take smaller tiles or fewer threads";
    return false;
  }
  return true;
}

void registerGpuGenerators() {
  // Once a process, however often a registry is filled.
  static bool done = [] {
    registerGenerator("cuda", createGpuRowsGenerator());
    registerGenerator("cuda", createGpuSampleGenerator());
    registerGenerator("cuda", createGpuWeightsGenerator());
    registerGenerator("cuda", createGpuConvGenerator());
    registerGenerator("cuda", createGpuScanGenerator());
    registerGenerator("cuda", createGpuLinearGenerator());
    return true;
  }();
  (void)done;
}

} // namespace mamba
