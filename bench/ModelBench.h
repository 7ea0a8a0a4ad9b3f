// Benchmarks of a whole model through the runtime's public interface.
#pragma once

#include "bench/Machine.h"

#include <string>

namespace mamba::bench {

/// Registers a decode step and a prefill of `tokens` of the pack, with the
/// weights of the checkpoint; `prefillFlops` are those of the projections of
/// the prefill. On failure `error` has one line.
bool registerModel(const std::string &pack, const std::string &checkpoint, int64_t tokens,
                   double prefillFlops, const Machine &machine, std::string &error);

} // namespace mamba::bench
