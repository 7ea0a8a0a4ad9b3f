// The factor of a row's root mean square norm.
#pragma once

#include "passes/gpu/GpuEmitter.h"

namespace mamba {

/// 1 / sqrt(mean(x[row]^2) + eps) of the view's columns, in all threads of the
/// block, which all take part and see the same row.
mlir::Value blockInverseRms(GpuEmitter &e, const View &x, mlir::Value row, double eps);

/// The same by one warp for itself.
mlir::Value warpInverseRms(GpuEmitter &e, const View &x, mlir::Value row, double eps);

/// The same of a row of `columns` numbers whose squares have been added up.
mlir::Value inverseRms(GpuEmitter &e, mlir::Value squares, int64_t columns, double eps);

} // namespace mamba
