// A kernel with one schedule. Its last golden case is of the size at which it is
// timed, the first is another one.
#pragma once

#include "runtime/pack/Pack.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mamba::tune {

/// A candidate of a tuning pack.
struct VariantName {
  std::string pack = {};
  size_t kernel = 0, variant = 0; // of Manifest::tuning
  std::string form = {};          // of a GPU's code; empty: whatever it takes by itself

  /// What Candidate::open takes: "@2.5@nvrtc@PACK".
  std::string text() const;
  /// Nothing of what is no such text.
  static std::optional<VariantName> parse(std::string_view text);
};

class Candidate {
public:
  /// The only kernel of a pack, or what a VariantName says. Fails if there is no
  /// candidate.
  static Result<Candidate> open(const std::string &name);

  const std::shared_ptr<const Pack> &pack() const { return pack_; }
  const TargetSpec &target() const { return pack_->manifest().targets.front(); }
  const KernelSpec &kernel() const { return target().kernels.front(); }
  const std::optional<std::string> &form() const { return kernel().codeForm; }
  const GoldenCase &sizeOfTiming() const { return kernel().golden.back(); }

  /// Compares what it computes there with the float64 reference.
  Status check(const std::string &device, unsigned threads) const;

private:
  std::shared_ptr<const Pack> pack_;
};

} // namespace mamba::tune
