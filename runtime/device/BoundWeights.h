// The checkpoint's weights that a target reads, in the memory of the host.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/Memory.h"

#include <vector>

namespace mamba {

/// By weight of the manifest's checkpoint, whether a program reads it; what is
/// left is the recipe's.
std::vector<bool> weightsReadByPrograms(const Manifest &manifest,
                                        const TargetSpec &target);

/// The same of programs and recipe.
std::vector<bool> weightsReadBy(const Manifest &manifest,
                                const TargetSpec &target);

class BoundWeights {
public:
  /// Asks the source, which may be null if nothing is read, for each weight
  /// that the target reads. What it gives stays where it is, and so must the
  /// source, but for a copy of what is not aligned to its element.
  Status bind(const Manifest &manifest, const TargetSpec &target,
              WeightSource *source);
  /// Frees the copies that only the recipe has read.
  void dropRecipeCopies(const Manifest &manifest, const TargetSpec &target);

  size_t size() const { return weights_.size(); }
  /// Null where nothing reads it.
  const uint8_t *data(size_t index) const { return weights_[index]; }

  /// Of a weight that is read.
  std::span<const uint8_t> bytes(const Manifest &manifest, size_t index) const;

private:
  Status bindOne(WeightSource &source, const WeightSpec &spec, size_t index);

  std::vector<const uint8_t *> weights_;
  std::vector<Memory> copies_; // Of weights that the file misaligns, or empty.
};

} // namespace mamba
