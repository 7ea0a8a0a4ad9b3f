// Projections of many rows by tile registers: rows and matrices of bf16, sums of f32.
#pragma once

#include "passes/cpu/CpuEmitter.h"
#include "passes/target/Match.h"

namespace mamba {

/// Whether the projection's operands are what tiles of the target multiply.
bool takesTiles(LinearParts parts, const Target &target);

/// Its schedule, with mma = 32.
ssm::ScheduleAttr tileSchedule(LinearParts parts, const Target &target,
                               mlir::MLIRContext *context);

/// Whether a schedule with mma fits; if not, a phrase.
bool checkTileSchedule(LinearParts parts, const Target &target, ssm::ScheduleAttr schedule,
                       std::string &reason);

/// Writes the body of the kernel by tiles.
KernelGrid generateTiles(CpuEmitter &e, LinearParts parts);

} // namespace mamba
