// The interface of the CPU's generators.
#pragma once

#include "passes/cpu/CpuEmitter.h"
#include "passes/target/Match.h"

namespace mamba {

/// An operand of an op in a kernel's region that the generator reads packed.
struct PackedUse {
  mlir::OpOperand *use;
  int64_t block;
  bool quads = false; // of bf16: four steps of k of an output side by side
};

/// Scratch memory of a thread that a pack may ask for; FORMAT.md.
inline constexpr int64_t kMostScratchBytes = 256 << 20;

class CpuGenerator : public KernelGenerator {
public:
  /// The weights that it reads in panels under this schedule.
  virtual llvm::SmallVector<PackedUse> packedUses(ssm::KernelOp kernel,
                                                  ssm::ScheduleAttr schedule) const {
    return {};
  }
  /// Writes the kernel's body, and says into which tiles it is cut.
  virtual KernelGrid generate(CpuEmitter &e) const = 0;

  bool isLegal(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr schedule,
               std::string &reason) const override;
  std::vector<ScheduleAxis> axes(ssm::KernelOp kernel, const Target &target,
                                 TokenClass tokens) const override;
  bool keepsLayout(ssm::KernelOp kernel, ssm::ScheduleAttr a, ssm::ScheduleAttr b) const override;

protected:
  /// Parameters beyond the lanes that a family needs to be positive, and its
  /// own rules.
  virtual bool checkSchedule(ssm::KernelOp kernel, const Target &target,
                             ssm::ScheduleAttr schedule, std::string &reason) const = 0;
};

std::unique_ptr<CpuGenerator> createLinearGenerator();
std::unique_ptr<CpuGenerator> createScanGenerator();
std::unique_ptr<CpuGenerator> createConvGenerator();
std::unique_ptr<CpuGenerator> createRowsGenerator();
std::unique_ptr<CpuGenerator> createSampleGenerator();
std::unique_ptr<CpuGenerator> createWeightsGenerator();

/// Registers them for the device "cpu".
void registerCpuGenerators();

} // namespace mamba
