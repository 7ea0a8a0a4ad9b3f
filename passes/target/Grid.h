// The grid of a generated kernel as its plan has it.
#pragma once

#include "dialects/plan/PlanDialect.h"
#include "passes/target/KernelEmitter.h"

namespace mamba {

plan::GridAttr gridAttr(mlir::MLIRContext *context, const KernelGrid &grid);

} // namespace mamba
