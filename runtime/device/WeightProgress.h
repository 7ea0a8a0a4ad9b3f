// How far the loading of weights is, in bytes.
#pragma once

#include "runtime/device/Device.h"

#include <vector>

namespace mamba {

/// Reports bytes of the checkpoint's tensors that a target reads, each tensor
/// once, when the device has read it. Rises with every call, and ends at the
/// total.
class WeightProgress {
public:
  /// `report` may be null; all are borrowed.
  WeightProgress(const Manifest &manifest, const TargetSpec &target,
                 const Progress &report);

  void finish(size_t weight);
  /// All that programs read where they lie.
  void finishMapped();
  /// All that the dispatch reads.
  void finish(const Dispatch &dispatch);

private:
  const Manifest &manifest_;
  const TargetSpec &target_;
  const Progress &report_;
  std::vector<bool> isOpen_; // by weight
  uint64_t done_ = 0, total_ = 0;
};

} // namespace mamba
