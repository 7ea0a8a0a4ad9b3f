// A whole model on the GPU: does it load, is every kernel right, how long do its
// steps and each of their kernels take.
#pragma once

#include "bench/gpu/Rows.h"

namespace mamba::bench {

/// Of an element of the plan's models, with weights from a seed. Without kernels
/// only steps are timed: for other ways to launch.
Status timeModel(const CheckFolder &folder, const nlohmann::json &model, unsigned ordinal,
                 bool hasKernels);

/// Every kernel of its pack against the golden vectors, in the form that
/// MAMBA_CUDA_PREFER names.
Status testKernels(const CheckFolder &folder, const nlohmann::json &model, unsigned ordinal);

} // namespace mamba::bench
