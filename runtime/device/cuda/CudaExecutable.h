// A pack's target on a GPU.
#pragma once

#include "runtime/device/TargetExecutable.h"
#include "runtime/device/cuda/CudaCode.h"

#include <memory>
#include <span>
#include <vector>

namespace mamba {
struct GoldenRun;
class BoundWeights;
class WeightProgress;
} // namespace mamba

namespace mamba::cuda {

class StepProbe;
class Upload;

class CudaExecutable final : public TargetExecutable {
public:
  static Result<std::unique_ptr<CudaExecutable>>
  load(std::shared_ptr<const Pack> pack, unsigned ordinal,
       const DeviceOptions &options);

  std::string description() const override;
  Status selfTest(const Progress &progress) override;

  // For contexts.
  const std::shared_ptr<const Gpu> &gpu() const { return gpu_; }
  /// Whether decode steps are replayed (MAMBA_CUDA_GRAPHS=off: they are not).
  bool usesGraphs() const { return usesGraphs_; }
  /// Whether kernels of a step may begin before the one before has ended.
  bool overlaps() const { return overlaps_; }
  /// In which form the kernel's code is.
  const CodeChoice &choice(uint32_t kernel) const { return code_.choice(kernel); }
  /// Who watches the steps of contexts, or null; it outlives them.
  StepProbe *probe() const { return probe_; }
  void setProbe(StepProbe *probe) { probe_ = probe; }
  /// Of a space that is the same for all contexts: Weight or Packed.
  CUdeviceptr address(const ArgRef &arg) const {
    return arg.space == ArgSpace::Weight ? weights_[arg.number]
                                         : packed_ + arg.number;
  }
  /// What a kernel gets before its arguments.
  struct Step {
    uint64_t rows, sequences;
    CUdeviceptr seqStart, slot;
  };
  /// Queues the kernel's tiles. `mayOverlap`, false before the first kernel of
  /// a step, goes from launch to launch: whether the last one in the stream is a
  /// kernel that lets the next begin before it ends.
  Status launch(const Stream &stream, uint32_t kernel, uint64_t tiles,
                const Step &step, std::span<const CUdeviceptr> args,
                bool *mayOverlap = nullptr) const;

private:
  CudaExecutable(std::shared_ptr<const Pack> pack, const TargetSpec &target,
                 std::shared_ptr<const Gpu> gpu, CudaCode code)
      : TargetExecutable(std::move(pack), target), gpu_(std::move(gpu)),
        code_(std::move(code)) {}
  Status prepareWeights(WeightSource *source,
                        const Progress &progress) override;
  Status checkLoaded(WeightSource *source) override;
  Result<std::unique_ptr<Context>> makeContext(uint64_t slots) override;
  Status runRecipe(const BoundWeights &bound, Upload &upload,
                   const Stream &stream, WeightProgress &progress);
  Status runRecipeStep(const Dispatch &dispatch, const BoundWeights &bound,
                       Upload &upload, const Stream &stream,
                       const DeviceMemory &window);
  Status runGolden(const Stream &stream, uint32_t kernel, const GoldenRun &run);
  std::string passedKey(const char *test) const;
  Status testOnce(const KernelCache &cache);

  std::shared_ptr<const Gpu> gpu_;
  CudaCode code_;
  std::function<void(const std::string &)> inform_; // May be null.
  bool usesGraphs_ = true, overlaps_ = true;
  DeviceMemory memory_;              // A zero, packed weights, weights.
  CUdeviceptr zero_ = 0, packed_ = 0; // in memory_
  std::vector<CUdeviceptr> weights_; // by weight; 0 where no program reads it
  StepProbe *probe_ = nullptr;
};

} // namespace mamba::cuda
