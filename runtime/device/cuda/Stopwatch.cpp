#include "runtime/device/cuda/Stopwatch.h"

using namespace mamba;
using namespace mamba::cuda;

Result<Event> cuda::makeTimedEvent(const std::shared_ptr<const Gpu> &gpu) {
  CUevent event = nullptr;
  MAMBA_RETURN_IF_ERROR(
      gpu->check(gpu->driver().cuEventCreate(&event, 0), "make an event"));
  return Event(gpu, event);
}

Result<double> cuda::secondsBetween(const Gpu &gpu, const Event &from,
                                    const Event &to) {
  float milliseconds = 0;
  MAMBA_RETURN_IF_ERROR(gpu.check(
      gpu.driver().cuEventElapsedTime(&milliseconds, from.get(), to.get()),
      "take a time"));
  return 1e-3 * double(milliseconds);
}

Result<Stopwatch> Stopwatch::create(std::shared_ptr<const Gpu> gpu) {
  Stopwatch watch;
  MAMBA_ASSIGN_OR_RETURN(watch.from_, makeTimedEvent(gpu));
  MAMBA_ASSIGN_OR_RETURN(watch.to_, makeTimedEvent(gpu));
  watch.gpu_ = std::move(gpu);
  return watch;
}

Result<double> Stopwatch::seconds() const {
  return secondsBetween(*gpu_, from_, to_);
}
