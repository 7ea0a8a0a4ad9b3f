// A model's config.json, in the two dialects that Mamba checkpoints come with.
// Needs no LLVM.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mamba {

enum class ConfigDialect {
  HuggingFace, // hidden_size, num_hidden_layers, ...
  Original,    // d_model, n_layer, ssm_cfg, ...
};

/// What a config.json says of a Mamba-1 or Falcon-Mamba model. A size that it
/// leaves out is empty here: checkpoints tell it by their shapes, defaults are
/// not trusted. Every size is positive and small enough that products of two
/// fit int64_t.
struct ModelConfig {
  ConfigDialect dialect = ConfigDialect::HuggingFace;
  int64_t width = 0; // D
  int64_t layers = 0;
  std::optional<int64_t> vocab; // V, rows of the embedding, padding included
  int64_t validVocab = 0;       // tokens without the padding, 0 if unknown
  std::optional<int64_t> inner; // E
  std::optional<int64_t> state; // N
  std::optional<int64_t> convWidth;   // W, at least 2
  std::optional<int64_t> dtRank;      // R
  std::optional<bool> projectionBias; // of in_proj and out_proj
  std::optional<bool> convBias;
  std::optional<bool> tiedHead;
  double eps = 1e-5;
  /// Of the norms of d, B and C, which Falcon-Mamba has and Mamba-1 has not.
  std::optional<double> mixerEps;
};

/// Largest sizes that are taken; above them a config is refused.
inline constexpr int64_t kMaxWidth = 1 << 20, kMaxInner = 1 << 21,
                         kMaxState = 1 << 16, kMaxConvWidth = 1 << 10,
                         kMaxLayers = 1 << 12, kMaxVocab = 1 << 27;

/// Fails on malformed JSON, a missing or ill-typed key, sizes out of range and
/// architectures or features that cannot be imported. `what` names the text in
/// messages.
Result<ModelConfig> parseModelConfig(std::string_view text,
                                     const std::string &what);

/// The same for a file.
Result<ModelConfig> readModelConfig(const std::string &path);

} // namespace mamba
