// Kernels of rows by themselves, and of weights, as text.
#pragma once

#include "test/unit/lab/KernelText.h"

namespace mamba {

// Rows of width D.
std::vector<KernelText> embeddingTexts(int64_t D);
std::vector<KernelText> normTexts(int64_t D);
std::vector<KernelText> expressionTexts(int64_t D);
/// Parts are read in place, at odd offsets, or written each to its own buffer.
std::vector<KernelText> splitTexts(int64_t D);
std::vector<KernelText> lastRowTexts(int64_t D);
/// Tokens of rows of V logits, of which the first `valid` count.
KernelText argmaxText(int64_t V, int64_t valid);
KernelText sampleText(int64_t V, int64_t valid);

// Weights.
/// Between all pairs of f32, bf16 and f16.
std::vector<KernelText> castTexts();
/// Decay, scale and scale_columns of E rows.
std::vector<KernelText> decayTexts(int64_t E);
/// A scaled weight of another shape.
KernelText reshapeText();

/// All texts of each value.
template <typename Texts>
std::vector<KernelText> ofEach(const std::vector<int64_t> &values,
                               Texts texts) {
  std::vector<KernelText> all;
  for (int64_t value : values)
    for (KernelText &text : texts(value))
      all.push_back(std::move(text));
  return all;
}

} // namespace mamba
