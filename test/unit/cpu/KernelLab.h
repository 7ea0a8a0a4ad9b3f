// Compiles kernels that tests write as text, and runs them beside the float64
// reference.
#pragma once

#include "compiler/reference/Reference.h"
#include "dialects/plan/PlanDialect.h"
#include "runtime/device/cpu/ElfImage.h"
#include "test/unit/reference/TestTensors.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mamba {

using reference::BatchValue;
using reference::RandomTensors;
using reference::Tensor;

// Types in MLIR's syntax.
std::string rowsType(int64_t width); // tensor<?xWIDTHxf32>
std::string weightType(std::vector<int64_t> shape,
                       const std::string &element = "f32");
std::string poolType(int64_t rows,
                     int64_t columns); // tensor<?xROWSxCOLUMNSxf32>
inline const std::string batchType = "!ssm.batch";
inline const std::string tokensType = "tensor<?xi32>";

/// One ssm.kernel as text.
struct KernelText {
  /// An operand, %name inside; its values are drawn from [lo, hi), tokens from
  /// the integers there.
  struct Arg {
    std::string name, type;
    double lo = -1, hi = 1;
  };
  struct Yield {
    std::string name, type;
  };
  std::vector<Arg> args;
  std::string ops;
  std::vector<Yield> yields;
  std::string schedule = {}; // "<lanes = 8, ...>"; empty: the generator's own
  std::string tokenClass = "prefill";
  double tolerance =
      4e-6; // of each element, relative to it plus the root mean square

  /// As a function of that name around it.
  std::string function(const std::string &name) const;
};

/// Values for the operands of a kernel.
struct KernelInputs {
  BatchValue batch;
  std::vector<reference::Value> operands;
};

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

enum class TileOrder { Rising, Falling };

/// A compiled kernel; outlived by its lab.
class LabKernel {
public:
  LabKernel(KernelText text, plan::KernelOp planned, MambaKernel code)
      : text(std::move(text)), planned(planned), code(code) {}

  std::string describe() const;
  double tolerance() const { return text.tolerance; }
  /// Whether it works on sequences or rows, rather than on weights alone.
  bool hasRows() const;
  /// Of the i-th operand as the kernel takes it, packed perhaps.
  mlir::RankedTensorType operandType(unsigned i) const;

  /// Pools have three slots more than the batch has sequences.
  KernelInputs randomInputs(const BatchValue &batch,
                            RandomTensors &random) const;
  /// The results of the region, in order.
  std::vector<Tensor> reference(const KernelInputs &inputs) const;
  /// The same from the machine code, a pool as it is left. Results start as
  /// NaNs, and so does scratch memory before each tile. Reports a kernel that
  /// writes outside of its buffers or into an operand.
  std::vector<Tensor> run(const KernelInputs &inputs,
                          TileOrder order = TileOrder::Rising) const;

  /// Compares the machine code with the reference, in both orders of tiles, on
  /// ragged batches: see KernelLab.cpp.
  void check(RandomTensors &random) const;

private:
  void checkOn(const BatchValue &batch, RandomTensors &random) const;
  plan::KernelOp op() const { return planned; }

  KernelText text;
  plan::KernelOp planned;
  MambaKernel code;
};

/// A target, and kernels compiled for it together.
class KernelLab {
public:
  explicit KernelLab(const std::string &target);

  /// Why this machine cannot run the target's code; empty if it can.
  std::string obstacle() const;
  /// Compiles the kernels; the tests fail if that fails.
  std::vector<LabKernel> compile(const std::vector<KernelText> &texts);
  /// The module of functions around the kernels, parsed only.
  mlir::OwningOpRef<mlir::ModuleOp> parse(const std::vector<KernelText> &texts);

private:
  std::string target;
  mlir::MLIRContext context;
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
  std::vector<std::unique_ptr<MachineCode>> codes;
};

/// A slot permutation over as many slots as the pools of randomInputs have.
BatchValue shuffledBatch(const std::vector<int64_t> &lengths,
                         RandomTensors &random);

bool sameBits(const Tensor &a, const Tensor &b);
bool sameBits(const std::vector<Tensor> &a, const std::vector<Tensor> &b);

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

  KernelLab lab;
  RandomTensors random{1};
};

std::string targetTestName(const testing::TestParamInfo<const char *> &info);

#define MAMBA_FOR_EACH_TARGET(suite)                                           \
  INSTANTIATE_TEST_SUITE_P(                                                    \
      Targets, suite,                                                          \
      testing::Values("cpu:x86-64-v3", "cpu:x86-64-v4", "cpu:native"),         \
      targetTestName)

} // namespace mamba
