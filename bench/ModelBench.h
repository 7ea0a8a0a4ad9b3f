// Benchmarks of a whole model through the runtime's public interface.
#pragma once

#include "bench/KernelBench.h"

#include <memory>
#include <string>

namespace mamba::bench {

/// Registers a decode step and the prefills of the pack, with the weights of
/// the checkpoint; `work` is that of its prefill. On failure `error` has one line.
bool registerModel(const std::string &pack, const KernelOptions &options, const ModelWork &work,
                   std::shared_ptr<const Machine> machine, std::string &error);

} // namespace mamba::bench
