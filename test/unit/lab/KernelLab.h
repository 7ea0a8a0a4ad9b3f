// Kernels that tests write as text, compiled together for one target.
#pragma once

#include "test/unit/lab/LabKernel.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"

#include <memory>
#include <string>
#include <vector>

namespace mamba {

using LabKernels = std::vector<std::unique_ptr<LabKernel>>;

class KernelLab {
public:
  explicit KernelLab(const std::string &target);
  virtual ~KernelLab() = default;

  /// Why this machine cannot run the target's code; empty if it can.
  virtual std::string obstacle() const { return {}; }
  /// Compiles the kernels, one for each text; the tests fail if that fails.
  virtual LabKernels compile(const std::vector<KernelText> &texts) = 0;
  /// The module of functions around the kernels, parsed only.
  mlir::OwningOpRef<mlir::ModuleOp> parse(const std::vector<KernelText> &texts);

protected:
  /// A plan.kernel for each text, as the device's generators wrote it; no
  /// module after a failure of the test.
  struct Generated {
    mlir::OwningOpRef<mlir::ModuleOp> module;
    std::vector<plan::KernelOp> kernels;
  };
  Generated generate(const std::vector<KernelText> &texts);
  /// The passes that prepare kernels in functions, and those that write the
  /// code of a plan's.
  virtual void addPreparation(mlir::PassManager &pm) = 0;
  virtual void addGenerator(mlir::PassManager &pm) = 0;

  std::string target;

private:
  mlir::MLIRContext context;
};

} // namespace mamba
