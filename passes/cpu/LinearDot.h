// Products of integers: rows of int8 by quantised matrices, four k at a time.
#pragma once

#include "passes/cpu/Int8Rows.h"
#include "passes/cpu/PanelProduct.h"

namespace mamba {

/// Whether the target has the instruction for it, with so many lanes.
bool takesDots(const Target &target, int64_t lanes);
/// In which form rows are read for this matrix, in panels.
Int8Rows::Form formOfRows(mlir::Value matrix);

/// Adds the products of one group of `count` steps of k, at most 32, to the sums of a
/// tile: the integers' sum is exact, so the result is that of multiply-adds of the same
/// integers in f32.
llvm::SmallVector<mlir::Value> dotGroup(CpuEmitter &e, const PanelTile &tile,
                                        const WeightPanel &weights, mlir::Value k, int64_t count,
                                        mlir::ValueRange sums);

} // namespace mamba
