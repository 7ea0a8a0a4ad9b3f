// How the verbs that make text choose tokens: options, samplers, ends.
#pragma once

#include "tools/mamba-run/Common.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace mamba::run {

/// What the command line says; the rest is left as it is.
struct SamplingOptions {
  std::optional<double> temperature, topP, minP, repetitionPenalty;
  std::optional<uint32_t> topK;
  std::optional<uint64_t> seed;
  bool greedy = false;
};

void addSamplingOptions(CLI::App &verb, SamplingOptions &options);

/// With what the pack's generation_config.json says.
Result<Handle<mamba_sampler>> createSampler(const Runtime &runtime);
/// Tells on stderr what of that is still as it says.
Status noteGenerationConfig(const Runtime &runtime,
                            const mamba_sampler *sampler);
Status setSampling(mamba_sampler *sampler, const SamplingOptions &options);

/// The tokens that end a text.
Result<std::vector<int32_t>> endTokens(const Runtime &runtime);

} // namespace mamba::run
