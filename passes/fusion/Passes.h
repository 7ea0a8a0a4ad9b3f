// The passes that group the ops of the model into kernels; Passes.td has the
// documentation.
#pragma once

#include "passes/target/ScheduleDatabase.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace mamba {

#define GEN_PASS_DECL
#include "passes/fusion/Passes.h.inc"

/// With schedules that were found before, of which those of `chip` come first.
std::unique_ptr<mlir::Pass>
createAssignSchedulesPass(std::shared_ptr<const ScheduleDatabase> found, std::string chip);

#define GEN_PASS_REGISTRATION
#include "passes/fusion/Passes.h.inc"

} // namespace mamba
