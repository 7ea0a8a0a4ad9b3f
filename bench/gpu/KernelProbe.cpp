#include "bench/gpu/KernelProbe.h"

#include <algorithm>

using namespace mamba;
using namespace mamba::bench;
using namespace mamba::cuda;

Result<std::unique_ptr<KernelProbe>> KernelProbe::create(CudaExecutable &executable) {
  std::unique_ptr<KernelProbe> probe(new KernelProbe(executable));
  Current current(*executable.gpu());
  MAMBA_RETURN_IF_ERROR(current.status());
  MAMBA_ASSIGN_OR_RETURN(probe->watch_, Stopwatch::create(executable.gpu()));
  probe->watch(true);
  return probe;
}

Status KernelProbe::mark(const Stream &stream) {
  if (used_ == marks_.size()) {
    MAMBA_ASSIGN_OR_RETURN(Event event, makeTimedEvent(executable_.gpu()));
    marks_.push_back(std::move(event));
  }
  return stream.record(marks_[used_++]);
}

Status KernelProbe::begin(const Stream &stream) {
  used_ = 0;
  kernels_.clear();
  MAMBA_RETURN_IF_ERROR(watch_.start(stream));
  return hasMarks_ ? mark(stream) : Status();
}

Status KernelProbe::launched(const Stream &stream, uint32_t kernel) {
  auto known = std::ranges::find(launches_, kernel, &Launches::value_type::first);
  if (known == launches_.end())
    known = launches_.insert(known, {kernel, 0});
  ++known->second;
  if (!hasMarks_)
    return {};
  kernels_.push_back(kernel);
  return mark(stream);
}

Status KernelProbe::end(const Stream &stream) { return watch_.stop(stream); }

Result<double> KernelProbe::seconds() const {
  Current current(*executable_.gpu());
  MAMBA_RETURN_IF_ERROR(current.status());
  return watch_.seconds();
}

Result<std::map<uint32_t, std::vector<double>>> KernelProbe::kernelSeconds() const {
  Current current(*executable_.gpu());
  MAMBA_RETURN_IF_ERROR(current.status());
  std::map<uint32_t, std::vector<double>> times;
  for (size_t i = 0; i < kernels_.size(); ++i) {
    MAMBA_ASSIGN_OR_RETURN(double seconds,
                           secondsBetween(*executable_.gpu(), marks_[i], marks_[i + 1]));
    times[kernels_[i]].push_back(seconds);
  }
  return times;
}
