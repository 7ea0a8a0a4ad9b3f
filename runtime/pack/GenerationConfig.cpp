#include "runtime/pack/GenerationConfig.h"

#include "runtime/support/Format.h"
#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"
#include "runtime/support/SamplingRanges.h"

#include <cmath>
#include <cstdint>

namespace mamba {
namespace {

using nlohmann::json;

Result<std::optional<double>> readNumber(const json &object, const char *key,
                                         const NumberRange &range) {
  MAMBA_ASSIGN_OR_RETURN(std::optional<double> value,
                         getOptionalDouble(object, key));
  if (value && !range.accepts(*value))
    return invalidData(inQuotes(key) + " must be " + range.wish +
                       format(", got %.9g", *value));
  return value;
}

/// 50.0 is 50. Every token is meant by 0, as in transformers, and by -1, as others
/// write it, who read that file too.
Result<std::optional<uint32_t>> readTopK(const json &object) {
  MAMBA_ASSIGN_OR_RETURN(std::optional<double> value,
                         getOptionalDouble(object, "top_k"));
  if (!value)
    return std::optional<uint32_t>();
  if (*value == -1)
    return std::optional<uint32_t>(0);
  if (!(*value >= 0 && *value <= UINT32_MAX && *value == std::floor(*value)))
    return invalidData(inQuotes("top_k") +
                       format(" must be an integer from 0 to 4294967295, or -1 "
                              "for every token, got %.17g",
                              *value));
  return std::optional<uint32_t>(uint32_t(*value));
}

Result<GenerationConfig> read(const json &object) {
  if (!object.is_object())
    return invalidData("must be an object, got " + describeJsonKind(object));
  GenerationConfig config;
  MAMBA_ASSIGN_OR_RETURN(config.doSample, getOptionalBool(object, "do_sample"));
  MAMBA_ASSIGN_OR_RETURN(config.temperature,
                         readNumber(object, "temperature", kTemperatureRange));
  MAMBA_ASSIGN_OR_RETURN(config.topK, readTopK(object));
  MAMBA_ASSIGN_OR_RETURN(config.topP, readNumber(object, "top_p", kTopPRange));
  MAMBA_ASSIGN_OR_RETURN(config.minP, readNumber(object, "min_p", kMinPRange));
  MAMBA_ASSIGN_OR_RETURN(
      config.repetitionPenalty,
      readNumber(object, "repetition_penalty", kRepetitionPenaltyRange));
  MAMBA_ASSIGN_OR_RETURN(config.endTokens, readEndTokens(object));
  return config;
}

} // namespace

Result<EndTokens> readEndTokens(const json &config) {
  constexpr const char *kKey = "eos_token_id";
  constexpr int64_t kLast = std::numeric_limits<int32_t>::max();
  auto found = config.find(kKey);
  if (found == config.end())
    return EndTokens();
  std::vector<int64_t> values;
  if (found->is_array()) {
    MAMBA_ASSIGN_OR_RETURN(values, getIntArray(config, kKey, 0, kLast));
  } else if (!found->is_null()) {
    MAMBA_ASSIGN_OR_RETURN(int64_t value, getInt(config, kKey, 0, kLast));
    values = {value};
  }
  return EndTokens(std::vector<int32_t>(values.begin(), values.end()));
}

Result<GenerationConfig> parseGenerationConfig(std::string_view text,
                                               const std::string &what) {
  MAMBA_ASSIGN_OR_RETURN(json object, parseJson(text, what));
  JsonScope scope(object);
  Result<GenerationConfig> config = read(object);
  return config.ok() ? config : config.status().withContext(what);
}

} // namespace mamba
