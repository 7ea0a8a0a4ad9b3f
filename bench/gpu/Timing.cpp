#include "bench/gpu/Timing.h"

#include <algorithm>

using namespace mamba;
using namespace mamba::bench;
using namespace mamba::cuda;

double bench::median(std::vector<double> values) {
  auto middle = values.begin() + ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Result<Event> bench::makeTimedEvent(const std::shared_ptr<const Gpu> &gpu) {
  CUevent event = nullptr;
  MAMBA_RETURN_IF_ERROR(gpu->check(gpu->driver().cuEventCreate(&event, 0), "make an event"));
  return Event(gpu, event);
}

Result<double> bench::secondsBetween(const Gpu &gpu, const Event &from, const Event &to) {
  float milliseconds = 0;
  MAMBA_RETURN_IF_ERROR(gpu.check(
      gpu.driver().cuEventElapsedTime(&milliseconds, from.get(), to.get()), "take a time"));
  return 1e-3 * double(milliseconds);
}

Result<Stopwatch> Stopwatch::create(std::shared_ptr<const Gpu> gpu) {
  Stopwatch watch;
  MAMBA_ASSIGN_OR_RETURN(watch.from_, makeTimedEvent(gpu));
  MAMBA_ASSIGN_OR_RETURN(watch.to_, makeTimedEvent(gpu));
  watch.gpu_ = std::move(gpu);
  return watch;
}

Result<double> Stopwatch::seconds() const { return secondsBetween(*gpu_, from_, to_); }

Result<Meter> Meter::create(std::shared_ptr<const Gpu> gpu) {
  Meter meter;
  MAMBA_ASSIGN_OR_RETURN(meter.stream_, Stream::create(gpu));
  MAMBA_ASSIGN_OR_RETURN(meter.watch_, Stopwatch::create(gpu));
  meter.gpu_ = std::move(gpu);
  return meter;
}

Result<double> Meter::measure(unsigned pieces, bool isGraph, const Queue &queue) {
  constexpr unsigned kLeast = 3, kMost = 25;
  constexpr double kEnough = 0.1; // seconds
  StepGraphs graphs(gpu_);
  auto queueAll = [&]() -> Status {
    for (unsigned i = 0; i < pieces; ++i)
      MAMBA_RETURN_IF_ERROR(queue(stream_, i));
    return {};
  };
  auto once = [&] {
    return isGraph ? graphs.run(stream_, {0, pieces}, 0, queueAll) : queueAll();
  };
  MAMBA_RETURN_IF_ERROR(once()); // caches, clocks, the graph itself
  MAMBA_RETURN_IF_ERROR(stream_.wait());
  std::vector<double> times;
  double sum = 0;
  while (times.size() < kLeast || (times.size() < kMost && sum < kEnough)) {
    MAMBA_RETURN_IF_ERROR(watch_.start(stream_));
    MAMBA_RETURN_IF_ERROR(once());
    MAMBA_RETURN_IF_ERROR(watch_.stop(stream_));
    MAMBA_RETURN_IF_ERROR(stream_.wait());
    MAMBA_ASSIGN_OR_RETURN(double seconds, watch_.seconds());
    times.push_back(seconds / pieces);
    sum += seconds;
  }
  return median(times);
}
