// Times on a GPU by its own events.
#pragma once

#include "runtime/device/cuda/Gpu.h"

namespace mamba::cuda {

/// An event that takes the time.
Result<Event> makeTimedEvent(const std::shared_ptr<const Gpu> &gpu);
/// Both are done.
Result<double> secondsBetween(const Gpu &gpu, const Event &from,
                              const Event &to);

/// Two events around work in a stream.
class Stopwatch {
public:
  static Result<Stopwatch> create(std::shared_ptr<const Gpu> gpu);
  Status start(const Stream &stream) const { return stream.record(from_); }
  Status stop(const Stream &stream) const { return stream.record(to_); }
  /// Both are done.
  Result<double> seconds() const;

private:
  std::shared_ptr<const Gpu> gpu_;
  Event from_, to_;
};

} // namespace mamba::cuda
