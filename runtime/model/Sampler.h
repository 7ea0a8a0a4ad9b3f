// Chooses tokens from logits: filters, a softmax in float64, a draw.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace mamba {

/// What the fields mean and the order in which they apply stand in
/// mamba/runtime.h.
struct SamplerOptions {
  double repetitionPenalty = 1;
  double temperature = 1;
  uint32_t topK = 0;
  double topP = 1;
  double minP = 0;
  uint64_t seed = 0;

  Status validate() const;
  bool operator==(const SamplerOptions &) const = default;
};

/// All that a sampler remembers, for state files.
struct SamplerState {
  SamplerOptions options;
  uint64_t draws = 0; // random numbers drawn so far
  std::vector<std::pair<int32_t, uint64_t>> counts; // token, times; by token
};

/// One choice's numbers in float32, as the entry `sample` of a pack takes them.
struct SamplerDraw {
  float u, temperature, topP, minP;
  int32_t topK;
};

class Sampler {
public:
  /// Of `vocabSize` columns the first `validVocabSize` may be chosen.
  static Result<Sampler> create(int64_t vocabSize, int64_t validVocabSize,
                                const SamplerOptions &options);

  uint64_t vocabSize() const { return counts_.size(); }
  uint64_t validVocabSize() const { return validVocabSize_; }
  const SamplerOptions &options() const { return options_; }
  /// Another seed starts its numbers from the first; the same one goes on.
  Status setOptions(const SamplerOptions &options);

  /// The sequence has got these tokens. Takes no memory; a failure changes
  /// nothing.
  Status accept(std::span<const int32_t> tokens);
  /// Forgets all tokens and starts the random numbers from the first.
  void reset();

  /// Chooses from logits [vocabSize].
  Result<int32_t> sample(std::span<const float> logits);

  /// Whether the choice depends on the tokens so far, not on logits alone.
  bool needsHistory() const { return options_.repetitionPenalty != 1; }
  /// For a device that chooses instead: the numbers of the next choice, or of
  /// the one `ahead` after it. If none of them draws, `u` is not used.
  SamplerDraw drawFor(uint64_t ahead) const;
  /// Random numbers drawn so far; to set it back undoes a choice.
  uint64_t draws() const { return draws_; }
  void setDraws(uint64_t draws) { draws_ = draws; }
  /// A device has chosen by drawFor(0).
  void countDraw() { draws_ += isGreedy() ? 0 : 1; }

  SamplerState state() const;
  /// Checks everything first: a failure changes nothing.
  Status restore(const SamplerState &state);

private:
  struct Candidate {
    double weight; // of the softmax: 1 for the most probable one
    int32_t token;
  };
  Sampler() = default;
  bool isGreedy() const {
    return options_.temperature == 0 || options_.topK == 1;
  }
  /// Whether minP leaves a weight; of the largest, 1, it does.
  bool isKept(double weight) const {
    return weight > 0 && weight >= options_.minP;
  }
  Status scoreTokens(std::span<const float> logits);
  bool isBetter(int32_t a, int32_t b) const;
  void sortCandidates(size_t first, size_t last);
  void sortById();
  void takeBest(double largest);
  void keepTopP();
  int32_t drawCandidate();
  template <typename TokenOf>
  int32_t drawAmong(std::span<const double> weights, TokenOf tokenOf);

  SamplerOptions options_;
  uint64_t validVocabSize_ = 0;
  uint64_t draws_ = 0;
  std::vector<uint64_t> counts_; // [vocabSize]
  std::vector<int32_t> seen_;    // tokens with a count, as first accepted

  // Scratch of sample(), kept to spare the allocation.
  std::vector<double> scores_, weights_;
  std::vector<Candidate> candidates_;
};

} // namespace mamba
