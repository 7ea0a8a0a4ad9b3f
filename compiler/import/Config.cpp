#include "compiler/import/Config.h"

#include "runtime/support/File.h"
#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cmath>

namespace mamba {
namespace {

using nlohmann::json;

/// A configuration is a page of text; more is a mistake.
constexpr uint64_t kMaxConfigBytes = 16 << 20;

bool has(const json &object, const char *key) {
  auto found = object.find(key);
  return found != object.end() && !found->is_null();
}

/// dt_rank: a number, or "auto" for ceil(D / 16).
Result<std::optional<int64_t>> getDtRank(const json &object, const char *key,
                                         int64_t width) {
  auto found = object.find(key);
  if (found == object.end() || !found->is_string())
    return getOptionalInt(object, key, 1, kMaxWidth);
  if (*found != "auto")
    return invalidData(inQuotes(key) + " must be an integer or \"auto\", got " +
                       inQuotes(found->get_ref<const std::string &>()));
  return std::optional<int64_t>((width + 15) / 16);
}

/// E = floor(expand * D); expand may be a fraction.
Result<std::optional<int64_t>> getExpandedWidth(const json &object,
                                                int64_t width) {
  MAMBA_ASSIGN_OR_RETURN(std::optional<double> expand,
                         getOptionalDouble(object, "expand"));
  if (!expand)
    return std::optional<int64_t>();
  double inner = *expand * double(width);
  if (!(inner >= 1 && inner <= double(kMaxInner)))
    return invalidData("'expand' times the model width must be between 1 and " +
                       std::to_string(kMaxInner));
  return std::optional<int64_t>(int64_t(inner));
}

/// Leaves `eps` as it is where the key is missing.
Status readEps(const json &object, const char *key, double &eps) {
  MAMBA_ASSIGN_OR_RETURN(std::optional<double> given,
                         getOptionalDouble(object, key));
  if (!given)
    return {};
  if (!(*given > 0 && *given < 1))
    return invalidData(inQuotes(key) + " must be between 0 and 1");
  eps = *given;
  return {};
}

/// Whether it is Falcon-Mamba and not Mamba-1, by its type or else its class.
Result<bool> isFalconMamba(const json &object) {
  MAMBA_ASSIGN_OR_RETURN(std::optional<std::string> type,
                         getOptionalString(object, "model_type"));
  if (type || !has(object, "architectures"))
    return type == "falcon_mamba";
  MAMBA_ASSIGN_OR_RETURN(std::vector<std::string> names,
                         getStringArray(object, "architectures"));
  return std::find(names.begin(), names.end(), "FalconMambaForCausalLM") !=
         names.end();
}

/// What both dialects may ask for and we cannot do.
Status refuseUnsupported(const json &object) {
  MAMBA_ASSIGN_OR_RETURN(std::optional<std::string> type,
                         getOptionalString(object, "model_type"));
  if (type && *type == "mamba2")
    return invalidData("mamba-2 checkpoints are not supported yet");
  if (type && *type != "mamba" && *type != "falcon_mamba")
    return invalidData("model type " + inQuotes(*type) +
                       " is not supported: expected 'mamba' or "
                       "'falcon_mamba'");

  MAMBA_ASSIGN_OR_RETURN(std::optional<bool> rmsNorm,
                         getOptionalBool(object, "rms_norm"));
  if (rmsNorm && !*rmsNorm)
    return invalidData("'rms_norm' is false: models with LayerNorm are not "
                       "supported yet");
  MAMBA_ASSIGN_OR_RETURN(std::optional<int64_t> mlp,
                         getOptionalInt(object, "d_intermediate", 0));
  if (mlp && *mlp > 0)
    return invalidData("'d_intermediate' is " + std::to_string(*mlp) +
                       ": models with MLP layers are not supported yet");
  MAMBA_ASSIGN_OR_RETURN(const json *attention,
                         getOptionalArray(object, "attn_layer_idx"));
  if (attention && !attention->empty())
    return invalidData("'attn_layer_idx' lists " +
                       std::to_string(attention->size()) +
                       " layers: attention layers are not supported yet");
  MAMBA_ASSIGN_OR_RETURN(std::optional<std::string> activation,
                         getOptionalString(object, "hidden_act"));
  if (activation && *activation != "silu")
    return invalidData("'hidden_act' is " + inQuotes(*activation) +
                       ", only 'silu' is supported");
  return {};
}

Result<ModelConfig> readHuggingFace(const json &object, bool isFalcon) {
  ModelConfig config;
  config.dialect = ConfigDialect::HuggingFace;
  if (isFalcon) {
    config.mixerEps = 1e-6;
    MAMBA_RETURN_IF_ERROR(readEps(object, "mixer_rms_eps", *config.mixerEps));
  } else if (!has(object, "model_type") && has(object, "architectures")) {
    MAMBA_ASSIGN_OR_RETURN(std::vector<std::string> names,
                           getStringArray(object, "architectures"));
    if (std::find(names.begin(), names.end(), "MambaForCausalLM") ==
        names.end())
      return invalidData("'architectures' must hold 'MambaForCausalLM' or "
                         "'FalconMambaForCausalLM', got " +
                         (names.empty() ? "none" : inQuotes(names.front())));
  }
  MAMBA_ASSIGN_OR_RETURN(config.width,
                         getInt(object, "hidden_size", 1, kMaxWidth));
  MAMBA_ASSIGN_OR_RETURN(config.layers,
                         getInt(object, "num_hidden_layers", 1, kMaxLayers));
  MAMBA_ASSIGN_OR_RETURN(int64_t vocab,
                         getInt(object, "vocab_size", 1, kMaxVocab));
  config.vocab = vocab;
  MAMBA_ASSIGN_OR_RETURN(
      config.inner, getOptionalInt(object, "intermediate_size", 1, kMaxInner));
  MAMBA_ASSIGN_OR_RETURN(std::optional<int64_t> expanded,
                         getExpandedWidth(object, config.width));
  // The published Falcon-Mamba has an 'expand' that means nothing.
  if (!isFalcon && config.inner && expanded && *config.inner != *expanded)
    return invalidData("'expand' times 'hidden_size' must be "
                       "'intermediate_size', got " +
                       std::to_string(*expanded) + " and " +
                       std::to_string(*config.inner));
  if (!config.inner)
    config.inner = expanded;
  MAMBA_ASSIGN_OR_RETURN(config.state,
                         getOptionalInt(object, "state_size", 1, kMaxState));
  MAMBA_ASSIGN_OR_RETURN(config.convWidth, getOptionalInt(object, "conv_kernel",
                                                          2, kMaxConvWidth));
  MAMBA_ASSIGN_OR_RETURN(config.dtRank,
                         getDtRank(object, "time_step_rank", config.width));
  MAMBA_ASSIGN_OR_RETURN(config.projectionBias,
                         getOptionalBool(object, "use_bias"));
  MAMBA_ASSIGN_OR_RETURN(config.convBias,
                         getOptionalBool(object, "use_conv_bias"));
  MAMBA_ASSIGN_OR_RETURN(config.tiedHead,
                         getOptionalBool(object, "tie_word_embeddings"));
  MAMBA_RETURN_IF_ERROR(readEps(object, "layer_norm_epsilon", config.eps));
  return config;
}

/// The keys of the mixer, under "ssm_cfg".
Status readMixer(const json &mixer, ModelConfig &config) {
  MAMBA_ASSIGN_OR_RETURN(std::optional<std::string> layer,
                         getOptionalString(mixer, "layer"));
  if (layer && *layer == "Mamba2")
    return invalidData("mamba-2 checkpoints are not supported yet");
  if (layer && *layer != "Mamba1")
    return invalidData("layer " + inQuotes(*layer) +
                       " is not supported: expected 'Mamba1'");
  MAMBA_ASSIGN_OR_RETURN(config.inner, getExpandedWidth(mixer, config.width));
  MAMBA_ASSIGN_OR_RETURN(config.state,
                         getOptionalInt(mixer, "d_state", 1, kMaxState));
  MAMBA_ASSIGN_OR_RETURN(config.convWidth,
                         getOptionalInt(mixer, "d_conv", 2, kMaxConvWidth));
  MAMBA_ASSIGN_OR_RETURN(config.dtRank,
                         getDtRank(mixer, "dt_rank", config.width));
  MAMBA_ASSIGN_OR_RETURN(config.projectionBias, getOptionalBool(mixer, "bias"));
  MAMBA_ASSIGN_OR_RETURN(config.convBias, getOptionalBool(mixer, "conv_bias"));
  return {};
}

Result<ModelConfig> readOriginal(const json &object) {
  ModelConfig config;
  config.dialect = ConfigDialect::Original;
  MAMBA_ASSIGN_OR_RETURN(config.width, getInt(object, "d_model", 1, kMaxWidth));
  MAMBA_ASSIGN_OR_RETURN(config.layers,
                         getInt(object, "n_layer", 1, kMaxLayers));
  MAMBA_ASSIGN_OR_RETURN(config.validVocab,
                         getInt(object, "vocab_size", 1, kMaxVocab));
  MAMBA_ASSIGN_OR_RETURN(
      std::optional<int64_t> multiple,
      getOptionalInt(object, "pad_vocab_size_multiple", 1, kMaxVocab));
  if (multiple) {
    config.vocab = (config.validVocab + *multiple - 1) / *multiple * *multiple;
    if (*config.vocab > kMaxVocab)
      return invalidData("the padded vocabulary has " +
                         std::to_string(*config.vocab) + " rows, more than " +
                         std::to_string(kMaxVocab));
  }
  MAMBA_ASSIGN_OR_RETURN(const json *mixer,
                         getOptionalObject(object, "ssm_cfg"));
  if (mixer)
    MAMBA_RETURN_IF_ERROR(readMixer(*mixer, config).withContext("'ssm_cfg'"));
  MAMBA_ASSIGN_OR_RETURN(config.tiedHead,
                         getOptionalBool(object, "tie_embeddings"));
  MAMBA_RETURN_IF_ERROR(readEps(object, "norm_epsilon", config.eps));
  return config;
}

Result<ModelConfig> readConfig(const json &object) {
  if (!object.is_object())
    return invalidData("a model's configuration must be an object, got " +
                       describeJsonKind(object));
  MAMBA_RETURN_IF_ERROR(refuseUnsupported(object));
  MAMBA_ASSIGN_OR_RETURN(bool isFalcon, isFalconMamba(object));
  // Hugging Face files often carry original keys too.
  if (isFalcon || has(object, "hidden_size"))
    return readHuggingFace(object, isFalcon);
  if (has(object, "d_model"))
    return readOriginal(object);
  return invalidData("the model's width is missing: expected 'hidden_size' "
                     "(Hugging Face) or 'd_model' (original)");
}

} // namespace

Result<ModelConfig> parseModelConfig(std::string_view text,
                                     const std::string &what) {
  MAMBA_ASSIGN_OR_RETURN(json object, parseJson(text, what));
  auto config = readConfig(object);
  if (!config.ok())
    return config.status().withContext(what);
  return config;
}

Result<ModelConfig> readModelConfig(const std::string &path) {
  MAMBA_ASSIGN_OR_RETURN(std::string text, readFile(path, kMaxConfigBytes));
  return parseModelConfig(text, inQuotes(path));
}

} // namespace mamba
