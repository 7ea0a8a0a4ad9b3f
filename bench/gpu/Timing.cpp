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
