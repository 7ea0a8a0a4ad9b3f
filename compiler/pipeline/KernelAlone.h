// A kernel by itself, through the stages after fusion.
#pragma once

#include "dialects/plan/PlanDialect.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"

namespace mamba {

/// Takes a module of one function with one kernel to phase kernels for the target,
/// like compileAlone.
mlir::FailureOr<plan::KernelOp> generateAlone(mlir::ModuleOp module, llvm::StringRef target);

/// Takes a module of one function with one kernel to phase llvm or nvvm for the
/// target; the kernel keeps its schedule if it has one. The module then holds this
/// plan.kernel and its code. Errors are diagnostics.
mlir::FailureOr<plan::KernelOp> compileAlone(mlir::ModuleOp module, llvm::StringRef target);

} // namespace mamba
