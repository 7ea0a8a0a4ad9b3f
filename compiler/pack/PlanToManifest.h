// The plan of a module as records of a manifest.
#pragma once

#include "dialects/plan/PlanDialect.h"
#include "passes/target/Target.h"
#include "runtime/pack/Manifest.h"
#include "runtime/support/Status.h"

#include "mlir/IR/BuiltinOps.h"

namespace mamba {

/// The element type in files: f32, f16, bf16 or i32.
DType dtypeOf(mlir::Type elementType);

/// A kernel's grid; `rows` are those of its dispatch.
Grid gridOf(plan::GridAttr grid, RowCount rows);

/// Adds the plan's kernels, recipe and programs to the manifest as a target
/// that has code, the kernels' places in it and golden cases still to come; its
/// entries and weights where an earlier target has not brought them. Fails if a
/// kernel has no grid or scratch.
Status addTarget(Manifest &manifest, mlir::ModuleOp plan, const Target &target);

} // namespace mamba
