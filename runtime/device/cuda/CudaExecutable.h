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
} // namespace mamba

namespace mamba::cuda {

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
  /// Queues the kernel's tiles.
  Status launch(const Stream &stream, uint32_t kernel, uint64_t tiles,
                const Step &step, std::span<const CUdeviceptr> args) const;

private:
  CudaExecutable(std::shared_ptr<const Pack> pack, const TargetSpec &target,
                 std::shared_ptr<const Gpu> gpu, CudaCode code)
      : TargetExecutable(std::move(pack), target), gpu_(std::move(gpu)),
        code_(std::move(code)) {}
  Status prepareWeights(WeightSource *source,
                        const Progress &progress) override;
  Result<std::unique_ptr<Context>> makeContext(uint64_t slots) override;
  Status runRecipe(const BoundWeights &bound, Upload &upload,
                   const Stream &stream, const Progress &progress);
  Status runRecipeStep(const Dispatch &dispatch, const BoundWeights &bound,
                       Upload &upload, const Stream &stream,
                       const DeviceMemory &window);
  Status runGolden(const Stream &stream, uint32_t kernel, const GoldenRun &run);
  Status testOnce(const KernelCache &cache);

  std::shared_ptr<const Gpu> gpu_;
  CudaCode code_;
  bool usesGraphs_ = true;
  DeviceMemory memory_;              // A zero, packed weights, weights.
  CUdeviceptr zero_ = 0, packed_ = 0; // in memory_
  std::vector<CUdeviceptr> weights_; // by weight; 0 where no program reads it
};

} // namespace mamba::cuda
