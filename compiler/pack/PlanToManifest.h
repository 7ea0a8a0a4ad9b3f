// The plan of a module as records of a manifest.
#pragma once

#include "dialects/plan/PlanDialect.h"
#include "passes/target/Target.h"
#include "runtime/pack/Manifest.h"
#include "runtime/support/Status.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <map>
#include <string>

namespace mamba {

/// The element type in files: f32, f16, bf16 or i32.
DType dtypeOf(mlir::Type elementType);

/// Adds the plan's kernels, recipe and programs to the manifest as a target
/// that has code and golden cases still to come; its entries and weights where
/// an earlier target has not brought them. `entries` are the offsets of the
/// kernels' symbols in the code. Fails if a kernel has no code, grid or
/// scratch.
Status addTarget(Manifest &manifest, mlir::ModuleOp plan, const Target &target,
                 const std::map<std::string, uint64_t> &entries);

} // namespace mamba
