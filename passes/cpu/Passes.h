// Passes of the CPU stage; Passes.td has the documentation.
#pragma once

#include "mlir/Pass/Pass.h"

namespace mamba {

#define GEN_PASS_DECL
#include "passes/cpu/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/cpu/Passes.h.inc"

/// Takes the functions that the generators wrote, in a module of their own, to
/// the llvm dialect, entries of the kernel ABI included.
void buildCpuLegalization(mlir::OpPassManager &pm);

} // namespace mamba
