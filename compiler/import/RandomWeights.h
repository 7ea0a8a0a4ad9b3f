// Checkpoints with random weights, for benchmarks and tests. Needs no LLVM.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <string>

namespace mamba {

struct RandomWeightsOptions {
  uint64_t seed = 0;
  bool overwrite = false; // an existing checkpoint in the folder
};

/// Writes `dir`/config.json, a copy of `configPath`, and `dir`/
/// model.safetensors in F32 under the names of the config's dialect; makes
/// `dir` if it is missing. What the config leaves out has mamba_ssm's
/// defaults. The same seed and config give the same bytes. Weights are
/// streamed: a model larger than memory is fine.
Status writeRandomCheckpoint(const std::string &configPath,
                             const std::string &dir,
                             const RandomWeightsOptions &options);

} // namespace mamba
