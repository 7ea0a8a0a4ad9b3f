// Times steps, or each kernel of a step, while a context runs them.
#pragma once

#include "bench/gpu/Timing.h"
#include "runtime/device/cuda/CudaExecutable.h"
#include "runtime/device/cuda/StepProbe.h"

#include <map>
#include <optional>

namespace mamba::bench {

/// Kernels in the order of their first launches, and how many they have.
using Launches = std::vector<std::pair<uint32_t, uint32_t>>;

class KernelProbe final : public cuda::StepProbe {
public:
  /// Watches the executable's steps, if it is not told not to, until it ends.
  static Result<std::unique_ptr<KernelProbe>> create(cuda::CudaExecutable &executable);
  ~KernelProbe() override { watch(false); }

  void watch(bool isWatching) { executable_.setProbe(isWatching ? this : nullptr); }
  /// From now on this kernel is left out; none: nothing is.
  void leaveOut(std::optional<uint32_t> kernel) { leftOut_ = kernel; }
  /// From now on there is an event behind every kernel; not for graphs.
  void setMarks(bool hasMarks) { hasMarks_ = hasMarks; }

  /// Of the last step: how long all its kernels took.
  Result<double> seconds() const;
  /// Of the last step with marks: of each kernel, its launches' times.
  Result<std::map<uint32_t, std::vector<double>>> kernelSeconds() const;
  /// How often each kernel was launched or captured since the last call.
  Launches takeLaunches() { return std::exchange(launches_, {}); }

  Status begin(const cuda::Stream &stream) override;
  Status end(const cuda::Stream &stream) override;
  bool wants(const Dispatch &dispatch, uint32_t kernel) override { return leftOut_ != kernel; }
  Status launched(const cuda::Stream &stream, uint32_t kernel) override;

private:
  explicit KernelProbe(cuda::CudaExecutable &executable) : executable_(executable) {}
  Status mark(const cuda::Stream &stream);

  cuda::CudaExecutable &executable_; // Borrowed; outlives this.
  Stopwatch watch_;
  std::optional<uint32_t> leftOut_;
  bool hasMarks_ = false;
  std::vector<cuda::Event> marks_;
  size_t used_ = 0;                // of marks_, in the last step
  std::vector<uint32_t> kernels_; // between them
  Launches launches_;
};

} // namespace mamba::bench
