// Projections by f32 multiply-adds, of rows and matrices of every format.
#pragma once

#include "passes/cpu/CpuEmitter.h"
#include "passes/target/Match.h"

namespace mamba {

/// Its schedule: with k_block for many rows.
ssm::ScheduleAttr fmaSchedule(LinearParts parts, const Target &target, TokenClass tokens,
                              mlir::MLIRContext *context);

/// Whether a schedule without mma fits; if not, a phrase.
bool checkFmaSchedule(LinearParts parts, const Target &target, ssm::ScheduleAttr schedule,
                      std::string &reason);

/// Writes the body of the kernel by multiply-adds.
KernelGrid generateFma(CpuEmitter &e, LinearParts parts);

} // namespace mamba
