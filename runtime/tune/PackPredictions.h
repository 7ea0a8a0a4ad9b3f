// The variants of a tuning pack, predicted by the simulator.
#pragma once

#include "runtime/tune/PackSource.h"
#include "runtime/tune/PredictSweep.h"

namespace mamba::tune {

/// The first argument of a process that checks a variant in the simulator and predicts its
/// time; it then takes the chip, what Candidate::open takes and the file of a prediction.
inline constexpr const char *kPredictVariantVerb = "@predict-variant";
Status predictVariant(const std::vector<std::string> &arguments);

class PackPredictions final : public PredictionSource {
public:
  /// Of a source that was opened for device sim, which outlives this.
  explicit PackPredictions(const PackSource &source) : source_(source) {}

  size_t kernels() const override { return source_.kernels(); }
  std::string key(size_t index) const override { return source_.kernel(index).key; }
  std::vector<std::string> schedules(size_t index) const override;
  Status prepare(size_t, const std::string &) const override { return {}; }
  Arguments prediction(size_t index, size_t candidate, const std::string &folder,
                       const std::string &file) const override {
    return {kPredictVariantVerb, source_.chip(), source_.made(index, candidate, folder), file};
  }
  // Predictions have checked all.
  Arguments check(size_t, size_t, const std::string &) const override { return {}; }
  Arguments reference(size_t, const std::string &) const override { return {}; }

private:
  const PackSource &source_;
};

} // namespace mamba::tune
