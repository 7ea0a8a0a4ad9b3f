#pragma once

#include "mlir/Pass/Pass.h"

namespace mamba {

#define GEN_PASS_DECL
#include "passes/gpu/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/gpu/Passes.h.inc"

/// From what the generators write to the nvvm dialect; runs on the gpu.module.
void buildGpuLegalization(mlir::OpPassManager &pm);

} // namespace mamba
