// A program around kernels of a lab, as lowering makes it around a model's.
#pragma once

#include "dialects/plan/PlanDialect.h"

#include "mlir/IR/BuiltinOps.h"

namespace mamba {

/// Whether a program gives the argument a weight: static, and only read.
bool isWeightOfProgram(const plan::KernelArg &arg);

/// Adds a `plan.program` that dispatches each kernel once.
void addProgram(mlir::ModuleOp module,
                llvm::ArrayRef<plan::KernelOp> kernels);

} // namespace mamba
