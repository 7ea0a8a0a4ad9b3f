// A pack's target on this machine's processor.
#pragma once

#include "runtime/device/BoundWeights.h"
#include "runtime/device/Memory.h"
#include "runtime/device/TargetExecutable.h"
#include "runtime/device/cpu/CpuProfile.h"
#include "runtime/device/cpu/ElfImage.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <memory>
#include <vector>

namespace mamba {

class WeightProgress;

class CpuExecutable final : public TargetExecutable {
public:
  static Result<std::unique_ptr<CpuExecutable>>
  load(std::shared_ptr<const Pack> pack, const DeviceOptions &options);

  Status selfTest(const Progress &progress) override;
  void
  runOnThreads(uint32_t count,
               const std::function<void(uint32_t index)> &task) override;

  Result<std::string> profile(const std::string &chip,
                              ProfileForm form) const override;
  void clearProfile() override;

  // For contexts.
  MambaKernel kernel(uint32_t index) const { return kernels_[index]; }
  ThreadPool &threads() { return *threads_; }
  uint64_t scratchBytes() const { return scratchBytes_; }
  /// Where steps write how long they took; null if nobody asked.
  CpuProfile *profiler() { return profile_.get(); }
  /// Of a space that is the same for all contexts: Weight or Packed.
  const void *address(const ArgRef &arg) const {
    return arg.space == ArgSpace::Weight ? weights_.data(arg.number)
                                         : packed_.data() + arg.number;
  }

private:
  CpuExecutable(std::shared_ptr<const Pack> pack, const TargetSpec &target);
  Status prepareWeights(WeightSource *source,
                        const Progress &progress) override;
  Result<std::unique_ptr<Context>> makeContext(uint64_t slots) override;
  Status loadCode();
  Status runRecipe(WeightSource *source, WeightProgress &progress);

  ElfImage image_;
  std::vector<MambaKernel> kernels_;
  uint64_t scratchBytes_ = 0;

  BoundWeights weights_;
  Memory packed_;
  std::unique_ptr<ThreadPool> threads_;
  std::unique_ptr<CpuProfile> profile_; // With DeviceOptions::counts.
};

/// Fills the first bytes with NaN, so that reading what was not written shows.
void poison(const Memory &memory, uint64_t bytes);
/// Whether to do that: in debug builds, or if MAMBA_POISON=1 is set.
bool poisonsMemory();

} // namespace mamba
