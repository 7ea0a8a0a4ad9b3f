#include "runtime/pack/GenerationConfig.h"

#include "runtime/support/Format.h"
#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"

namespace mamba {
namespace {

using nlohmann::json;

/// As the command line of mamba-run has it.
constexpr double kMost = 1e30;

/// A number that `accept` takes; `wish` names these. Not NaN, if `accept` is
/// written so.
template <typename Accept>
Result<std::optional<double>> readNumber(const json &object, const char *key,
                                         Accept accept, const char *wish) {
  MAMBA_ASSIGN_OR_RETURN(std::optional<double> value,
                         getOptionalDouble(object, key));
  if (value && !accept(*value))
    return invalidData(inQuotes(key) + " must be " + wish +
                       format(", got %.9g", *value));
  return value;
}

Result<GenerationConfig> read(const json &object) {
  if (!object.is_object())
    return invalidData("must be an object, got " + describeJsonKind(object));
  GenerationConfig config;
  MAMBA_ASSIGN_OR_RETURN(config.doSample, getOptionalBool(object, "do_sample"));
  MAMBA_ASSIGN_OR_RETURN(config.temperature,
                         readNumber(
                             object, "temperature",
                             [](double v) { return v >= 0 && v <= kMost; },
                             "a finite number of at least 0 and at most "
                             "1e30"));
  MAMBA_ASSIGN_OR_RETURN(std::optional<int64_t> topK,
                         getOptionalInt(object, "top_k", 0, UINT32_MAX));
  if (topK)
    config.topK = uint32_t(*topK);
  MAMBA_ASSIGN_OR_RETURN(config.topP,
                         readNumber(
                             object, "top_p",
                             [](double v) { return v > 0 && v <= 1; },
                             "above 0 and at most 1"));
  MAMBA_ASSIGN_OR_RETURN(config.minP,
                         readNumber(
                             object, "min_p",
                             [](double v) { return v >= 0 && v <= 1; },
                             "between 0 and 1"));
  MAMBA_ASSIGN_OR_RETURN(config.repetitionPenalty,
                         readNumber(
                             object, "repetition_penalty",
                             [](double v) { return v > 0 && v <= kMost; },
                             "above 0 and at most 1e30"));
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
