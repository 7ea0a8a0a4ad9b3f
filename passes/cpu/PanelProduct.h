// The innermost product of rows by a packed panel, shared by projections and
// by the dt projection of the scan.
#pragma once

#include "passes/cpu/CpuEmitter.h"

namespace mamba {

/// acc[i * vectors + j] = sum_k x[row i, k] * packed[panel, k, j * lanes ...],
/// summed over k in order: the result does not depend on how many rows or
/// vectors are computed together. packed is [panels, K, block], block >=
/// vectors * lanes.
llvm::SmallVector<mlir::Value> panelProduct(CpuEmitter &e, const View &x,
                                            llvm::ArrayRef<mlir::Value> rows, mlir::Value packed,
                                            mlir::Value panel, int64_t vectors);

/// 1 / sqrt(mean(x[row]^2) + eps) as a scalar, summed in a fixed order.
mlir::Value inverseRms(CpuEmitter &e, const View &x, mlir::Value row, double eps);

} // namespace mamba
