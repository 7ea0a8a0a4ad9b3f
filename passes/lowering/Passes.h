// The passes that make kernels and a plan of fused functions; Passes.td has
// the documentation.
#pragma once

#include "dialects/plan/PlanDialect.h"
#include "dialects/ssm/SSMDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mamba {

#define GEN_PASS_DECL
#include "passes/lowering/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/lowering/Passes.h.inc"

} // namespace mamba
