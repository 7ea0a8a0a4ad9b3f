// What follows the sums of a projection, for every way to make them.
#pragma once

#include "passes/cpu/CpuEmitter.h"
#include "passes/target/Match.h"

namespace mamba {

/// A row of outputs.
struct OutputRow {
  mlir::Value row;
  mlir::Value factor; // of the norm, in each lane; null: none
  mlir::Value slot;   // of its sequence; null: no convolution of a decode step
};
/// With the slot, if the outputs go through a convolution: in steps of at most one
/// row a sequence.
OutputRow outputRow(CpuEmitter &e, LinearParts parts, mlir::Value row, mlir::Value factor);

/// Takes a vector of sums, of outputs from `column` on, through the norm's factor, the
/// bias, the elementwise ops and the convolution, and writes it to every result.
/// Columns from parts.O on are not written.
void writeOutputs(CpuEmitter &e, LinearParts parts, mlir::Value sums, const OutputRow &row,
                  mlir::Value column);

/// The parts of that: the outputs, and what becomes of them.
mlir::Value outputsOf(CpuEmitter &e, LinearParts parts, mlir::Value sums, mlir::Value factor,
                      mlir::Value column);
void writeFinished(CpuEmitter &e, LinearParts parts, mlir::Value outputs, const OutputRow &row,
                   mlir::Value column);

} // namespace mamba
