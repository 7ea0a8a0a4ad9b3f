// Compiles kernels to PTX, and runs that in the simulator with all its checks.
#pragma once

#include "runtime/device/sim/Sim.h"
#include "test/unit/lab/KernelLab.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mamba {

/// A kernel and its variants for steps of few sequences.
class GpuKernel : public LabKernel {
public:
  /// One of its schedules; the last one has no bound.
  struct Schedule {
    plan::KernelOp planned;
    std::string name;
    std::optional<int64_t> maxSequences;
    uint32_t index; // in the module
  };

  GpuKernel(KernelText text, plan::KernelOp planned,
            std::vector<Schedule> schedules, const sim::Module &module)
      : LabKernel(std::move(text), planned), schedules(std::move(schedules)),
        module(module) {}

  /// Takes the schedule that the runtime would take.
  std::vector<Tensor> run(const KernelInputs &inputs) const override;
  /// How many rows and slots stand before those of the inputs.
  struct Place {
    int64_t row = 0, slot = 0;
  };
  /// The defect that the simulator or the lab found, or the results.
  Result<std::vector<Tensor>> execute(const KernelInputs &inputs,
                                      const Schedule &schedule, Place place,
                                      sim::Counts *counts = nullptr) const;
  Result<std::vector<Tensor>> execute(const KernelInputs &inputs,
                                      const Schedule &schedule) const {
    return execute(inputs, schedule, Place());
  }
  const Schedule &scheduleFor(int64_t sequences) const;

  /// The same kernel with other code.
  GpuKernel with(const sim::Module &code) const {
    return GpuKernel(text, op(), schedules, code);
  }

  /// Whether it serves only steps of one token for each sequence.
  bool isForDecoding() const { return onlyDecodes(); }

  const std::vector<Schedule> schedules;

protected:
  bool onlyDecodes() const override { return op().isDecodeOnly(); }
  /// Every other schedule must be right as well, whatever the batch.
  void checkAgain(const KernelInputs &inputs, const std::vector<Tensor> &want,
                  const std::vector<Tensor> &got) const override;

private:
  std::vector<Tensor> run(const KernelInputs &inputs,
                          const Schedule &schedule) const;

  const sim::Module &module;
};

/// Who makes PTX of what the generators wrote.
enum class GpuCompiler {
  Llvm,
  NvrtcCxx, // NVRTC, from C++ translated from the same IR
  NvrtcPtx, // NVRTC, from LLVM's PTX in asm statements
};

/// Kernels for one chip.
class GpuLab : public KernelLab {
public:
  explicit GpuLab(const std::string &target,
                  GpuCompiler compiler = GpuCompiler::Llvm)
      : KernelLab(target), compiler(compiler) {}

  LabKernels compile(const std::vector<KernelText> &texts) override;
  /// Whether the generator takes the text's schedule; if not, why not.
  bool takes(const KernelText &text, std::string &reason);
  /// The PTX of the last ones.
  const std::string &ptx() const { return lastPtx; }
  /// Their CUDA C++, if NVRTC is the compiler.
  const std::string &cuda() const { return lastCuda; }

protected:
  void addPreparation(mlir::PassManager &pm) override;
  void addGenerator(mlir::PassManager &pm) override;

private:
  std::string ptxOf(mlir::ModuleOp module);

  GpuCompiler compiler;
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
  std::vector<std::unique_ptr<sim::Module>> codes;
  std::string lastPtx, lastCuda;
};

/// A schedule, and part of the reason why a kernel's generator refuses it; empty
/// if it does not.
struct ScheduleCase {
  KernelText text;
  std::string schedule, reason;
  std::string target = "cuda:sm_80";
};
void expectReasons(std::vector<ScheduleCase> cases);

/// Of the test's random numbers: $MAMBA_TEST_SEED, or 1.
uint32_t testSeed();

/// $MAMBA_GPU_COMPILER: llvm, nvrtc-cxx or nvrtc-ptx; without it llvm.
GpuCompiler testCompiler();

/// Tests on one chip.
class OnGpu : public testing::Test {
protected:
  explicit OnGpu(const std::string &target = "cuda:sm_80")
      : lab(target, testCompiler()) {}
  /// Skips where the compiler is not there.
  void SetUp() override;
  /// Compiles and checks all.
  void checkAll(const std::vector<KernelText> &texts);
  /// The same on one to `most` rows, of which some come as one sequence.
  void checkFewRows(const std::vector<KernelText> &texts, int64_t most);

  GpuLab lab;
  RandomTensors random{testSeed()};
};

} // namespace mamba
