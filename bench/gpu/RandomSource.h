// Weights for a pack that has none at hand, from a seed: what a kernel costs
// does not hang on them, as long as nothing overflows.
#pragma once

#include "runtime/device/Device.h"

#include <map>

namespace mamba::bench {

/// Makes all of a manifest's checkpoint at once, on all processors. Norms and
/// skips are 1, A is -1, -2, ... by state, time steps lie between 0.001 and 0.1,
/// other biases are small and matrices uniform with deviation 1/sqrt(columns),
/// tables 0.02, so that logits stay finite.
class RandomSource final : public WeightSource {
public:
  static Result<std::shared_ptr<RandomSource>> create(const Manifest &manifest, uint64_t seed);
  ~RandomSource() override;
  Result<std::span<const uint8_t>> find(const WeightSpec &spec) override;

private:
  RandomSource() = default;
  std::map<std::string, std::span<const uint8_t>> tensors_;
  void *memory_ = nullptr; // Mapped; given back at the end.
  uint64_t bytes_ = 0;
};

} // namespace mamba::bench
