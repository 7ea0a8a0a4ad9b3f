// Compiles kernels for CPUs, and runs them.
#pragma once

#include "runtime/device/cpu/ElfImage.h"
#include "test/unit/lab/KernelLab.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mamba {

/// Machine code in memory.
class MachineCode {
public:
  /// Takes the module `@code` of a module, as the generators wrote it, through
  /// legalisation, code generation and the loader of the runtime.
  static std::unique_ptr<MachineCode> compile(mlir::ModuleOp module);
  MambaKernel kernel(const std::string &symbol) const;

private:
  ElfImage image;
  std::map<std::string, uint64_t> entries;
};

/// Kernels for one target.
class CpuLab : public KernelLab {
public:
  using KernelLab::KernelLab;

  std::string obstacle() const override;
  LabKernels compile(const std::vector<KernelText> &texts) override;

protected:
  void addPreparation(mlir::PassManager &pm) override;
  void addGenerator(mlir::PassManager &pm) override;

private:
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
  std::vector<std::unique_ptr<MachineCode>> codes;
};

/// Tests that run for each target that this machine has.
class EachTarget : public testing::TestWithParam<const char *> {
protected:
  EachTarget() : lab(GetParam()) {}
  void SetUp() override {
    if (std::string obstacle = lab.obstacle(); !obstacle.empty())
      GTEST_SKIP() << obstacle;
  }
  /// Compiles and checks all.
  void checkAll(const std::vector<KernelText> &texts);

  CpuLab lab;
  RandomTensors random{1};
};

std::string targetTestName(const testing::TestParamInfo<const char *> &info);

#define MAMBA_FOR_EACH_TARGET(suite)                                           \
  INSTANTIATE_TEST_SUITE_P(                                                    \
      Targets, suite,                                                          \
      testing::Values("cpu:x86-64-v3", "cpu:x86-64-v4", "cpu:native"),         \
      targetTestName)

} // namespace mamba
