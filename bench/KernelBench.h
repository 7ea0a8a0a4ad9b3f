// Benchmarks of each kernel of a model by itself.
#pragma once

#include "bench/Machine.h"

#include <string>

namespace mamba::bench {

/// Compiles the checkpoint for cpu:native and registers a benchmark for each
/// kernel of a decode step and of a prefill of `tokens`. On failure `error` has
/// one line. `prefillFlops` receives those of all projections of a prefill.
bool registerKernels(const std::string &checkpoint, int64_t tokens, const Machine &machine,
                     double &prefillFlops, std::string &error);

} // namespace mamba::bench
