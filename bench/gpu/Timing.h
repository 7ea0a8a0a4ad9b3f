// Times on a GPU by its own events.
#pragma once

#include "runtime/device/cuda/StepGraphs.h"

#include <functional>
#include <vector>

namespace mamba::bench {

double median(std::vector<double> values); // of at least one

/// Two events around work in a stream.
class Stopwatch {
public:
  static Result<Stopwatch> create(std::shared_ptr<const cuda::Gpu> gpu);
  Status start(const cuda::Stream &stream) const { return stream.record(from_); }
  Status stop(const cuda::Stream &stream) const { return stream.record(to_); }
  /// Both are done.
  Result<double> seconds() const;

private:
  std::shared_ptr<const cuda::Gpu> gpu_;
  cuda::Event from_, to_;
};

/// An event that takes the time.
Result<cuda::Event> makeTimedEvent(const std::shared_ptr<const cuda::Gpu> &gpu);
Result<double> secondsBetween(const cuda::Gpu &gpu, const cuda::Event &from,
                              const cuda::Event &to);

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
