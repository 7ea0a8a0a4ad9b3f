// A model's generation_config.json: how its authors would choose tokens.
#pragma once

#include "runtime/support/Status.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mamba {

/// The tokens that end a text, if somebody says; an empty list says that none
/// does.
using EndTokens = std::optional<std::vector<int32_t>>;

/// What the file says of what we do; what it leaves out is empty here. Values
/// are those that samplers take.
struct GenerationConfig {
  std::optional<bool> doSample; // false: greedy
  std::optional<double> temperature, topP, minP, repetitionPenalty;
  std::optional<uint32_t> topK;
  EndTokens endTokens;
};

/// Fails on malformed JSON, ill-typed values and values out of range, with key
/// and value; other keys are ignored. `what` names the text in messages.
Result<GenerationConfig> parseGenerationConfig(std::string_view text,
                                               const std::string &what);

/// `eos_token_id` of a configuration, an object: a number, a list, or null for
/// no token. The failure does not name the file.
Result<EndTokens> readEndTokens(const nlohmann::json &config);

} // namespace mamba
