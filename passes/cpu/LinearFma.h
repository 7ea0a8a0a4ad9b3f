// Projections by f32 multiply-adds, of rows and matrices of every format, and in the
// same tiles those by products of integers or of matrices of bf16.
#pragma once

#include "passes/cpu/CpuEmitter.h"
#include "passes/target/Match.h"

namespace mamba {

/// Its schedule: with k_block for many rows.
ssm::ScheduleAttr fmaSchedule(LinearParts parts, const Target &target, TokenClass tokens,
                              mlir::MLIRContext *context);

/// Whether a schedule without mma fits, or with mma on AArch64; if not, a phrase.
bool checkFmaSchedule(LinearParts parts, const Target &target, ssm::ScheduleAttr schedule,
                      std::string &reason);

/// Writes the body of the kernel.
KernelGrid generateFma(CpuEmitter &e, LinearParts parts);

} // namespace mamba
