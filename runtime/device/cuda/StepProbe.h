// Who watches steps while they are queued: measuring, never part of a run.
#pragma once

#include "runtime/device/cuda/Gpu.h"
#include "runtime/pack/Manifest.h"

namespace mamba::cuda {

class StepProbe {
public:
  virtual ~StepProbe() = default;
  /// A step's kernels come next, or are all queued; outside of its graph.
  virtual Status begin(const Stream &stream) = 0;
  virtual Status end(const Stream &stream) = 0;
  /// Whether this kernel is launched for the dispatch at all.
  virtual bool wants(const Dispatch &dispatch, uint32_t kernel) = 0;
  /// It was; while a graph is captured too.
  virtual Status launched(const Stream &stream, uint32_t kernel) = 0;
};

} // namespace mamba::cuda
