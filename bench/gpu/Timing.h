// Times on a GPU by its own events.
#pragma once

#include "runtime/device/cuda/StepGraphs.h"
#include "runtime/device/cuda/Stopwatch.h"

#include <functional>
#include <vector>

namespace mamba::bench {

double median(std::vector<double> values); // of at least one

using cuda::makeTimedEvent, cuda::secondsBetween, cuda::Stopwatch;

/// Work that is measured by itself, over and over, in a stream of its own.
class Meter {
public:
  static Result<Meter> create(std::shared_ptr<const cuda::Gpu> gpu);

  /// Queues piece `i` of the work.
  using Queue = std::function<Status(const cuda::Stream &stream, unsigned i)>;
  /// Seconds of a piece: the median of some repetitions of `pieces` pieces one
  /// behind the other, launched as one graph if `isGraph`.
  Result<double> measure(unsigned pieces, bool isGraph, const Queue &queue);

  const cuda::Stream &stream() const { return stream_; }

private:
  std::shared_ptr<const cuda::Gpu> gpu_;
  cuda::Stream stream_;
  Stopwatch watch_;
};

} // namespace mamba::bench
