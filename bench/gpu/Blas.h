// NVIDIA's matrix products on the shapes of our projections, where its library is.
#pragma once

#include "bench/gpu/Rows.h"
#include "runtime/device/cuda/Gpu.h"

namespace mamba::bench {

/// bf16 with f32 sums, for each model of the plan; a row a shape. Unavailable if
/// there is no libcublas.
Status timeBlas(const CheckFolder &folder, const std::shared_ptr<const cuda::Gpu> &gpu);

} // namespace mamba::bench
