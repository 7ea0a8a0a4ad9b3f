// What follows the sums of a projection, for every way to make them.
#pragma once

#include "passes/cpu/CpuEmitter.h"
#include "passes/target/Match.h"

namespace mamba {

/// Takes a vector of sums, of outputs from `column` on, through the norm's
/// factor (a vector; null: none), the bias and the elementwise ops, and writes
/// it to every result. Columns from parts.O on are not written.
void writeOutputs(CpuEmitter &e, LinearParts parts, mlir::Value sums, mlir::Value factor,
                  mlir::Value row, mlir::Value column);

} // namespace mamba
