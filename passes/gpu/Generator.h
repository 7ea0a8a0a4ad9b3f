// The interface of the GPU's generators.
#pragma once

#include "passes/gpu/GpuEmitter.h"
#include "passes/target/Match.h"

namespace mamba {

/// A schedule for steps of at most maxSequences sequences.
struct GpuVariant {
  int64_t maxSequences;
  ssm::ScheduleAttr schedule;
  /// What it adds to the kernel's name.
  std::string suffix;
};

class GpuGenerator : public KernelGenerator {
public:
  /// Writes the body of a thread, and says into which tiles, one a block, the
  /// kernel is cut.
  virtual KernelGrid generate(GpuEmitter &e) const = 0;

  /// Other schedules for steps of few sequences, maxSequences rising.
  virtual llvm::SmallVector<GpuVariant> variants(ssm::KernelOp kernel, const Target &target,
                                                 TokenClass tokens) const {
    return {};
  }

  bool isLegal(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr schedule,
               std::string &reason) const override;
  std::vector<ScheduleAxis> axes(ssm::KernelOp kernel, const Target &target,
                                 TokenClass tokens) const override;

protected:
  /// What a schedule takes of a block's shared memory and of a thread's
  /// registers (an estimate, address arithmetic left out).
  struct Needs {
    int64_t sharedBytes = 0, registers = 0;
  };
  /// The family's own rules, and what the schedule needs; false with a reason.
  virtual bool checkSchedule(ssm::KernelOp kernel, const Target &target,
                             ssm::ScheduleAttr schedule, Needs &needs,
                             std::string &reason) const = 0;
};

std::unique_ptr<GpuGenerator> createGpuRowsGenerator();
std::unique_ptr<GpuGenerator> createGpuSampleGenerator();
std::unique_ptr<GpuGenerator> createGpuWeightsGenerator();
std::unique_ptr<GpuGenerator> createGpuConvGenerator();
std::unique_ptr<GpuGenerator> createGpuScanGenerator();
std::unique_ptr<GpuGenerator> createGpuLinearGenerator();

/// Registers them for the device "cuda".
void registerGpuGenerators();

} // namespace mamba
