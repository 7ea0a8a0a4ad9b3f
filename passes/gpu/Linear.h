// The forms of a projection on a GPU, and what they share.
#pragma once

#include "passes/gpu/GpuEmitter.h"
#include "passes/target/Match.h"

namespace mamba {

/// Tiles of row_block by col_block outputs: many rows. LinearTiles.cpp.
KernelGrid linearTiles(GpuEmitter &e, const LinearParts &parts);

/// Some lanes for col_tile columns of row_block rows, each over its part of k:
/// few rows. LinearFewRows.cpp.
KernelGrid linearFewRows(GpuEmitter &e, const LinearParts &parts);

/// Whether a schedule asks for that, or for few rows on the matrix unit: it says how
/// many lanes share a column.
inline bool isFewRows(ssm::ScheduleAttr schedule) { return schedule.getLanes() > 0; }

/// An output from its sum over k: times the norm's factor, plus the bias (null:
/// none), then the elementwise ops; `load` gives the element of a view there.
mlir::Value finishLinear(GpuEmitter &e, const LinearParts &parts, mlir::Value sum,
                         mlir::Value factor, mlir::Value bias,
                         const std::function<mlir::Value(const View &)> &load);

} // namespace mamba
