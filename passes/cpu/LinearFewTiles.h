// Projections of some few rows of bf16 by tile registers, of fewer by multiply-adds.
#pragma once

#include "passes/cpu/CpuEmitter.h"
#include "passes/target/Match.h"

namespace mamba {

/// Whether the kernel's operands are such: rows and a matrix of bf16 whose K fills
/// products of tiles.
bool takesFewTiles(LinearParts parts, const Target &target);

/// Its schedule, for classes of few rows: with mma, without k_block.
ssm::ScheduleAttr fewTileSchedule(LinearParts parts, const Target &target,
                                  mlir::MLIRContext *context);

/// Whether such a schedule fits; if not, a phrase.
bool checkFewTileSchedule(LinearParts parts, const Target &target, ssm::ScheduleAttr schedule,
                          std::string &reason);

/// Writes the body of the kernel.
KernelGrid generateFewTiles(CpuEmitter &e, LinearParts parts);

} // namespace mamba
