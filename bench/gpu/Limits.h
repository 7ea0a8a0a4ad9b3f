// What the GPU can do at most, measured.
#pragma once

#include "bench/gpu/Rows.h"
#include "runtime/device/cuda/Gpu.h"

namespace mamba::bench {

/// A row a limit: memory and L2 bandwidth, special functions, multiply-adds, the
/// matrix unit by mma.sync, launches, a barrier of the grid. The kernels are the
/// folder's limits/CHIP.ptx, of the newest chip that the GPU runs.
Status measureLimits(const CheckFolder &folder, const std::shared_ptr<const cuda::Gpu> &gpu);

} // namespace mamba::bench
